"""Where a batch lies: the split text with the places of its windows, and the windows themselves."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import message, say

CHARACTERS = message("characters")
PARTS = message("input"), message("target"), message("around")
CELL = 27  # pixels
WIDTH = 720  # pixels of a narrow page, which long tokens share
AXES = 112  # height of the axis, its title and the legend


def create_split_chart(
    parts: pd.DataFrame, places: pd.DataFrame, *, unit: str = CHARACTERS
) -> Layered:
    """parts: columns part ("training", "validation"), start, end, label. places: columns window,
    place; each window is a triangle under the bar, at most a few dozen."""
    title = say("position in the text ({units})", units=say(unit))
    x = alt.X(
        "start:Q",
        title=title,
        scale=alt.Scale(nice=False),
        axis=alt.Axis(format="~s", tickCount=6, grid=False, offset=14),
    )
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=["training", "validation"], range=[theme.TRAIN, theme.VALIDATION]),
        legend=None,
    )
    bar = (
        alt.Chart(parts)
        .mark_rect()
        .encode(
            x=x,
            x2="end:Q",
            y=alt.value(22),
            y2=alt.value(48),
            color=colour,
            tooltip=alt.Tooltip("label:N", title=say("label")),
        )
    )
    label = alt.Chart(parts).encode(y=alt.value(10), text="label:N", color=colour)
    first = label.transform_filter("datum.start == 0").mark_text(align="left", fontSize=13)
    last = label.transform_filter("datum.start > 0").mark_text(align="right", fontSize=13)
    windows = (
        alt.Chart(places)
        .mark_point(shape="triangle-up", filled=True, size=90, color=theme.INPUT, opacity=1)
        .encode(
            x=alt.X("place:Q", title=title),
            y=alt.value(56),
            tooltip=[
                alt.Tooltip("window:O", title=say("window")),
                alt.Tooltip("place:Q", title=say("begins at"), format=","),
            ],
        )
    )
    start, end = (alt.X(f"{field}:Q", title=title) for field in ("start", "end"))
    layers = [bar, first.encode(x=start), last.encode(x=end), windows]
    return alt.LayerChart(layer=layers).properties(height=124)


def create_windows_chart(cells: pd.DataFrame, *, lines: int, room: int) -> Layered:
    """cells: columns row, offset, character, part (one of PARTS, in the page's language), id and
    position; at most a few hundred rows. One line for the inputs and one for the targets of each
    window, so many `lines`; a target stands where it stands in the text, so it is the token after
    its input. room: pixels for a token longer than a character, which ends with … if it does not
    fit; 0: all are characters."""
    inside, target, around = map(say, PARTS)
    base = alt.Chart(cells).encode(
        x=alt.X(
            "offset:O", title=say("offset from the window's begin"), axis=alt.Axis(labelAngle=0)
        ),
        y=alt.Y("row:N", sort=None, title=say("window"), axis=alt.Axis(labelOverlap=False)),
        tooltip=[
            alt.Tooltip("part:N", title=say("part")),
            alt.Tooltip("character:N", title=say("character")),
            alt.Tooltip("id:Q", title=say("id")),
            alt.Tooltip("position:Q", title=say("position"), format=","),
        ],
    )
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=[inside, target], range=[theme.INPUT, theme.TARGET]),
        legend=alt.Legend(orient="top", title=None),
    )
    filled = base.transform_filter(alt.datum.part != around).mark_rect(cornerRadius=4)
    mark = base.mark_text(fontSize=11, limit=room) if room else base.mark_text(fontSize=15)
    letters = mark.encode(
        text="character:N",
        color=alt.condition(
            alt.datum.part == around, alt.value(theme.REFERENCE), alt.value("white")
        ),
    )
    return alt.LayerChart(layer=[filled.encode(color=colour), letters]).properties(
        height=CELL * lines + AXES
    )
