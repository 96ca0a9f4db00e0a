"""How long each way to average the past takes, as the text grows."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import say

# The shapes say the same as the colours.
LOOKS = [
    (theme.REFERENCE, "circle"),
    (theme.KEY, "square"),
    (theme.VALUE, "triangle-up"),
    (theme.QUERY, "diamond"),
]

DECADES = [10.0**power for power in range(-4, 6)]


def create_averaging_times_chart(times: pd.DataFrame) -> Layered:
    """times: columns version (at most 4), T, milliseconds. Logarithmic both ways."""
    times = times.assign(version=times["version"].map(say))
    versions = list(dict.fromkeys(times["version"]))
    colours, shapes = zip(*LOOKS[: len(versions)], strict=True)
    legend = alt.Legend(orient="top", title=None)
    base = alt.Chart(times).encode(
        x=alt.X(
            "T:Q",
            title=say("T, positions (logarithmic)"),
            scale=alt.Scale(type="log", base=2),
            axis=alt.Axis(values=sorted(set(times["T"])), format="d"),
        ),
        y=alt.Y(
            "milliseconds:Q",
            title=say("milliseconds (logarithmic)"),
            scale=alt.Scale(type="log"),
            axis=alt.Axis(format="~g", values=DECADES),
        ),
        color=alt.Color(
            "version:N",
            sort=versions,
            scale=alt.Scale(domain=versions, range=colours),
            legend=legend,
        ),
        tooltip=[
            alt.Tooltip("version:N", title=say("version")),
            alt.Tooltip("T:Q", title=say("T")),
            alt.Tooltip("milliseconds:Q", title=say("milliseconds"), format=".3g"),
        ],
    )
    shape = alt.Shape(
        "version:N", sort=versions, scale=alt.Scale(domain=versions, range=shapes), legend=legend
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(shape=shape)
    return alt.layer(base.mark_line(strokeWidth=1.5), points).properties(
        height=300, description=say("Time of each version of the average against the length T.")
    )
