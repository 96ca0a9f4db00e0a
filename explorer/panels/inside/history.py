"""The same text through the snapshots of a training: when did the heads learn what they do?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import gpt
from explorer import habits, inspected
from explorer.charts.history import create_loss_history_chart, create_score_history_chart
from explorer.language import explain, message, say
from explorer.panels.inside.attention import DOUBLED, THIS_TEXT, induction
from explorer.panels.inside.look import at_step
from explorer.panels.inside.reading import Reading
from explorer.panels.inside.tokens import token_losses
from explorer.panels.picture import picture
from explorer.runs.run import Run

NAMES = {**habits.SHORT, "entropy": message("entropy")}
MOST = 30  # snapshots, evenly chosen among all

Scores = Mapping[str, "gpt.HeadScore"]


def history_view(reading: Reading) -> None:
    """Lines of one score over the steps, and of the loss."""
    steps = _steps(reading.folder)
    if len(steps) < 2:
        st.info(
            say(
                "There are no snapshots of this model's training: choose a run, or a shipped model"
                " that brings them."
            )
        )
        return
    if not reading.has_heads:
        st.info(say("The bigram has no attention heads to follow."))
        return
    on, score = _ask(reading)
    try:
        found, losses, lost = _measure(reading, steps, on)
    except gpt.GPTError as error:
        st.info(explain(error))
        return
    if lost:
        said = say(
            "Left out, because their snapshots cannot be used: step {steps}", steps=", ".join(lost)
        )
        st.warning(said)
    if len(found) < 2:
        st.info(say("Fewer than two snapshots can be used: there is no history to draw."))
        return
    _draw(reading, found, losses, score, NAMES[score])


def _ask(reading: Reading) -> tuple[str, str]:
    """What the scores are measured on, and which of them is drawn."""
    lesson = reading.lesson
    left, right = reading.columns(2, vertical_alignment="bottom")
    on = left.segmented_control(
        say("Measured on"),
        [DOUBLED, THIS_TEXT],
        default=DOUBLED,
        format_func=say,
        key=f"{lesson.key}_history_on",
        required=True,
        help=say(
            "In random tokens said twice, only a head that looks back to the earlier copy helps."
        ),
    )
    score = right.selectbox(
        say("Score"),
        list(NAMES),
        index=list(NAMES).index("induction"),
        format_func=lambda name: say(NAMES[name]),
        key=f"{lesson.key}_history_score",
        help=say("The share of its weight that a head gives to such a place; entropy: 1 is even."),
    )
    return on or DOUBLED, score


def _steps(folder: Path | None) -> list[int]:
    known = [step for step, _ in Run(folder).snapshots()] if folder else []
    if len(known) <= MOST:
        return known
    return [known[i] for i in np.unique(np.linspace(0, len(known) - 1, MOST).round().astype(int))]


def _measure(
    reading: Reading, steps: Sequence[int], on: str
) -> tuple[dict[int, Scores], pd.DataFrame, list[str]]:
    """Scores by step, losses (columns step, loss, what), and the steps that cannot be used."""
    found: dict[int, Scores] = {}
    losses: list[tuple[int, float, str]] = []
    lost: list[str] = []
    bar = st.progress(0.0, say("Reading the snapshots …"))
    for number, step in enumerate(steps, 1):
        then = at_step(reading.folder, step, reading.shown, quiet=True)
        if then is reading.shown:  # as good as no snapshot
            lost.append(f"{step:,}")
            continue
        past = Reading(reading.lesson, then, reading.ids, reading.tokens, "")
        if on == THIS_TEXT:
            costs = token_losses(past)
            found[step] = past.scores()
            losses.append((step, sum(costs) / len(costs), say("this text")))
        else:
            twice = induction(past)
            found[step] = twice.heads
            losses.append((step, twice.first_loss, say("said the first time")))
            losses.append((step, twice.repeated_loss, say("said the second time")))
        bar.progress(number / len(steps), say("Snapshot {n} of {all}", n=number, all=len(steps)))
    bar.empty()
    return found, pd.DataFrame(losses, columns=["step", "loss", "what"]), lost


def _draw(
    reading: Reading, found: dict[int, Scores], losses: pd.DataFrame, score: str, title: str
) -> None:
    history = inspected.score_history(list(found), list(found.values()), score)
    if history["value"].isna().all():
        st.info(say("This text has no such place: choose another score, or the random tokens."))
        return
    name = habits.name(reading.layer, reading.head)
    uniform = next(iter(found.values()))[score].uniform
    left, right = reading.columns(2, gap="large")
    key, step = f"{reading.lesson.key}_history", reading.shown.step
    with left:
        chart = create_score_history_chart(history, name, say(title), uniform, step)
        picture(chart, key, f"{title} over training")
    with right:
        picture(create_loss_history_chart(losses, step), f"{key}_loss", "loss over training")
    st.markdown(jump_words(history, losses, say(title)))
    st.caption(
        say(
            "Measured on {n} snapshots. Thick: head {head}, chosen above. Dashed: an even head."
            " Upright line: the step that this page shows; move it with the slider above, and the"
            " other views follow.",
            n=len(found),
            head=name,
        )
    )


def jump_words(history: pd.DataFrame, losses: pd.DataFrame, title: str) -> str:
    """Where the head that ends highest rose most, and what the loss did there."""
    table: Any = history.pivot(index="step", columns="head", values="value")
    head = table.iloc[-1].idxmax()
    line = table[head]
    rise = line.diff()
    if not rise.max() > 0:
        return say(
            "“{score}”: head {head} is the highest at the end, and never rose.",
            score=title,
            head=head,
        )
    after = rise.idxmax()
    before = line.index[line.index.get_loc(after) - 1]
    kind = losses["what"].iloc[-1]
    cost = losses[losses["what"] == kind].set_index("step")["loss"]
    return say(
        "“{score}” ends highest in head {head}. It rose most between steps {before:,} and"
        " {after:,}, from {low:.2f} to {high:.2f}; the loss ({text}) went from {first:.2f} to"
        " {last:.2f} nats there.",
        score=title,
        head=head,
        before=before,
        after=after,
        low=line[before],
        high=line[after],
        text=kind,
        first=cost[before],
        last=cost[after],
    )
