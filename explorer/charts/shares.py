"""Where an output comes from, position by position; and what the cache of keys and values holds."""

import json

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import message, say

STATES = [message("kept"), message("computed now"), message("not yet")]
MOST_GLYPHS = 64  # characters; of more the tokens would not be legible below the picture
NOT_YET = "#8a8f9822"  # the colour of what is aside, hardly there on either ground


def create_rollout_chart(shares: pd.DataFrame, chosen: int) -> Layered:
    """shares: columns position, token, share, even; one row a position, at most a few hundred.
    chosen: the position whose output it is; its name stands out."""
    base = alt.Chart(shares).encode(
        x=_positions(shares, chosen),
        tooltip=[
            alt.Tooltip("position:O", title=say("position")),
            alt.Tooltip("token:N", title=say("token")),
            alt.Tooltip("share:Q", title=say("share"), format=".2%"),
            alt.Tooltip("even:Q", title=say("with even attention"), format=".2%"),
        ],
    )
    y = alt.Y("share:Q", title=say("share of the output"), axis=alt.Axis(format="%"))
    bars = base.mark_bar(color=theme.PROBABILITY).encode(y=y)
    even = base.mark_tick(color=theme.BAD, thickness=2.5).encode(
        y=alt.Y("even:Q", title=say("share of the output"))
    )
    return alt.layer(bars, even).properties(
        height=220, description=say("Attention rollout beside that of even attention.")
    )


def create_kept_chart(cells: pd.DataFrame, chosen: int) -> alt.Chart:
    """cells: columns layer, position, token, state (one of STATES); at most a few thousand rows.
    chosen: the position that is read now; its name stands out."""
    return (
        alt.Chart(cells.assign(state=cells["state"].map(say)))
        .mark_rect(stroke=theme.REFERENCE, strokeWidth=0.4, cornerRadius=2)
        .encode(
            x=_positions(cells, chosen),
            y=alt.Y(
                "layer:O", sort="descending", title=say("layer"), axis=alt.Axis(labelOverlap=False)
            ),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(
                    domain=[*map(say, STATES)], range=[theme.KEY, theme.QUERY, NOT_YET]
                ),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=[
                alt.Tooltip("layer:O", title=say("layer")),
                alt.Tooltip("position:O", title=say("position")),
                alt.Tooltip("token:N", title=say("token")),
                alt.Tooltip("state:N", title=say("state")),
            ],
        )
        .properties(
            height=26 * int(cells["layer"].max()) + 160,
            description=say("What the cache of keys and values holds."),
        )
    )


def _positions(table: pd.DataFrame, chosen: int) -> alt.X:
    """The axis of positions, with the token of each below it where there is room; `chosen` in bold.

    (The names are an expression over the positions, since a token may occur more than once.)
    """
    tokens = dict(zip(table["position"].tolist(), table["token"], strict=True))
    few = sum(map(len, tokens.values())) <= MOST_GLYPHS
    names = {str(position): token for position, token in tokens.items()}
    test = f"datum.value === {chosen}"
    bold = {"condition": {"test": test, "value": "bold"}, "value": "normal"}
    colour = {"condition": {"test": test, "value": theme.BAD}, "value": theme.REFERENCE}
    axis = alt.Axis(
        labelAngle=0,
        labelOverlap=not few,
        labelExpr=f"[datum.label, {json.dumps(names)}[datum.label]]" if few else "datum.label",
        labelFontSize=11 if len(tokens) > 40 else 13,
        labelFontWeight=bold,
        labelColor=colour,
    )
    title = say("position and the token read there") if few else say("position")
    return alt.X("position:O", title=title, axis=axis)
