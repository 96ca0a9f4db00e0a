"""All attention heads at a glance and one of them in detail, drawn on canvases in the browser.

The weights travel once, as 16 bit fractions of 1 (a hovered weight is right to 4 decimals), only
the lower triangle when the attention is causal. Choosing a head, hovering and pinning happen in
the browser; Python is told the head only after a click and need not answer.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.charts import theme
from explorer.components import memory, wire
from explorer.components.glyphs import visible_all

MAX_BYTES = 32_000_000  # a browser tab and a class of thirty must hold it
LEVELS = 65535  # a weight of 1 in the message

_component = st.components.v2.component(
    "explorer_attention_map",
    html=wire.assets("attention_map.html"),
    css=wire.assets("shared.css", "attention_map.css"),
    js=wire.assets(
        "shared.js", *(f"attention_{part}.js" for part in ("paint", "strip", "words", "map"))
    ),
)


class Encoded(NamedTuple):
    """A pattern ready to travel; `encode` says what is in the body."""

    header: dict[str, object]
    body: bytes
    layers: int
    heads: int


def attention_map(
    pattern: np.ndarray,
    tokens: Sequence[str],
    *,
    key: str,
    causal: bool = True,
    height: int = 520,
    selected: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Draw the attention weights of all heads; returns the chosen (layer, head), from 0.

    pattern (L, H, T, T): weights in 0..1, `pattern[l, h, i, j]` = how much position i takes from
    position j. tokens: the T tokens of the text. height: largest side of the detailed map, pixels.
    selected: the head to begin with; a value that changes between runs selects that head, so keep
    it constant (do not feed the returned value back). Call it inside a fragment to make a click
    re-run only that fragment. Raises ValueError for shapes or values that cannot be attention.
    """
    coded = encode(pattern, tokens, causal=causal)
    if selected is not None:
        _check_selected(selected, coded.layers, coded.heads)
    asked = None if selected is None else {"layer": int(selected[0]), "head": int(selected[1])}
    begin, epoch = memory.start(key, "selected", asked)
    header = {**coded.header, "height": int(height), "start": begin, "epoch": epoch}
    state = _component(key=key, data=wire.pack(header, coded.body), on_selected_change=lambda: None)
    chosen = memory.choice(key, "selected", state) or {}
    return (
        min(max(int(chosen.get("layer", 0)), 0), coded.layers - 1),
        min(max(int(chosen.get("head", 0)), 0), coded.heads - 1),
    )


def encode(pattern: np.ndarray, tokens: Sequence[str], *, causal: bool = True) -> Encoded:
    """The message for a pattern (L, H, T, T).

    body: row sums (L, H, T) float32, then the weights uint16, head after head, row after row; row i
    of a causal head has i + 1 weights, so weight (i, j) of a head is number i(i+1)/2 + j.
    """
    weights = _checked(pattern, tokens, causal)
    layers, heads, time = weights.shape[:3]
    sums = weights.sum(axis=-1, dtype=np.float32)  # (L, H, T)
    flat = weights.reshape(layers * heads, time * time)  # (L·H, T·T)
    if causal:
        flat = flat.take(triangle(time), axis=1)  # (L·H, T(T+1)/2)
        _check_future(sums.reshape(layers * heads, time), flat)
    flat = flat * np.float32(LEVELS) + np.float32(0.5)  # truncation below rounds
    levels = np.clip(flat, 0, LEVELS, out=flat).astype("<u2")
    header: dict[str, object] = {
        "layers": layers,
        "heads": heads,
        "time": time,
        "causal": bool(causal),
        "tokens": visible_all(tokens),
        "colours": {"query": theme.QUERY, "key": theme.KEY},
    }
    return Encoded(header, sums.astype("<f4").tobytes() + levels.tobytes(), layers, heads)


def triangle(time: int) -> np.ndarray:
    """Flat indices of the lower triangle of a (T, T) matrix, row after row: T=2 → [0, 2, 3]."""
    return np.flatnonzero(np.tri(time, dtype=bool))


def _checked(pattern: np.ndarray, tokens: Sequence[str], causal: bool) -> np.ndarray:
    weights = np.ascontiguousarray(pattern, dtype=np.float32)
    if weights.ndim != 4 or weights.shape[2] != weights.shape[3] or 0 in weights.shape:
        raise ValueError(
            f"pattern must have shape (layers, heads, T, T), got {weights.shape}: "
            "take one sequence of a batch, e.g. trace['pattern'][:, 0]."
        )
    layers, heads, time = weights.shape[:3]
    if len(tokens) != time:
        raise ValueError(f"pattern has {time} positions but there are {len(tokens)} tokens.")
    size = layers * heads * time * ((time + 1) if causal else 2 * time)
    if size > MAX_BYTES:
        raise ValueError(
            f"{layers} layers × {heads} heads × {time} positions need {size / 1e6:.0f} MB, more "
            f"than the {MAX_BYTES / 1e6:.0f} MB a page can hold: show fewer layers or less text."
        )
    low, high = float(weights.min()), float(weights.max())  # NaN spreads to both
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(
            f"attention weights lie between 0 and 1, got {low:.4g} to {high:.4g}: "
            "pass the pattern after softmax (and after masking)."
        )
    return weights


def _check_future(sums: np.ndarray, flat: np.ndarray) -> None:
    """sums (N, T) of whole rows against their lower triangle, flat (N, T(T+1)/2)."""
    time = sums.shape[1]
    starts = np.arange(time) * np.arange(1, time + 1) // 2  # where row i begins
    future = float((sums - np.add.reduceat(flat, starts, axis=1)).max())
    if future > 1e-3:
        raise ValueError(
            f"a row gives {future:.4g} of its weight to later positions: "
            "pass causal=False for attention without a mask."
        )


def _check_selected(selected: tuple[int, int], layers: int, heads: int) -> None:
    if len(selected) != 2 or not (0 <= selected[0] < layers and 0 <= selected[1] < heads):
        raise ValueError(
            f"selected must be (layer, head) with layer below {layers} and head below {heads}, "
            f"counted from 0, got {selected}."
        )
