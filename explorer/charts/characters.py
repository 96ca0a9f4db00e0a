"""How often each character of a text occurs."""

import altair as alt
import pandas as pd

from explorer.charts import theme
from explorer.language import say


def create_characters_chart(counts: pd.DataFrame) -> alt.Chart:
    """counts: columns character (visible), code, count, share; most frequent first, a bar for each
    row."""
    return (
        alt.Chart(counts)
        .mark_bar(color=theme.COUNTED)
        .encode(
            x=alt.X(
                "character:N",
                sort=None,
                title=None,
                axis=alt.Axis(labelAngle=0, labelFontSize=13),
            ),
            y=alt.Y("count:Q", title=say("how often"), axis=alt.Axis(format="~s")),
            tooltip=[
                alt.Tooltip("character:N", title=say("character")),
                alt.Tooltip("code:N", title=say("code")),
                alt.Tooltip("count:Q", title=say("count"), format=","),
                alt.Tooltip("share:Q", title=say("share"), format=".2%"),
            ],
        )
        .properties(height=190)
    )
