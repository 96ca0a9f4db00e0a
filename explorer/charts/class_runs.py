"""The validation losses of a whole class on one chart: a few runs in colour, all others grey."""

import altair as alt
import pandas as pd

from explorer.charts import SVG, Layered, compare, theme
from explorer.language import say

COLOURS = [*compare.COLOURS[:-1], "#9a6b4f"]  # without the grey, which all others have
RIM = 12  # pixels, not seen: the points of a grey line are too small to be hit


def create_class_runs_chart(losses: pd.DataFrame) -> Layered:
    """losses: as `frames.class_runs` makes it, at most COLOURS of its runs shown. The legend names
    those, in the order of the table; a point of any other names it when pointed at. The description
    says nothing of the runs, so that a live chart is described once."""
    x = alt.X("step:Q", title=say(compare.AXES["step"]), scale=alt.Scale(nice=False))
    title = say("validation loss ({unit})", unit=say(compare.NATS))
    y = alt.Y("validation:Q", title=title, scale=alt.Scale(zero=False, nice=False, padding=12))
    tooltip = [
        alt.Tooltip("run:N", title=say("run")),
        alt.Tooltip("step:Q", title=say("step")),
        alt.Tooltip("validation:Q", title=say("validation"), format=".4f"),
        alt.Tooltip("train:Q", title=say("training"), format=".4f"),
    ]
    base = alt.Chart(losses).encode(x=x, y=y)
    grey = base.transform_filter("!datum.shown").encode(
        color=alt.value(theme.REFERENCE), detail="run:N"
    )
    legend = alt.Legend(orient="bottom", title=None, columns=2, labelLimit=420, symbolSize=90)
    coloured = base.transform_filter("datum.shown").encode(
        color=alt.Color("run:N", sort=None, scale=alt.Scale(range=COLOURS), legend=legend)
    )
    shape = alt.Shape("run:N", sort=None, scale=alt.Scale(range=compare.SHAPES), legend=legend)
    layers = [
        grey.mark_line(strokeWidth=1, opacity=0.7),
        grey.mark_point(
            filled=True, size=14, opacity=0.7, stroke="transparent", strokeWidth=RIM
        ).encode(tooltip=tooltip),
        coloured.mark_line(strokeWidth=2),
        coloured.mark_point(filled=True, size=50, opacity=1).encode(shape=shape, tooltip=tooltip),
    ]
    about = say("Validation loss of several runs against {axis}.", axis=say(compare.AXES["step"]))
    return alt.layer(*layers).properties(height=420, description=about, usermeta=SVG)
