"""The four versions of the average as the matrices involved, and how far they are apart."""

from typing import Any

import streamlit as st

import gpt
from explorer import averaging
from explorer.averaging import ATTENTION, LOOPS, MATMUL, SOFTMAX, VERSIONS, Example
from explorer.components.matrices import Dot, Matrix, matrices
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels.choice import choose

SAID = {
    LOOPS: message(
        "For each position: add up its row and those before it, divide by how many; one position"
        " after the other."
    ),
    MATMUL: message(
        "Row t of the weights is 1/t up to position t and 0 after it. One matrix product gives"
        " all rows of the output."
    ),
    SOFTMAX: message(
        "Scores of 0 say: all alike. The mask sets the future to −∞, and softmax turns each"
        " row into weights: exp(0) = 1 for the past, exp(−∞) = exactly 0 for the future."
    ),
    ATTENTION: message(
        "The scores are no longer 0: each is a query times a key, so every row has weights"
        " of its own. What is averaged are the values, not x itself."
    ),
}
ASKS_NOTHING = message(
    "The queries are 0, so is every score: the plain average again, of the values."
)
PROBABILITY: dict[str, Any] = {"palette": "probability", "scale_max": 1.0}


def versions_panel(lesson: Lesson, example: Example) -> None:
    """A chooser of the version, its matrices, and the largest differences between them."""
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    version = choose(
        say("Version"),
        VERSIONS,
        usual=MATMUL,
        place=left,
        key=f"{lesson.key}_version",
        help=say("Four ways to write one computation, from the plainest to self-attention."),
    )
    equal = right.toggle(
        say("All scores equal"),
        key=f"{lesson.key}_equal",
        bind="query-params",
        disabled=version != ATTENTION,
        help=say(
            "Only for attention: query weights of 0 ask nothing, so every score is 0, and what is"
            " left is the plain average."
        ),
    )
    if version == ATTENTION:
        drawn = of_attention(example, equal)
    else:
        drawn = of_loops(example) if version == LOOPS else of_product(example, version)
    matrices(drawn, key=f"{lesson.key}_{version.replace(' ', '_')}", height=520)
    T, C = example.x.shape
    said = [
        say(ASKS_NOTHING if version == ATTENTION and equal else SAID[version]),
        say(
            "x has T = {T} rows of C = {C} numbers, {label}; all else is computed from them.",
            T=T,
            C=C,
            label=example.label,
        ),
    ]
    if version != LOOPS:
        said.append(say("Hover a cell: the sum behind it is written out."))
    st.caption(" ".join(said))
    _agreement(example)


def of_loops(example: Example) -> list[Matrix]:
    """x and its averages: there is nothing between them."""
    output = gpt.average_with_loops(example.x[None])[0]
    caption, scale = say("row t: the average of rows 1 … t of x"), _scale(example.x)
    return [
        _vectors("x", example.x, example, **scale),
        _vectors(say("output"), output, example, caption, "→", **scale),
    ]


def of_product(example: Example, version: str) -> list[Matrix]:
    """Where the weights come from, the weights, x, and their product."""
    import torch

    average = gpt.average_with_matmul if version == MATMUL else gpt.average_with_softmax
    output, weights = average(example.x[None])
    past = torch.ones_like(weights).tril()
    if version == MATMUL:
        caption = say("1: itself and what came before")
        begin = _square(say("ones"), past, example, say("lower triangle"), caption, **PROBABILITY)
        how = say("each row divided by its sum")
    else:
        scores = torch.zeros_like(weights).masked_fill(past == 0, float("-inf"))
        begin = _scores(scores, example, say("hatched: the future, −∞"))
        how = say("softmax of each row")
    product, scale, dot = say("weights · x"), _scale(example.x), Dot(say("weights"), "x")
    return [
        begin,
        _weights(weights, example, how),
        _vectors("x", example.x, example, before="·", **scale),
        _vectors(say("output"), output[0], example, product, "=", dot=dot, **scale),
    ]


def of_attention(example: Example, equal: bool) -> list[Matrix]:
    """The head's steps; equal: with query weights of 0."""
    head = averaging.without_query(example.head) if equal else example.head
    steps = gpt.attention_steps(head, example.x)
    asks = say("0: they ask nothing") if equal else say("what each position asks")
    offers, averaged = say("what each offers"), say("averaged")
    scaled = say("Q·Kᵀ × {scale:.4f}; hatched: the future, −∞", scale=head.scale)
    look = Dot("Q", "K", transpose_right=True, scale=head.scale)
    query, key, value = (steps[name] for name in ("query", "key", "value"))
    of_v: dict[str, Any] = {"title": say("values V"), "concept": "value", **_scale(value)}
    product, dot = say("weights · V"), Dot(say("weights"), "V")
    return [
        _vectors("Q", query, example, asks, title=say("queries Q"), concept="query"),
        _vectors("K", key, example, offers, title=say("keys K"), concept="key"),
        _scores(steps["masked"], example, scaled, before="→", dot=look),
        _weights(steps["weights"], example, say("softmax of each row")),
        _vectors("V", value, example, averaged, "·", **of_v),
        _vectors(say("output"), steps["output"], example, product, "=", dot=dot, **_scale(value)),
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


def _scores(values: Any, example: Example, caption: str, **more: Any) -> Matrix:
    """What is still to be turned into weights, (T, T)."""
    more["sentence"] = say("‘{row}’ and ‘{column}’")
    return _square(say("scores"), values, example, say("masked scores"), caption, **more)


def _weights(values: Any, example: Example, caption: str) -> Matrix:
    name = say("weights")
    return _square(name, values, example, name, caption, before="→", **PROBABILITY)


def _square(
    name: str, values: Any, example: Example, title: str, caption: str, **more: Any
) -> Matrix:
    """A number for each pair of positions, (T, T)."""
    names = example.tokens
    more = {"sentence": say("‘{row}’ takes from ‘{column}’")} | more
    return Matrix(name, values.numpy(), names, names, title, caption, group="TT", **more)


def _agreement(example: Example) -> None:
    found = averaging.agreement(example)
    far = [name for name, difference in found.items() if difference > averaging.CLOSE]
    st.table(
        {
            say("Largest difference between"): [say(name) for name in found],
            say("measured"): [f"{difference:.1e}" for difference in found.values()],
            say("within 1e-6"): [say("no") if name in far else say("yes") for name in found],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        say(
            "Computed just now on this text, over all positions and numbers. What differs is"
            " rounding: float32 keeps about seven digits (the largest number of x is"
            " {largest:.2f}), and each version adds in an order of its own.",
            largest=example.x.abs().max(),
        )
    )
