"""Averaging the past on a few tokens: the checks, what an edited matrix means, and the times.

Draws nothing.
"""

import copy
import functools
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import gpt
from explorer.language import message, say
from explorer.source import line_shapes

LOOPS, MATMUL, SOFTMAX, ATTENTION = VERSIONS = [
    message("loops"),
    message("matrix product"),
    message("masked softmax"),
    message("attention"),
]
LENGTHS = (8, 16, 32, 64, 128, 256, 512)  # T that is timed
BATCH, CHANNELS = 4, 32  # B and C that are timed
REPEATS = 7
CLOSE = 1e-6

_measuring = threading.Lock()


@dataclass(frozen=True)
class Example:
    """A short text as a model reads it: what stands at each position, and a head that reads it."""

    tokens: list[str]  # T of them
    x: Any  # (T, C)
    head: Any  # gpt.Head
    label: str  # of the model, for a caption


def without_query(head: Any) -> Any:
    """A copy of a head that asks nothing: its query weights are 0, and so is every score."""
    silent = copy.deepcopy(head)
    for parameter in silent.query.parameters():
        parameter.data.zero_()
    return silent


def agreement(example: Example) -> dict[str, float]:
    """The largest difference between two versions of the same output: which two → how much."""
    import torch

    x, head = example.x[None], example.head  # (1, T, C)
    silent = without_query(head)
    with torch.inference_mode():
        loops = gpt.average_with_loops(x)
        pairs = {
            message("loops and matrix product"): (loops, gpt.average_with_matmul(x)[0]),
            message("loops and masked softmax"): (loops, gpt.average_with_softmax(x)[0]),
            message("attention and the head of page 4, same weights"): (
                gpt.average_with_attention(x, head.query, head.key, head.value)[0],
                head(x)[0],
            ),
            message("attention with all scores 0 and loops, over the values"): (
                gpt.average_with_attention(x, silent.query, head.key, head.value)[0],
                gpt.average_with_loops(head.value(x)),
            ),
        }
    return {name: (one - other).abs().max().item() for name, (one, other) in pairs.items()}


def line_shapes_of(example: Example, version: Any) -> dict[int, str]:
    """What the lines of a version, or of `gpt.Head`, make of the example's text."""
    import torch

    x, head = example.x[None], example.head
    maps = (head.query, head.key, head.value)
    calls: dict[Any, Callable[[], Any]] = {
        gpt.average_with_attention: lambda: version(x, *maps),
        gpt.Head: lambda: head(x),
    }
    call = calls.get(version, lambda: version(x))
    with torch.inference_mode():
        return line_shapes(call, [getattr(version, "forward", version)])


def changed_rows(weights: np.ndarray, x: np.ndarray, row: int) -> list[int]:
    """The rows of the output that change when a weight of `row` does. weights (T, T), x (T, C)"""
    changed = weights.copy()
    changed[row, 0] += 0.5
    return np.flatnonzero((changed @ x != weights @ x).any(axis=1)).tolist()


# ---- weights as they were entered ---------------------------------------------------------------


def usable(entered: np.ndarray) -> np.ndarray:
    """What was entered, as numbers: an empty cell, NaN or infinity counts as 0. (T, T)"""
    return np.where(np.isfinite(entered), entered, 0.0)


def normalised(weights: np.ndarray) -> np.ndarray:
    """Each row divided by its sum; a row whose sum is 0 has none to share and stays. (T, T)"""
    sums = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(np.abs(sums) < CLOSE, 1.0, sums)


def remarks(weights: np.ndarray, names: Sequence[str]) -> list[str]:
    """What is no average of the past any more, a sentence for each such row. weights (T, T)"""
    said = []
    for t, row in enumerate(weights):
        ahead = [s for s in range(t + 1, len(row)) if row[s] != 0]
        if ahead:
            places = ", ".join(_place(row[s], s, names[s]) for s in ahead)
            said.append(
                say("Row {row} now sees the future: it takes {places}.", row=t + 1, places=places)
            )
        if (row < 0).any():
            said.append(
                say(
                    "Row {row} has a negative weight: it subtracts, which no average does.",
                    row=t + 1,
                )
            )
        if abs(row.sum() - 1) > 1e-4:
            said.append(
                say(
                    "Row {row} sums to {sum:.3g}, not to 1: its output is a sum of another size,"
                    " not an average.",
                    row=t + 1,
                    sum=row.sum(),
                )
            )
    return said


def _place(weight: float, position: int, name: str) -> str:
    """How much is taken of which position (counted from 0)."""
    return say(
        "{weight:.3g} of position {position} ({name})",
        weight=weight,
        position=position + 1,
        name=name,
    )


# ---- times --------------------------------------------------------------------------------------


def measure(lengths: Sequence[int] = LENGTHS) -> pd.DataFrame:
    """How long each version takes as T grows: columns version, T, milliseconds (a median).

    Versions and lengths take turns, so that what else this machine does meets all of them alike.
    One measurement at a time: those of a whole class would hold each other up.
    """
    with _measuring:
        return _measure(lengths)


def _measure(lengths: Sequence[int]) -> pd.DataFrame:
    import torch

    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3, CHANNELS, CHANNELS, generator=generator)
    maps = [functools.partial(torch.nn.functional.linear, weight=weight) for weight in weights]
    ways: dict[str, Callable[[Any], Any]] = {
        LOOPS: gpt.average_with_loops,
        MATMUL: gpt.average_with_matmul,
        SOFTMAX: gpt.average_with_softmax,
        ATTENTION: lambda x: gpt.average_with_attention(x, *maps),
    }
    taken: dict[tuple[str, int], list[float]] = {}
    with torch.inference_mode():
        for turn in range(REPEATS + 1):
            for T in reversed(lengths):  # a long one would leave a short one cold caches
                x = torch.randn(BATCH, T, CHANNELS, generator=generator)
                for version, average in ways.items():
                    begin = time.perf_counter()
                    average(x)
                    if turn:  # the first one warms up
                        milliseconds = 1000 * (time.perf_counter() - begin)
                        taken.setdefault((version, T), []).append(milliseconds)
    rows = [(v, T, statistics.median(taken[v, T])) for v in ways for T in lengths]
    return pd.DataFrame(rows, columns=["version", "T", "milliseconds"])
