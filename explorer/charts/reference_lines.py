"""Dashed lines across a chart for the losses to compare with, and their names above them.

The names stand at the right. Of lines that lie close together the second has its name to the left
of the first one's, and the third below its line.
"""

import altair as alt
import pandas as pd

from explorer.charts import theme
from explorer.language import say

WIDTH = 165  # pixels for a name
PLACES = [(-4, -7), (-4 - WIDTH, -7), (-4, 9)]  # from the right end of a line, in pixels


def rules(references: pd.DataFrame, y: alt.Y) -> alt.Chart:
    """references: columns loss, label, as `frames.references` makes them; y: of the chart."""
    tooltip = [
        alt.Tooltip("label:N", title=say("label")),
        alt.Tooltip("loss:Q", title=say("loss"), format=".4f"),
    ]
    chart = alt.Chart(references).mark_rule(strokeDash=[5, 4], color=theme.REFERENCE)
    return chart.encode(y=y, tooltip=tooltip)


def names(references: pd.DataFrame, y: alt.Y) -> list[alt.Chart]:
    """references: column place, too: which of PLACES the name of a line takes."""
    return [
        alt.Chart(references)
        .transform_filter(alt.datum.place == place)
        .mark_text(align="right", dx=dx, dy=dy, color=theme.REFERENCE, fontSize=11)
        .encode(x=alt.value("width"), y=y, text="label:N")
        for place, (dx, dy) in enumerate(PLACES)
    ]
