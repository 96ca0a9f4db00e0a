"""How long the gradient is in each layer, for several variants of one stack."""

import altair as alt
import pandas as pd

from explorer.charts import Layered
from explorer.language import say

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross"]
# Mid tones for light and dark ground; the shapes say the same.
COLOURS = ["#3f8fd2", "#d9622b", "#3d9a60", "#a06bd1", "#8a8f98"]
FLOOR = 1e-12  # a gradient of exactly 0 has no place on a logarithmic scale


def create_gradients_chart(gradients: pd.DataFrame) -> Layered:
    """gradients: columns variant, layer (from 1), norm (0 or more); at most 5 variants.

    Logarithmic, so a step down of the grid is ten times less. A norm of 0 is drawn at the floor.
    """
    gradients = gradients.assign(variant=gradients["variant"].map(say))
    variants = list(dict.fromkeys(gradients["variant"]))
    shown = gradients.assign(drawn=gradients["norm"].clip(lower=FLOOR))
    base = alt.Chart(shown).encode(
        x=alt.X("layer:O", title=say("layer (1 = next to the text)"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y(
            "drawn:Q",
            title=say("gradient norm (logarithmic)"),
            scale=alt.Scale(type="log", nice=True),
            axis=alt.Axis(format=".0e", tickCount=6),
        ),
        color=alt.Color(
            "variant:N",
            sort=variants,
            scale=alt.Scale(domain=variants, range=COLOURS[: len(variants)]),
            legend=alt.Legend(orient="right", title=None, labelLimit=270),
        ),
        tooltip=[
            alt.Tooltip("variant:N", title=say("variant")),
            alt.Tooltip("layer:O", title=say("layer")),
            alt.Tooltip("norm:Q", format=".3e", title=say("norm")),
        ],
    )
    shape = alt.Shape(
        "variant:N", sort=variants, scale=alt.Scale(domain=variants, range=SHAPES[: len(variants)])
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(shape=shape)
    return alt.layer(base.mark_line(strokeWidth=1.5), points).properties(
        height=270, description=say("Gradient norm of every layer, one line a variant.")
    )
