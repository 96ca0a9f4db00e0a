"""Head scores and losses over the snapshots of a training."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import say


def create_score_history_chart(
    history: pd.DataFrame, chosen: str, title: str, uniform: float | None, step: int
) -> Layered:
    """history: columns step, head, value; at most a few thousand rows. The chosen head is thick,
    the others thin; dashed: an even head; the upright line is the step that the page shows."""
    shown = history.assign(chosen=history["head"] == chosen)
    x = alt.X("step:Q", title=say("step (optimizer updates)"), scale=alt.Scale(nice=False))
    base = alt.Chart(shown).encode(
        x=x,
        y=alt.Y("value:Q", title=title),
        detail="head:N",
        tooltip=[
            alt.Tooltip("head:N", title=say("head")),
            alt.Tooltip("step:Q", title=say("step")),
            alt.Tooltip("value:Q", title=say("value"), format=".3f"),
        ],
    )
    others = base.transform_filter("!datum.chosen").mark_line(
        color=theme.REFERENCE, strokeWidth=1.2, opacity=0.75
    )
    one = base.transform_filter("datum.chosen").mark_line(
        color=theme.BAD, strokeWidth=3, point=alt.OverlayMarkDef(color=theme.BAD, size=35)
    )
    layers = [_rule(step), others, one]
    last = shown[shown["step"] == shown["step"].max()]
    names = alt.Chart(last).mark_text(align="left", dx=5, color=theme.REFERENCE, fontSize=11)
    layers.append(names.encode(x=x, y=alt.Y("value:Q", title=title), text="head:N"))
    if uniform is not None:
        even = alt.Chart(pd.DataFrame({"value": [uniform]}))
        layers.append(
            even.mark_rule(strokeDash=[5, 4], color=theme.REFERENCE).encode(
                y=alt.Y("value:Q", title=title)
            )
        )
    return alt.layer(*layers).properties(
        height=280, description=say("{score} of every head over the training.", score=title)
    )


def create_loss_history_chart(losses: pd.DataFrame, step: int) -> Layered:
    """losses: columns step, loss (nats), what (at most two kinds)."""
    losses = losses.assign(what=losses["what"].map(say))
    kinds = list(dict.fromkeys(losses["what"]))
    lines = (
        alt.Chart(losses)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title=say("step (optimizer updates)"), scale=alt.Scale(nice=False)),
            y=alt.Y("loss:Q", title=say("loss (nats a token)"), scale=alt.Scale(zero=False)),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=kinds, range=[theme.TRAIN, theme.VALIDATION][: len(kinds)]),
                legend=alt.Legend(orient="top", title=None, labelLimit=300),
            ),
            strokeDash=alt.StrokeDash(
                "what:N",
                scale=alt.Scale(domain=kinds, range=[[1, 0], [5, 3]][: len(kinds)]),
                legend=alt.Legend(orient="top", title=None, labelLimit=300),
            ),
            tooltip=[
                alt.Tooltip("what:N", title=say("what")),
                alt.Tooltip("step:Q", title=say("step")),
                alt.Tooltip("loss:Q", title=say("loss"), format=".3f"),
            ],
        )
    )
    return alt.layer(_rule(step), lines).properties(
        height=280, description=say("Loss over the training.")
    )


def _rule(step: int) -> alt.Chart:
    here = alt.Chart(pd.DataFrame({"step": [step]}))
    return here.mark_rule(color=theme.LEARNED, strokeWidth=1.5).encode(
        x=alt.X("step:Q", title=say("step (optimizer updates)"))
    )
