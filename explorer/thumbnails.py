"""Attention weights of long texts made small, so that all heads of a model fit one picture."""

import math

import numpy as np

SIDE = 64  # cells on a side of a thumbnail, at most: what a small picture on the page can show


def thumbnail(weights: np.ndarray, size: int = SIDE) -> np.ndarray:
    """Weights (…, T, T) → (…, t, t), t ≤ size: each cell the largest weight of its block.

    Blocks are squares of `block(T, size)` positions; the last may be cut. The largest and not the
    mean, so that a thin line, such as attention to the previous token, stays as bright as it is.
    """
    weights = np.asarray(weights)
    if weights.ndim < 2 or weights.shape[-1] != weights.shape[-2] or 0 in weights.shape:
        raise ValueError(f"weights must have shape (…, T, T), got {weights.shape}.")
    time = weights.shape[-1]
    starts = np.arange(0, time, block(time, size))
    rows = np.maximum.reduceat(weights, starts, axis=-2)  # (…, t, T)
    return np.maximum.reduceat(rows, starts, axis=-1)  # (…, t, t)


def block(time: int, size: int = SIDE) -> int:
    """Positions on a side of a block: 1024 → 16, 100 → 2, 64 → 1."""
    if size < 1:
        raise ValueError(f"size must be 1 or more, got {size}.")
    return math.ceil(time / size)
