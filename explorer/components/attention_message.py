"""The message that carries attention weights to the browser, and the checks before it.

A weight travels as a level of 16 bits, and of 8 bits where 16 would pass `EXACT_BYTES`; only the
lower triangle when the attention is causal. Levels of 8 bits follow the square root of the weight:
what a map shows is mostly small weights, and 1/256 of the linear scale is all of uniform attention.

What `fits` travels whole (`encode`); of more, small pictures and one head (`encode_large`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from explorer.charts import theme
from explorer.components.glyphs import visible_all
from explorer.thumbnails import SIDE, block

WHOLE_BYTES = 1_200_000  # up to here all weights of all heads travel at once
MAX_BYTES = 32_000_000  # a browser tab and a class of thirty must hold it
EXACT_BYTES = 1_150_000  # up to here the weights travel with 16 bits
LEVELS = {16: 65535, 8: 255}  # a weight of 1 in the message, by bits


class Encoded(NamedTuple):
    """A pattern ready to travel; `encode` says what is in the body."""

    header: dict[str, object]
    body: bytes
    layers: int
    heads: int


def fits(layers: int, heads: int, time: int, causal: bool = True) -> bool:
    """Whether all weights fit one small message: 6 × 6 × 256 do, GPT-2's 12 × 12 × 1024 do not."""
    return layers * heads * _cells(time, causal) <= WHOLE_BYTES


def encode_large(
    thumbnails: np.ndarray,
    detail: np.ndarray,
    tokens: Sequence[str],
    chosen: tuple[int, int],
    *,
    causal: bool = True,
) -> Encoded:
    """The message for thumbnails (L, H, t, t) of all heads and the weights (T, T) of one.

    The message that `encode` makes of that head alone, then the thumbnails as levels of 8 bits,
    rows as there. Header `detail`: the number of that head (layer · H + head); `side`: t; `block`:
    the positions that a cell of a thumbnail stands for. Raises ValueError as `encode` does.
    """
    small = np.ascontiguousarray(thumbnails, dtype=np.float32)
    step = _checked_thumbnails(small, len(tokens))
    layers, heads, side = small.shape[:3]
    flat = _cut(small.reshape(layers * heads, side * side), side, causal)
    if np.shape(detail) != (len(tokens), len(tokens)):
        raise ValueError(
            f"detail must be the weights of one head, ({len(tokens)}, {len(tokens)}) for "
            f"{len(tokens)} tokens, got {np.shape(detail)}."
        )
    one = encode(np.asarray(detail)[None, None], tokens, causal=causal, spent=flat.size)
    header = one.header | {
        "layers": layers,
        "heads": heads,
        "detail": int(chosen[0]) * heads + int(chosen[1]),
        "side": side,
        "block": step,
    }
    return Encoded(header, one.body + _levels(flat, 8).tobytes(), layers, heads)


def encode(
    pattern: np.ndarray, tokens: Sequence[str], *, causal: bool = True, spent: int = 0
) -> Encoded:
    """The message for a pattern (L, H, T, T).

    body: row sums (L, H, T) float32, left out when each is 1 to five decimals (header `sums`);
    then the weights as levels of header `bits`, head after head, row after row. 16 bits:
    w = level/65535; 8 bits: w = (level/255)². Row i of a causal head has i + 1 weights, so weight
    (i, j) of a head is number i(i+1)/2 + j. spent: bytes that go to other things in the message.
    """
    weights = _checked(pattern, tokens, causal)
    layers, heads, time = weights.shape[:3]
    sums = weights.sum(axis=-1, dtype=np.float32)  # (L, H, T)
    flat = _cut(weights.reshape(layers * heads, time * time), time, causal)
    if causal:
        _check_future(sums.reshape(layers * heads, time), flat)
    bits = 16 if 2 * flat.size + spent <= EXACT_BYTES else 8
    whole = bool(np.abs(sums - 1).max() < 5e-6)
    header: dict[str, object] = {
        "layers": layers,
        "heads": heads,
        "time": time,
        "causal": bool(causal),
        "bits": bits,
        "detail": None,
        "sums": not whole,
        "tokens": visible_all(tokens),
        "colours": {"query": theme.QUERY, "key": theme.KEY},
    }
    body = (b"" if whole else sums.astype("<f4").tobytes()) + _levels(flat, bits).tobytes()
    return Encoded(header, body, layers, heads)


def triangle(time: int) -> np.ndarray:
    """Flat indices of the lower triangle of a (T, T) matrix, row after row: T=2 → [0, 2, 3]."""
    return np.flatnonzero(np.tri(time, dtype=bool))


def _cells(time: int, causal: bool) -> int:
    return time * (time + 1) // 2 if causal else time * time


def _cut(flat: np.ndarray, time: int, causal: bool) -> np.ndarray:
    """Without what is masked: (N, T·T) → (N, T(T+1)/2) when causal."""
    return flat.take(triangle(time), axis=1) if causal else flat


def _levels(flat: np.ndarray, bits: int) -> np.ndarray:
    """Weights as whole levels: 0.25 → 16384 of 65535 with 16 bits, 128 of 255 with 8."""
    if bits == 8:
        flat = np.sqrt(np.maximum(flat, 0))
    flat = flat * np.float32(LEVELS[bits]) + np.float32(0.5)  # truncation below rounds
    return np.clip(flat, 0, LEVELS[bits], out=flat).astype("<u2" if bits == 16 else "u1")


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
    size = layers * heads * _cells(time, causal)
    if size > MAX_BYTES:
        raise ValueError(
            f"{layers} layers × {heads} heads × {time} positions need {size / 1e6:.0f} MB, more "
            f"than the {MAX_BYTES / 1e6:.0f} MB a page can hold: use large_attention_map."
        )
    _check_range(weights)
    return weights


def _checked_thumbnails(small: np.ndarray, time: int) -> int:
    """The positions on a side of a thumbnail's block."""
    if small.ndim != 4 or small.shape[2] != small.shape[3] or 0 in small.shape:
        raise ValueError(f"thumbnails must have shape (layers, heads, t, t), got {small.shape}.")
    side = small.shape[2]
    step = block(time, side)
    if side > SIDE or -(-time // step) != side:
        raise ValueError(
            f"thumbnails of {time} positions must be {SIDE} cells wide or less, as thumbnail() "
            f"makes them, got {side}."
        )
    _check_range(small)
    return step


def _check_range(weights: np.ndarray) -> None:
    low, high = float(weights.min()), float(weights.max())  # NaN spreads to both
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(
            f"attention weights lie between 0 and 1, got {low:.4g} to {high:.4g}: "
            "pass the pattern after softmax (and after masking)."
        )


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
