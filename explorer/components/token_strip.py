"""A text as coloured tokens: where the cuts are, which id each has, or a value per token.

Without values the colours only separate neighbours (id modulo 5). With values, such as the loss of
each token, the colour is the value and a legend says so. Nothing is reported back to Python.
"""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.components import wire
from explorer.components.glyphs import visible_all

MAX_TOKENS = 5_000  # more are cut, and the strip says so

_component = st.components.v2.component(
    "explorer_token_strip",
    html=wire.assets("token_strip.html"),
    css=wire.assets("shared.css", "token_strip.css"),
    js=wire.assets("shared.js", "token_strip.js"),
)


def token_strip(
    ids: Sequence[int],
    tokens: Sequence[str],
    *,
    key: str,
    values: Sequence[float | None] | np.ndarray | None = None,
    value_label: str | None = None,
) -> None:
    """Draw a text of N tokens.

    ids (N,): token ids. tokens: the N tokens as text, in the same order. values (N,): a number per
    token (None or NaN: no value, e.g. the loss of the first token), coloured on a scale from 0 to 1
    or to the largest. value_label: what the value is, with its unit, e.g. "loss (nats)". Raises
    ValueError when the lengths differ.
    """
    if len(ids) != len(tokens):
        raise ValueError(f"there are {len(ids)} ids but {len(tokens)} tokens: one token per id.")
    if values is not None and len(values) != len(ids):
        raise ValueError(f"there are {len(values)} values but {len(ids)} tokens: one per token.")
    header: dict[str, object] = {
        "total": len(ids),
        "ids": [int(i) for i in ids[:MAX_TOKENS]],
        "tokens": visible_all(tokens[:MAX_TOKENS]),
        "breaks": [i for i, token in enumerate(tokens[:MAX_TOKENS]) if "\n" in token],
        "label": value_label or "value",
        "range": None,
    }
    body = b""
    if values is not None:
        numbers = [math.nan if v is None else float(v) for v in values]
        header["range"] = value_range(numbers)
        body = np.asarray(numbers[:MAX_TOKENS], dtype="<f4").tobytes()
    _component(key=key, data=wire.pack(header, body))


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the colour scale: 0..1 where all values fit, else to the largest and smallest.

    [0.2, 0.9] → (0, 1); [0.3, 4.2] → (0, 4.2); [-1, 2] → (-1, 2). NaN is no value; infinity is an
    error, since no colour could show it.
    """
    known = [v for v in values if not math.isnan(v)]
    if any(math.isinf(v) for v in known):
        raise ValueError("values must be finite numbers, None or NaN, got infinity.")
    low, high = min(known, default=0.0), max(known, default=1.0)
    return min(low, 0.0), (high if high > 1 else 1.0)
