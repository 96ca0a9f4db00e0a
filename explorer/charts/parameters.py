"""Where a model's parameters are: one bar a component."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import say


def create_parameters_chart(parts: pd.DataFrame) -> Layered:
    """parts: columns component, parameters, share (0 to 1); in the order a token meets them."""
    parts = parts.assign(component=parts["component"].map(say))
    order = list(parts["component"])
    y = alt.Y("component:N", sort=order, title=None, axis=alt.Axis(labelLimit=180))
    most = max(1, int(parts["parameters"].max()))
    x = alt.X(
        "parameters:Q",
        title=say("parameters"),
        axis=None,  # every bar carries its number
        scale=alt.Scale(domain=[0, most * 1.7], nice=False),
    )
    tooltip = [
        alt.Tooltip("component:N", title=say("component")),
        alt.Tooltip("parameters:Q", title=say("parameters"), format=","),
        alt.Tooltip("share:Q", title=say("share"), format=".1%"),
    ]
    base = alt.Chart(parts).encode(x=x, y=y, tooltip=tooltip)
    bars = base.mark_bar(color=theme.PROBABILITY)
    counts = base.mark_text(align="left", dx=5, color=theme.REFERENCE, fontSize=12).encode(
        text=alt.Text("label:N")
    )
    return alt.layer(bars, counts).properties(
        height=30 * len(parts), description=say("Number of parameters of each component.")
    )
