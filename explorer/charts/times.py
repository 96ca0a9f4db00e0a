"""How long each token took to write, with and without the cache of keys and values."""

import altair as alt
import pandas as pd

from explorer.charts import theme
from explorer.language import message, say

WAYS = [message("with the cache"), message("without it")]


def create_times_chart(times: pd.DataFrame) -> alt.Chart:
    """times: columns way (one of WAYS), token (from 1), milliseconds; a few hundred rows."""
    ways = [say(way) for way in WAYS]
    return (
        alt.Chart(times.assign(way=times["way"].map(say)))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("token:Q", title=say("token written"), scale=alt.Scale(nice=False)),
            y=alt.Y("milliseconds:Q", title=say("milliseconds")),
            color=alt.Color(
                "way:N",
                scale=alt.Scale(domain=ways, range=[theme.KEY, theme.REFERENCE]),
                legend=alt.Legend(orient="top", title=None),
            ),
            strokeDash=alt.StrokeDash(
                "way:N",
                scale=alt.Scale(domain=ways, range=[[1, 0], [5, 3]]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=[
                alt.Tooltip("way:N", title=say("way")),
                alt.Tooltip("token:Q", title=say("token")),
                alt.Tooltip("milliseconds:Q", title=say("milliseconds"), format=".2f"),
            ],
        )
        .properties(height=240)
    )
