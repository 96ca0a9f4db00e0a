"""Where an output comes from, position by position; and what the cache of keys and values holds."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme

STATES = ["kept", "computed now", "not yet"]


def create_rollout_chart(shares: pd.DataFrame) -> Layered:
    """shares: columns position, token, share, even; one row a position, at most a few hundred."""
    base = alt.Chart(shares).encode(
        x=alt.X(
            "position:O",
            title="position",
            axis=alt.Axis(labelAngle=0, labelOverlap=True),
        ),
        tooltip=[
            "position:O",
            "token:N",
            alt.Tooltip("share:Q", format=".2%"),
            alt.Tooltip("even:Q", title="with even attention", format=".2%"),
        ],
    )
    y = alt.Y("share:Q", title="share of the output", axis=alt.Axis(format="%"))
    bars = base.mark_bar(color=theme.PROBABILITY).encode(y=y)
    even = base.mark_tick(color=theme.BAD, thickness=2.5).encode(y="even:Q")
    return alt.layer(bars, even).properties(
        height=220, description="Attention rollout beside that of even attention."
    )


def create_kept_chart(cells: pd.DataFrame) -> alt.Chart:
    """cells: columns layer, position, token, state (one of STATES); at most a few thousand rows."""
    return (
        alt.Chart(cells)
        .mark_rect(stroke=theme.REFERENCE, strokeWidth=0.4, cornerRadius=2)
        .encode(
            x=alt.X("position:O", title="position", axis=alt.Axis(labelOverlap=True, labelAngle=0)),
            y=alt.Y("layer:O", sort="descending", title="layer", axis=alt.Axis(labelOverlap=False)),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=STATES, range=[theme.KEY, theme.QUERY, "transparent"]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=["layer:O", "position:O", "token:N", "state:N"],
        )
        .properties(
            height=26 * int(cells["layer"].max()) + 160,
            description="What the cache of keys and values holds.",
        )
    )
