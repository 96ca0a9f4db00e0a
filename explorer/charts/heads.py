"""What each attention head does: a bar per head and score, with the mark of uniform attention."""

import altair as alt
import pandas as pd

from explorer.charts import SVG, Layered, theme
from explorer.language import message, say

TITLES = {
    "previous": message("previous token"),
    "first": message("first token"),
    "duplicate": message("same token, earlier"),
    "current": message("itself"),
}


def create_head_scores_chart(scores: pd.DataFrame, *, heads: int) -> alt.HConcatChart:
    """scores: columns score (a key of TITLES), head (text), value and uniform (0 to 1); one row a
    head and score, at most a few hundred, of so many `heads`. Bars side by side for each score; the
    tick is the score of a head that spreads its weight evenly."""
    charts = [
        _one(scores, name, say(title), heads, first=name == "previous")
        for name, title in TITLES.items()
    ]
    description = say("Head scores beside uniform attention.")
    return alt.hconcat(*charts, spacing=12, description=description, usermeta=SVG)


def _one(scores: pd.DataFrame, name: str, title: str, heads: int, first: bool) -> Layered:
    y = alt.Y(
        "head:N", sort=None, title=None, axis=alt.Axis(labels=first, ticks=first, labelLimit=140)
    )
    x = alt.X("value:Q", title=say("share of the weight"), scale=alt.Scale(domain=[0, 1]))
    tooltip = [
        alt.Tooltip("head:N", title=say("head")),
        alt.Tooltip("value:Q", title=say("weight on: {what}", what=title), format=".4f"),
        alt.Tooltip("uniform:Q", title=say("uniform attention"), format=".4f"),
    ]
    base = alt.Chart(scores).transform_filter(alt.datum.score == name)
    bars = base.mark_bar(color=theme.PROBABILITY).encode(x=x, y=y, tooltip=tooltip)
    ticks = base.mark_tick(color=theme.BAD, thickness=3).encode(
        x=alt.X("uniform:Q", title=say("share of the weight")), y=y, tooltip=tooltip
    )
    height = max(90, 24 * heads)
    return alt.layer(bars, ticks).properties(title=title, width=180, height=height)
