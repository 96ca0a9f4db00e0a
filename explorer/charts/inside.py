"""Charts of page 9: next tokens, what each layer would say, and the shares of a score."""

from typing import Any

import altair as alt
import pandas as pd

from explorer.amounts import percent
from explorer.charts import Layered, theme
from explorer.language import message, say

BAR = 22  # pixels a row
CELL, MOST_CELLS = 24, 32  # pixels of one character in the lens, and of how many in a row of it
KINDS = {
    message("embedding"): theme.INPUT,
    message("head"): theme.QUERY,
    message("feed-forward"): theme.VALUE,
    message("bias"): theme.REFERENCE,
    message("rest"): theme.REFERENCE,
}


def create_next_tokens_chart(tokens: pd.DataFrame) -> Layered:
    """tokens: columns token, id, probability, rank, true; at most some twenty rows. With a column
    beside, the probability of another model is a bar above each."""
    shown = tokens.assign(label=[percent(p) for p in tokens["probability"]])
    order = tokens["token"].tolist()
    y = alt.Y(
        "token:N", sort=order, title=None, axis=alt.Axis(labelFontSize=14, labelOverlap=False)
    )
    domain = float(tokens["probability"].max())
    if "beside" in tokens:
        domain = max(domain, float(tokens["beside"].max()))
    scale = alt.Scale(domain=[0, min(1.0, domain * 1.12)], nice=False)
    axis = alt.Axis(format="%" if domain > 0.05 else "~p", tickCount=5)
    x = alt.X("probability:Q", title=say("probability"), scale=scale, axis=axis)
    tooltip = [
        alt.Tooltip("token:N", title=say("token")),
        alt.Tooltip("id:Q", title=say("id")),
        alt.Tooltip("probability:Q", title=say("probability"), format=".4%"),
        alt.Tooltip("rank:Q", title=say("rank (1 is the likeliest)")),
        alt.Tooltip("true:N", title=say("what the text says next")),
    ]
    base = alt.Chart(shown).encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(cornerRadiusEnd=2, color=theme.PROBABILITY).encode(
        x=x, color=_true_or_not()
    )
    words = base.mark_text(align="left", dx=4, color=theme.REFERENCE).encode(x=x, text="label:N")
    layers = [bars, words]
    if "beside" in tokens:
        mark = base.mark_tick(color=theme.BAD, thickness=3, size=18)
        beside = mark.encode(
            x=alt.X("beside:Q", title=say("probability"), scale=scale),
            tooltip=[
                alt.Tooltip("token:N", title=say("token")),
                alt.Tooltip("beside:Q", title=say("intact model"), format=".4%"),
            ],
        )
        layers.append(beside)
    return alt.layer(*layers).properties(
        height=BAR * len(tokens) + 60, description=say("The likeliest next tokens.")
    )


def _true_or_not() -> alt.Color:
    return alt.Color(
        "true:N",
        scale=alt.Scale(domain=[False, True], range=[theme.PROBABILITY, theme.VALUE]),
        legend=None,
    )


def create_lens_chart(cells: pd.DataFrame, chosen: int) -> Layered:
    """cells: columns row, position, read, says, probability, rank, kl, right; at most a few
    thousand. The model's own row is at the top, as in the reference's figures; a cell framed in
    green says what the text says next. chosen: the position whose name stands out."""
    rows = list(dict.fromkeys(cells["row"]))[::-1]
    read = dict(zip(cells["position"], cells["read"], strict=True))
    names = {position: f"{position} {glyph}" for position, glyph in read.items()}
    shown = cells.assign(column=cells["position"].map(names))
    base = alt.Chart(shown).encode(
        x=alt.X(
            "column:N",
            sort=list(names.values()),
            title=say("position and the token read there"),
            axis=alt.Axis(
                labelAngle=-90 if len(names) > 14 else 0,
                labelFontSize=13,
                labelColor=_where(chosen, theme.BAD, theme.REFERENCE),
                labelFontWeight=_where(chosen, "bold", "normal"),
            ),
        ),
        y=alt.Y("row:N", sort=rows, title=None, axis=alt.Axis(labelOverlap=False)),
        tooltip=[
            alt.Tooltip("column:N", title=say("after")),
            alt.Tooltip("row:N", title=say("layer")),
            alt.Tooltip("says:N", title=say("would say")),
            alt.Tooltip("probability:Q", title=say("probability"), format=".2%"),
            alt.Tooltip("rank:Q", title=say("rank of the true next token (0: unknown)")),
            alt.Tooltip(
                "kl:Q", title=say("distance to the model's answer (KL, nats)"), format=".3f"
            ),
        ],
    )
    cell = base.mark_rect(cornerRadius=3, strokeWidth=2).encode(
        color=alt.Color(
            "probability:Q",
            title=say("its probability"),
            scale=alt.Scale(domain=[0, 1], range=["#dfe7f0", "#1d4e89"]),
            legend=alt.Legend(orient="top", format="%", gradientLength=160),
        ),
        stroke=alt.condition("datum.right", alt.value(theme.VALUE), alt.value("transparent")),
    )
    words = base.mark_text(fontSize=14, limit=CELL * (MOST_CELLS // len(names))).encode(
        text="says:N",
        color=alt.condition("datum.probability > 0.45", alt.value("white"), alt.value("#1a1a1a")),
    )
    return alt.layer(cell, words).properties(
        height=34 * len(rows) + 170, description=say("What each layer would say at each position.")
    )


def _where(chosen: int, value: str, otherwise: str) -> dict[str, Any]:
    """A property of the labels that is another one at the position `chosen`."""
    test = f"indexof(datum.value, '{chosen} ') === 0"
    return {"condition": {"test": test, "value": value}, "value": otherwise}


def create_attribution_chart(parts: pd.DataFrame) -> alt.Chart:
    """parts: columns part, kind (a key of KINDS), share (units of the score); some thirty rows."""
    kinds = [kind for kind in KINDS if kind in set(parts["kind"])]
    return (
        alt.Chart(parts.assign(kind=parts["kind"].map(say)))
        .mark_bar(cornerRadius=2)
        .encode(
            x=alt.X("share:Q", title=say("share of the score")),
            y=alt.Y(
                "part:N",
                sort=parts["part"].tolist(),
                title=None,
                axis=alt.Axis(labelLimit=180, labelOverlap=False),
            ),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=[*map(say, kinds)], range=[KINDS[kind] for kind in kinds]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=[
                alt.Tooltip("part:N", title=say("part")),
                alt.Tooltip("share:Q", title=say("share"), format="+.4f"),
            ],
        )
        .properties(
            height=BAR * len(parts) + 130, description=say("What each part adds to the score.")
        )
    )


def create_norms_chart(norms: pd.DataFrame) -> Layered:
    """norms: columns after ("embeddings", "layer 1", …), norm; one row a layer."""
    order = norms["after"].tolist()
    base = alt.Chart(norms).encode(
        x=alt.X("after:N", sort=order, title=say("after"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("norm:Q", title=say("length")),
        tooltip=[
            alt.Tooltip("after:N", title=say("after")),
            alt.Tooltip("norm:Q", title=say("norm"), format=".3f"),
        ],
    )
    line = base.mark_line(color=theme.INPUT, strokeWidth=2)
    return alt.layer(line, base.mark_point(filled=True, size=70, color=theme.INPUT)).properties(
        height=220, description=say("Length of the residual stream after each layer.")
    )
