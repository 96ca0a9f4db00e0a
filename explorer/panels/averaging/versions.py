"""The four versions of the average as the matrices involved, and how far they are apart."""

from typing import Any

import streamlit as st

import gpt
from explorer import averaging
from explorer.averaging import ATTENTION, LOOPS, MATMUL, SOFTMAX, VERSIONS, Example
from explorer.components.matrices import Dot, Matrix, matrices
from explorer.lessons import Lesson

SAID = {
    LOOPS: "For each position: add up its row and those before it, divide by how many; one position"
    " after the other.",
    MATMUL: "Row t of the weights is 1/t up to position t and 0 after it. One matrix product gives"
    " all rows of the output.",
    SOFTMAX: "Scores of 0 say: all alike. The mask sets the future to −∞, and softmax turns each"
    " row into weights: exp(0) = 1 for the past, exp(−∞) = exactly 0 for the future.",
    ATTENTION: "The scores are no longer 0: each is a query times a key, so every row has weights"
    " of its own. What is averaged are the values, not x itself.",
}
ASKS_NOTHING = "The queries are 0, so is every score: the plain average again, of the values."
PROBABILITY: dict[str, Any] = {"palette": "probability", "scale_max": 1.0}


def versions_panel(lesson: Lesson, example: Example) -> None:
    """A chooser of the version, its matrices, and the largest differences between them."""
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    version = left.segmented_control(
        "Version",
        VERSIONS,
        default=MATMUL,
        key=f"{lesson.key}_version",
        bind="query-params",
        required=True,
        help="Four ways to write one computation, from the plainest to self-attention.",
    )
    equal = right.toggle(
        "All scores equal",
        key=f"{lesson.key}_equal",
        bind="query-params",
        disabled=version != ATTENTION,
        help="Only for attention: query weights of 0 ask nothing, so every score is 0, and what is"
        " left is the plain average.",
    )
    if version == ATTENTION:
        drawn = of_attention(example, equal)
    else:
        drawn = of_loops(example) if version == LOOPS else of_product(example, version)
    matrices(drawn, key=f"{lesson.key}_{version.replace(' ', '_')}", height=520)
    T, C = example.x.shape
    said = ASKS_NOTHING if version == ATTENTION and equal else SAID[version]
    hover = " Hover a cell: the sum behind it is written out." * (version != LOOPS)
    st.caption(
        f"{said} x has T = {T} rows of C = {C} numbers, {example.label}; all else is computed from"
        f" them.{hover}"
    )
    _agreement(example)


def of_loops(example: Example) -> list[Matrix]:
    """x and its averages: there is nothing between them."""
    output = gpt.average_with_loops(example.x[None])[0]
    caption, scale = "row t: the average of rows 1 … t of x", _scale(example.x)
    return [
        _vectors("x", example.x, example, **scale),
        _vectors("output", output, example, caption, "→", **scale),
    ]


def of_product(example: Example, version: str) -> list[Matrix]:
    """Where the weights come from, the weights, x, and their product."""
    import torch

    average = gpt.average_with_matmul if version == MATMUL else gpt.average_with_softmax
    output, weights = average(example.x[None])
    past = torch.ones_like(weights).tril()
    if version == MATMUL:
        caption = "1: itself and what came before"
        begin = _square("ones", past, example, "lower triangle", caption, **PROBABILITY)
        how = "each row divided by its sum"
    else:
        scores = torch.zeros_like(weights).masked_fill(past == 0, float("-inf"))
        begin = _square("scores", scores, example, "masked scores", "hatched: the future, −∞")
        how = "softmax of each row"
    scale, dot = _scale(example.x), Dot("weights", "x")
    return [
        begin,
        _square("weights", weights, example, "weights", how, before="→", **PROBABILITY),
        _vectors("x", example.x, example, before="·", **scale),
        _vectors("output", output[0], example, "weights · x", "=", dot=dot, **scale),
    ]


def of_attention(example: Example, equal: bool) -> list[Matrix]:
    """The head's steps; equal: with query weights of 0."""
    head = averaging.without_query(example.head) if equal else example.head
    steps = gpt.attention_steps(head, example.x)
    asks = "0: they ask nothing" if equal else "what each position asks"
    scaled = f"Q·Kᵀ × {head.scale:.4f}; hatched: the future, −∞"
    look = Dot("Q", "K", transpose_right=True, scale=head.scale)
    query, key, value = (steps[name] for name in ("query", "key", "value"))
    weights, scale = steps["weights"], _scale(value)
    softmax = "softmax of each row"
    of_v: dict[str, Any] = {"dot": Dot("weights", "V"), **scale}
    return [
        _vectors("Q", query, example, asks, title="queries Q", concept="query"),
        _vectors("K", key, example, "what each offers", title="keys K", concept="key"),
        _square("scores", steps["masked"], example, "masked scores", scaled, before="→", dot=look),
        _square("weights", weights, example, "weights", softmax, before="→", **PROBABILITY),
        _vectors("V", value, example, "averaged", "·", title="values V", concept="value", **scale),
        _vectors("output", steps["output"], example, "weights · V", "=", **of_v),
    ]


def _scale(averaged: Any) -> dict[str, Any]:
    """One colour scale for what is averaged and its averages: they can be no larger."""
    return {"scale_max": float(averaged.abs().max()) or None}


def _vectors(
    name: str, values: Any, example: Example, caption: str = "", before: str = "", **more: Any
) -> Matrix:
    """A vector for each position, (T, C) or (T, D)."""
    columns = [str(c) for c in range(values.shape[1])]
    return Matrix(
        name,
        values.numpy(),
        example.tokens,
        columns,
        caption=caption,
        before=before,
        link_rows=True,
        **more,
    )


def _square(
    name: str, values: Any, example: Example, title: str, caption: str, **more: Any
) -> Matrix:
    """A number for each pair of positions, (T, T)."""
    names = example.tokens
    says = "‘{row}’ and ‘{column}’" if name == "scores" else "‘{row}’ takes from ‘{column}’"
    return Matrix(
        name, values.numpy(), names, names, title, caption, group="TT", sentence=says, **more
    )


def _agreement(example: Example) -> None:
    found = averaging.agreement(example)
    far = [name for name, difference in found.items() if difference > averaging.CLOSE]
    st.table(
        {
            "Largest difference between": list(found),
            "measured": [f"{difference:.1e}" for difference in found.values()],
            "within 1e-6": ["no" if name in far else "yes" for name in found],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "Computed just now on this text, over all positions and numbers. What differs is rounding:"
        " float32 keeps about seven digits (the largest number of x is"
        f" {example.x.abs().max():.2f}), and each version adds in an order of its own."
    )
