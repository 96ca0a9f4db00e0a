"""A few curves over one axis, told apart by colour and dash."""

import altair as alt
import pandas as pd

from explorer.charts import theme
from explorer.language import say

RANGE = [theme.REFERENCE, theme.QUERY, theme.KEY, theme.VALUE]
POWERS = [10.0**n for n in range(-6, 7)]  # one line each
DASHES = [[5, 3], [1, 0], [2, 2], [8, 3, 2, 3]]


def create_curves_chart(
    points: pd.DataFrame, x: str, y: str, about: str, dots: bool = False, log: bool = False
) -> alt.Chart:
    """points: columns x, y, series; at most a few hundred rows, in the order of the legend.
    x, y: titles of the axes. about: the text alternative. dots: mark each point. log: y by powers
    of ten."""
    points = points.assign(series=points["series"].map(say))
    names = list(dict.fromkeys(points["series"]))
    legend = alt.Legend(orient="top", title=None, labelLimit=300)
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
    axis = alt.Axis(values=POWERS, format="~g") if log else alt.Axis()
    return (
        alt.Chart(points)
        .mark_line(point=dots, strokeWidth=2)
        .encode(
            x=alt.X("x:Q", title=x, scale=alt.Scale(nice=False)),
            y=alt.Y("y:Q", title=y, scale=scale, axis=axis),
            color=alt.Color(
                "series:N", scale=alt.Scale(domain=names, range=RANGE[: len(names)]), legend=legend
            ),
            strokeDash=alt.StrokeDash(
                "series:N", scale=alt.Scale(domain=names, range=DASHES[: len(names)]), legend=legend
            ),
            tooltip=[
                alt.Tooltip("series:N", title=say("series")),
                alt.Tooltip("x:Q", title=x, format=".3~f"),
                alt.Tooltip("y:Q", title=y, format=".4~g"),
            ],
        )
        .properties(height=270, description=about)
    )
