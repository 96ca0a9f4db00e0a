"""How many held-out problems of a toy task the model in training answers rightly."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import frames
from explorer.charts import draw
from explorer.charts.exact_match import create_exact_match_chart
from gpt.toys import TOYS


def exact_match_panel(task: str, evaluations: Sequence[dict[str, Any]], key: str) -> None:
    """The newest share and its history; nothing for a text that is no toy task, or of a run that
    was recorded before there was this measure."""
    known = [e for e in evaluations if e.get("exact_match") is not None]
    if task not in TOYS or not known:
        return
    answers, guessing = frames.exact_match(known), _guessing(task)
    last = answers.iloc[-1]
    left, right = st.columns([1, 3], gap="small")
    left.metric(
        "Exact match",
        f"{last['share']:.1%}",
        help="Share of held-out problems that the model answers rightly to the last sign, writing"
        " what is likeliest at each place. They are the same ones each time, and none of them is in"
        " the training part. The band in the chart is one standard error to each side.",
    )
    with right:
        draw(create_exact_match_chart, answers, pd.DataFrame({"share": [guessing]}), key=key)
    st.caption(
        f"**{TOYS[task].summary.capitalize()}**, as in {example(task)}: of"
        f" {known[-1]['problems']} held-out problems {last['share']:.1%} ± {last['error']:.1%} are"
        f" right after step {int(last['step']):,}, {answers['share'].iloc[0]:.1%} were at first"
        f" (measured); guessing gets {guessing:.1%} (dashed)."
    )


def example(task: str) -> str:
    """A line of the task as code, which Markdown leaves as it is."""
    return f"`{TOYS[task].example}`"


@st.cache_data(show_spinner=False)
def _guessing(task: str) -> float:
    return gpt.guessing(gpt.held_out_problems(task, gpt.load_corpus(task).text))
