"""The share of right answers to a toy task's held-out problems over training."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import say


def create_exact_match_chart(answers: pd.DataFrame, guessing: pd.DataFrame) -> Layered:
    """answers: columns step, share, low, high (0 to 1; one standard error to each side), a row an
    estimate. guessing: column share, one row: what guessing gets right, drawn as a dashed line."""
    title = say("step (optimizer updates)")
    x = alt.X("step:Q", title=title, scale=alt.Scale(nice=False), axis=alt.Axis(format=",d"))
    axis = alt.Axis(format="%", values=[0, 0.5, 1])
    y = alt.Y("share:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=axis)
    base = alt.Chart(answers).encode(x=x)
    band = base.mark_area(opacity=0.25, color=theme.VALIDATION).encode(
        y=alt.Y("low:Q", title=None, scale=alt.Scale(domain=[0, 1])), y2="high:Q"
    )
    tooltip = [
        alt.Tooltip("step:Q", title=say("step")),
        alt.Tooltip("share:Q", title=say("share"), format=".1%"),
    ]
    line = base.mark_line(point=True, color=theme.VALIDATION).encode(y=y, tooltip=tooltip)
    rule = (
        alt.Chart(guessing)
        .mark_rule(strokeDash=[5, 4], color=theme.REFERENCE)
        .encode(
            y=alt.Y("share:Q", title=None),
            tooltip=[alt.Tooltip("share:Q", format=".1%", title=say("guessing"))],
        )
    )
    return alt.layer(rule, band, line).properties(height=140)
