"""The embedding as a map: tokens, or positions, on the two axes along which they differ most."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import message, say

KIND_COLOURS = {
    message("vowel"): theme.QUERY,
    message("consonant"): theme.KEY,
    message("upper case"): theme.LEARNED,
    message("begins a word"): theme.QUERY,
    message("goes on in a word"): theme.KEY,
    message("digit"): theme.VALUE,
    message("punctuation"): theme.TARGET,
    message("space"): theme.BAD,
    message("other"): theme.REFERENCE,
}
HEIGHT = 460
LEGIBLE = 120  # tokens; of more only the chosen one and its neighbours are written out


def create_embedding_chart(tokens: pd.DataFrame, explained: Sequence[float]) -> Layered:
    """tokens: columns token (visible), id, kind (a key of KIND_COLOURS), x, y, role ("chosen",
    "neighbour", ""), cosine (to the chosen one); some three hundred rows, of which LEGIBLE can be
    written out. explained: the share of the variance on each axis. Rings mark the neighbours; a
    filled circle, the chosen token."""
    x, y = _axes(explained)
    kinds = [kind for kind in KIND_COLOURS if kind in set(tokens["kind"])]
    base = alt.Chart(tokens.assign(kind=tokens["kind"].map(say))).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("token:N", title=say("token")),
            alt.Tooltip("id:Q", title=say("id")),
            alt.Tooltip("kind:N", title=say("kind")),
            alt.Tooltip("cosine:Q", title=say("cosine to the chosen token"), format="+.3f"),
        ],
    )
    rings = (
        base.transform_filter("datum.role !== ''")
        .mark_point(size=620, strokeWidth=2, opacity=1, color=theme.REFERENCE)
        .encode(
            fill=alt.condition(
                "datum.role === 'chosen'", alt.value(theme.INPUT), alt.value("transparent")
            )
        )
    )
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=[*map(say, kinds)], range=[KIND_COLOURS[kind] for kind in kinds]),
        legend=alt.Legend(orient="top", title=None, symbolType="circle"),
    )
    if len(tokens) > LEGIBLE:
        named = base.transform_filter("datum.role !== ''")
        names = named.mark_text(fontSize=14, fontWeight="bold", dy=-20).encode(text="token:N")
        marks = [base.mark_circle(size=40).encode(color=colour), names.encode(color=colour)]
    else:
        glyphs = base.mark_text(fontSize=16, fontWeight="bold").encode(text="token:N")
        on_ring = alt.condition("datum.role === 'chosen'", alt.value("white"), colour)
        marks = [glyphs.encode(color=on_ring)]
    return alt.layer(rings, *marks).properties(
        height=HEIGHT,
        description=say("The tokens on the two axes along which their vectors differ."),
    )


def create_positions_chart(positions: pd.DataFrame, explained: Sequence[float]) -> Layered:
    """positions: columns position, x, y, chosen (bool); one row a position, joined in order."""
    x, y = _axes(explained)
    base = alt.Chart(positions).encode(x=x, y=y)
    line = base.mark_line(color=theme.REFERENCE, strokeWidth=1).encode(order="position:Q")
    colour = alt.Color(
        "position:Q",
        title=say("position"),
        scale=alt.Scale(range=["#7fb2e5", "#3b6ea5"]),
        legend=alt.Legend(orient="top", gradientLength=160),
    )
    points = base.mark_circle(size=70, opacity=1).encode(
        color=colour, tooltip=[alt.Tooltip("position:Q", title=say("position"))]
    )
    chosen = base.transform_filter("datum.chosen")
    ring = chosen.mark_point(size=260, strokeWidth=3, color=theme.BAD)
    name = chosen.mark_text(dy=-18, fontSize=14, fontWeight="bold", color=theme.BAD).encode(
        text="position:Q"
    )
    return alt.layer(line, points, ring, name).properties(
        height=HEIGHT, description=say("The vectors of the positions, joined in their order.")
    )


def _axes(explained: Sequence[float]) -> tuple[alt.X, alt.Y]:
    titles = [
        say("axis {n}: {share:.1%} of the variance", n=n, share=share)
        for n, share in enumerate(explained, 1)
    ]
    axis = alt.Axis(grid=True, labels=False, ticks=False)
    scale = alt.Scale(zero=False, padding=24)
    return (
        alt.X("x:Q", title=titles[0], axis=axis, scale=scale),
        alt.Y("y:Q", title=titles[1], axis=axis, scale=scale),
    )
