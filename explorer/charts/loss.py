"""The loss over training: every step's batch, both estimates, and what a loss is worth."""

import json

import altair as alt
import pandas as pd

from explorer.charts import Layered, reference_lines, theme
from explorer.language import message, say

SERIES = [message("batch"), message("train"), message("validation")]
COLOURS = ["#9bbfe0", theme.TRAIN, theme.VALIDATION]


def create_loss_chart(curve: pd.DataFrame, references: pd.DataFrame) -> Layered:
    """Draw loss (nats per token) against step.

    curve: columns step, batch, train, validation (numbers, missing where not measured), at most a
    few hundred rows; one column a series keeps the message to the browser small. references:
    see `charts/reference_lines.py`.
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
    steps = alt.Axis(tickMinStep=1, format=",d")  # no parts of a step, while there is only one
    title = say("step (optimizer updates)")
    x = alt.X("step:Q", title=title, scale=alt.Scale(nice=False), axis=steps)
    y = alt.Y("loss:Q", title=say("loss (nats per token)"), scale=alt.Scale(zero=False, padding=12))
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
    known = reference_lines.rules(references, y)
    layers = [known, lines, points, *reference_lines.names(references, y)]
    return alt.layer(*layers).properties(height=300)
