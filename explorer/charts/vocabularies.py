"""What a larger vocabulary buys: fewer tokens for the same text."""

import altair as alt
import pandas as pd

from explorer.charts import theme
from explorer.language import message, say

COLOURS = {
    message("characters"): theme.COUNTED,
    message("byte pairs"): theme.LEARNED,
    "GPT-2": theme.KEY,
}
SHAPES = {"characters": "square", "byte pairs": "circle", "GPT-2": "diamond"}


def create_vocabularies_chart(counts: pd.DataFrame) -> alt.LayerChart:
    """counts: columns kind (one of COLOURS), vocabulary (V), tokens, characters (a token holds on
    average); a row a tokenizer. Byte pairs are joined by a line."""
    kinds = [kind for kind in COLOURS if kind in set(counts["kind"])]
    domain = [say(kind) for kind in kinds]
    base = alt.Chart(counts.assign(kind=counts["kind"].map(say))).encode(
        x=alt.X(
            "vocabulary:Q",
            title=say("vocabulary size V (logarithmic)"),
            scale=alt.Scale(type="log", nice=False, padding=20),
            axis=alt.Axis(format="~s", tickCount=6, grid=False),
        ),
        y=alt.Y("tokens:Q", title=say("tokens"), axis=alt.Axis(format="~s")),
    )
    line = base.transform_filter(alt.datum.kind == say("byte pairs")).mark_line(color=theme.LEARNED)
    legend = alt.Legend(orient="top", title=None)
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=domain, range=[COLOURS[kind] for kind in kinds]),
            legend=legend,
        ),
        shape=alt.Shape(
            "kind:N",
            scale=alt.Scale(domain=domain, range=[SHAPES[kind] for kind in kinds]),
            legend=legend,
        ),
        tooltip=[
            alt.Tooltip("kind:N", title=say("kind")),
            alt.Tooltip("vocabulary:Q", title=say("vocabulary"), format=","),
            alt.Tooltip("tokens:Q", title=say("tokens"), format=","),
            alt.Tooltip("characters:Q", title=say("characters a token"), format=".2f"),
        ],
    )
    return (line + points).properties(
        height=260, description=say("Tokens of one text against the size of the vocabulary.")
    )
