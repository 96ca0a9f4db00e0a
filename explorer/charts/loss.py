"""The loss over training: every step's batch, both estimates, and what a loss is worth."""

import json

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import message, say

SERIES = [message("batch"), message("train"), message("validation")]
COLOURS = ["#9bbfe0", theme.TRAIN, theme.VALIDATION]


def create_loss_chart(curve: pd.DataFrame, references: pd.DataFrame) -> Layered:
    """Draw loss (nats per token) against step.

    curve: columns step, batch, train, validation (numbers, missing where not measured), at most a
    few hundred rows; one column a series keeps the message to the browser small. references:
    columns loss, label; drawn as dashed lines with their names.
    """
    folded = alt.Chart(curve).transform_fold([*SERIES], as_=["column", "loss"])
    folded = folded.transform_filter("isValid(datum.loss)")
    names = {column: say(column) for column in SERIES}
    folded = folded.transform_calculate(series=f"{json.dumps(names)}[datum.column]")
    legend = alt.Legend(orient="top", title=None)
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=[*names.values()], range=COLOURS),
        legend=legend,
    )
    shape = alt.Shape("series:N", scale=alt.Scale(domain=[*names.values()]), legend=legend)
    x = alt.X("step:Q", title=say("step (optimizer updates)"), scale=alt.Scale(nice=False))
    y = alt.Y("loss:Q", title=say("loss (nats per token)"), scale=alt.Scale(zero=False))
    tooltip = [
        alt.Tooltip("series:N", title=say("series")),
        alt.Tooltip("step:Q", title=say("step")),
        alt.Tooltip("loss:Q", title=say("loss"), format=".4f"),
    ]
    lines = folded.mark_line().encode(
        x=x,
        y=y,
        color=colour,
        strokeWidth=alt.condition("datum.column == 'batch'", alt.value(1), alt.value(2.5)),
        opacity=alt.condition("datum.column == 'batch'", alt.value(0.7), alt.value(1)),
    )
    points = (
        folded.transform_filter("datum.column != 'batch'")
        .mark_point(filled=True, size=45)
        .encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltip)
    )
    rules = (
        alt.Chart(references)
        .mark_rule(strokeDash=[5, 4], color=theme.REFERENCE)
        .encode(
            y=y,
            tooltip=[
                alt.Tooltip("label:N", title=say("label")),
                alt.Tooltip("loss:Q", title=say("loss"), format=".4f"),
            ],
        )
    )
    labels = (
        alt.Chart(references)
        .mark_text(align="right", dx=-4, dy=-7, color=theme.REFERENCE, fontSize=11)
        .encode(x=alt.value("width"), y=y, text="label:N")
    )
    return alt.layer(rules, lines, points, labels).properties(height=300)
