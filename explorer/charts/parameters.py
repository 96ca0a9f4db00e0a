"""Where a model's parameters are: one bar a component."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import say


def create_parameters_chart(parts: pd.DataFrame, *, bars: int, most: int) -> Layered:
    """parts: columns component, parameters, share (0 to 1), label; in the order a token meets them,
    so many `bars`, the longest of `most` parameters."""
    y = alt.Y("component:N", sort=None, title=None, axis=alt.Axis(labelLimit=180))
    x = alt.X(
        "parameters:Q",
        title=say("parameters"),
        axis=None,  # every bar carries its number
        scale=alt.Scale(domain=[0, max(1, most) * 1.7], nice=False),
    )
    tooltip = [
        alt.Tooltip("component:N", title=say("component")),
        alt.Tooltip("parameters:Q", title=say("parameters"), format=","),
        alt.Tooltip("share:Q", title=say("share"), format=".1%"),
    ]
    base = alt.Chart(parts).encode(x=x, y=y, tooltip=tooltip)
    lengths = base.mark_bar(color=theme.PROBABILITY)
    counts = base.mark_text(align="left", dx=5, color=theme.REFERENCE, fontSize=12).encode(
        text=alt.Text("label:N")
    )
    return alt.layer(lengths, counts).properties(
        height=30 * bars, description=say("Number of parameters of each component.")
    )
