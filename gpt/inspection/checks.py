"""Refusing layers, heads and positions that are not there."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from gpt.errors import GPTError
from gpt.inspection.twin import blocks_of


def existing(layers: Iterable[int] | None, count: int) -> list[int]:
    """The layers asked for, all `count` by default; raises GPTError for one that is not there."""
    chosen = list(range(count) if layers is None else layers)
    if strange := [layer for layer in chosen if not 0 <= layer < count]:
        raise GPTError(f"layer must be below {count}, the layers with heads, got {strange[0]}.")
    return chosen


def check_head(model: Any, layer: int, head: int) -> None:
    """Raise GPTError for a head that the model does not have."""
    L, H = len(blocks_of(model)), model.config.n_head
    if not (0 <= layer < L and 0 <= head < H):
        raise GPTError(
            f"There is no head {head} in layer {layer}: the model has {L} layers of {H} heads,"
            " counted from 0."
        )


def check_position(position: int, idx: Tensor) -> None:
    """Raise GPTError for a position that idx (B, T) does not have; -1 is the last."""
    T = idx.shape[1]
    if not -T <= position < T:
        raise GPTError(f"position must be from {-T} to {T - 1}, got {position}.")
