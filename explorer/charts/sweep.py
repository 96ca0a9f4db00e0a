"""What switching off each part does to the loss, as a grid."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import say

CELL = 88  # pixels


def create_sweep_chart(cells: pd.DataFrame) -> Layered:
    """cells: columns layer, part, effect (nats a token), error, noise, label; one row a part, at
    most some two hundred. Red: the loss rises without it. Noise has no colour and brackets."""
    parts = list(dict.fromkeys(cells["part"]))
    layers = sorted(set(cells["layer"]))
    bound = max(float(cells["effect"].abs().max()), 1e-6)
    base = alt.Chart(cells).encode(
        x=alt.X("part:N", sort=parts, title=None, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("layer:O", title=say("layer")),
        tooltip=[
            alt.Tooltip("layer:O", title=say("layer")),
            alt.Tooltip("part:N", title=say("part")),
            alt.Tooltip("effect:Q", title=say("loss without − loss (nats)"), format="+.4f"),
            alt.Tooltip("error:Q", title=say("standard error"), format=".4f"),
            alt.Tooltip("noise:N", title=say("under two standard errors")),
        ],
    )
    colour = alt.Color(
        "effect:Q",
        # The root keeps small effects visible beside one large one.
        scale=alt.Scale(
            type="pow",
            exponent=0.5,
            domain=[-bound, 0, bound],
            range=[theme.KEY, "#f2f2f2", theme.BAD],
        ),
        legend=None,  # the numbers stand in the cells
    )
    boxes = base.mark_rect(cornerRadius=4, stroke=theme.REFERENCE, strokeWidth=0.5)
    real = boxes.transform_filter("!datum.noise").encode(color=colour)
    noise = boxes.transform_filter("datum.noise").encode(color=alt.value("transparent"))
    words = base.mark_text(fontSize=12).encode(
        text="label:N",
        color=alt.condition("datum.noise", alt.value(theme.REFERENCE), alt.value("#1a1a1a")),
    )
    return alt.layer(real, noise, words).properties(
        width=max(280, CELL * len(parts)),
        height=44 * len(layers) + 40,
        description=say("What the loss gains without each part."),
    )
