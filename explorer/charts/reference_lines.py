"""Dashed lines across a chart for the losses to compare with, and their names above them.

The names stand at the right. Of lines that lie close together the second has its name to the left
of the first one's, and the third below its line. The lowest has it at the left end, where curves
that come down to it are not there yet.
"""

from typing import Literal

import altair as alt
import pandas as pd

from explorer.charts import theme
from explorer.language import say

WIDTH = 165  # pixels for a name
# An end of the line, and pixels from there.
PLACES: list[tuple[Literal["left", "right"], int, int]] = [
    ("right", -4, -7), ("right", -4 - WIDTH, -7), ("right", -4, 9), ("left", 4, -7),
]  # fmt: skip


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
        .mark_text(align=end, dx=dx, dy=dy, color=theme.REFERENCE, fontSize=11)
        .encode(x=alt.value("width" if end == "right" else 0), y=y, text="label:N")
        for place, (end, dx, dy) in enumerate(PLACES)
    ]
