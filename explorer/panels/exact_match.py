"""How many held-out problems of a toy task the model in training answers rightly."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import frames
from explorer.charts import draw
from explorer.charts.exact_match import create_exact_match_chart
from explorer.language import say
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
        say("Exact match"),
        f"{last['share']:.1%}",
        help=say(
            "Share of held-out problems that the model answers rightly to the last sign, writing"
            " what is likeliest at each place. They are the same ones each time, and none of them"
            " is in the training part. The band in the chart is one standard error to each side."
        ),
    )
    with right:
        draw(create_exact_match_chart, answers, pd.DataFrame({"share": [guessing]}), key=key)
    st.caption(
        say(
            "**{task}**, as in {example}: of {n} held-out problems {share:.1%} ± {error:.1%} are"
            " right after step {step:,}, {first:.1%} were at first (measured); guessing gets"
            " {guessing:.1%} (dashed).",
            task=say(TOYS[task].summary).capitalize(),
            example=example(task),
            n=known[-1]["problems"],
            share=last["share"],
            error=last["error"],
            step=int(last["step"]),
            first=answers["share"].iloc[0],
            guessing=guessing,
        )
    )


def example(task: str) -> str:
    """A line of the task as code, which Markdown leaves as it is."""
    return f"`{TOYS[task].example}`"


@st.cache_data(show_spinner=False)
def _guessing(task: str) -> float:
    return gpt.guessing(gpt.held_out_problems(task, gpt.load_corpus(task).text))
