"""Several labelled matrices side by side with one linked hover, drawn on canvases in the browser.

For everything that is a table of numbers and how one follows from another: the counted and the
learned bigram table, the steps of self-attention, averaging as a matrix product. A matrix that
names its factors (`Dot`) shows the sum behind each of its cells, term by term. Hovering and the
chosen row live in the browser; Python is told the row after a click and need not answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

import numpy as np
import streamlit as st

from explorer.charts.theme import CONCEPTS
from explorer.components import memory, wire
from explorer.components.glyphs import visible_all
from explorer.language import message, say

MAX_SIDE = 512  # a cell needs at least a pixel
MAX_CELLS = 500_000  # 2 MB; a class of thirty replaces its tables every second
PALETTES = ("probability", "signed")
PLACEHOLDERS = {"row", "column", "i", "j"}

HTML = "matrices.html"
SCRIPTS = (
    "shared.js", "matrices_words.js", "matrices_paint.js", "matrices_bars.js", "matrices.js",
)  # fmt: skip

_component = st.components.v2.component(
    "explorer_matrices",
    html=wire.assets(HTML),
    css=wire.assets("shared.css", "matrices.css"),
    js=wire.assets(*SCRIPTS),
)


@dataclass(frozen=True)
class Dot:
    """Says that a matrix is `left @ right * scale`, or `left @ right.T * scale`, by their names."""

    left: str
    right: str
    transpose_right: bool = False
    scale: float = 1.0


@dataclass(frozen=True)
class Matrix:
    """One matrix; `matrices` checks it.

    values (R, C): NaN or −∞ = masked, drawn hatched. rows, columns: a label per row and column.
    palette: "probability" (0 to scale_max) or "signed" (−scale_max to scale_max); scale_max None:
    the largest of the group, so that its matrices can be compared. concept: one of theme.CONCEPTS,
    for the frame. group: matrices of one shape that share the hovered cell. link_rows: share the
    hovered row with other such matrices with as many rows. before: a sign in front, such as "→" or
    "=". sentence: how a cell is read out, with {row}, {column} (labels) and {i}, {j} (numbers):
    "after ‘{row}’ comes ‘{column}’".
    """

    name: str
    values: np.ndarray
    rows: Sequence[str]
    columns: Sequence[str]
    title: str | None = None
    caption: str = ""
    palette: Literal["probability", "signed"] = "signed"
    scale_max: float | None = None
    concept: str | None = None
    decimals: int = 4
    group: str | None = None
    link_rows: bool = False
    dot: Dot | None = None
    before: str = ""
    sentence: str = message("row ‘{row}’, column ‘{column}’")


def matrices(
    items: Sequence[Matrix],
    *,
    key: str,
    columns: int | None = None,
    selected_row: int | None = None,
    bars_of: str | None = None,
    height: int = 680,
) -> int | None:
    """Draw the matrices in order; returns the row the user chose by a click, or None.

    columns: matrices per line (None: as many as fit). bars_of: a group of probability matrices
    whose chosen row is drawn below as bars side by side. Only rows of that group, or of the first
    matrix, and of matrices with the same row labels can be chosen. selected_row: chosen at the
    beginning; a value that changes between runs chooses that row, so keep it constant. height:
    what all matrices together should stay below, pixels. Call it inside a fragment to make a click
    re-run only that fragment. Raises ValueError for what cannot be drawn.
    """
    header, body = encode(items, bars_of=bars_of)
    if columns is not None and columns < 1:
        raise ValueError(f"columns must be at least 1, or None for as many as fit, got {columns}.")
    count = len(items[header["choose"]].rows)
    if selected_row is not None and not 0 <= selected_row < count:
        raise ValueError(f"selected_row must be a row below {count}, got {selected_row}.")
    asked = None if selected_row is None else {"row": int(selected_row)}
    begin, epoch = memory.start(key, "selected", asked)
    header |= {"line": columns, "height": int(height), "start": begin, "epoch": epoch}
    header |= wire.words(HTML, *SCRIPTS)
    state = _component(key=key, data=wire.pack(header, body), on_selected_change=lambda: None)
    row = (memory.choice(key, "selected", state) or {}).get("row")
    return row if isinstance(row, int) and 0 <= row < count else None  # none, or of another table


def encode(items: Sequence[Matrix], *, bars_of: str | None = None) -> tuple[dict[str, Any], bytes]:
    """Header and body of the message, checked; the body is all values, float32, in order.

    header: tokens (every distinct label once), axes (label numbers; equal axes once), matrices
    (rows and columns are axis numbers), bars (matrix numbers), choose (whose rows can be chosen).
    """
    values = [_checked(item) for item in items]
    _check_together(items, values)
    numbers = {item.name: number for number, item in enumerate(items)}
    pool: dict[str, int] = {}
    axes: dict[tuple[int, ...], int] = {}
    described = []
    for item in items:
        sides = {}
        for side, labels in (("rows", item.rows), ("columns", item.columns)):
            axis = tuple(pool.setdefault(label, len(pool)) for label in visible_all(labels))
            sides[side] = axes.setdefault(axis, len(axes))
        described.append(_described(item, numbers) | sides | {"max": _scale(item, items, values)})
    bars = _bars(items, bars_of)
    header = {
        "tokens": list(pool),
        "axes": [list(axis) for axis in axes],
        "matrices": described,
        "bars": bars,
        "choose": bars[0] if bars else 0,
    }
    return header, b"".join(array.astype("<f4").tobytes() for array in values)


def _described(item: Matrix, numbers: dict[str, int]) -> dict[str, Any]:
    dot = item.dot
    return {
        "name": item.name,
        "title": item.name if item.title is None else item.title,
        "caption": item.caption,
        "before": item.before,
        "sentence": say(item.sentence),
        "palette": item.palette,
        "colour": CONCEPTS[item.concept] if item.concept else None,
        "decimals": int(item.decimals),
        "group": item.group,
        "link": bool(item.link_rows),
        "dot": dot
        and {
            "left": numbers[dot.left],
            "right": numbers[dot.right],
            "transpose": bool(dot.transpose_right),
            "scale": float(dot.scale),
        },
    }


def _scale(item: Matrix, items: Sequence[Matrix], values: Sequence[np.ndarray]) -> float:
    """The end of the colour scale: one for all matrices of a group and palette that set none."""
    if item.scale_max is not None:
        return float(item.scale_max)
    largest = 0.0
    for other, array in zip(items, values, strict=True):
        together = other is item or (item.group is not None and other.group == item.group)
        if together and other.palette == item.palette and other.scale_max is None:
            largest = max(
                largest,
                float(np.abs(array, where=np.isfinite(array), out=np.zeros_like(array)).max()),
            )
    return largest or 1.0


def _bars(items: Sequence[Matrix], group: str | None) -> list[int]:
    if group is None:
        return []
    members = [number for number, item in enumerate(items) if item.group == group]
    if not members or any(items[number].palette != "probability" for number in members):
        raise ValueError(f"bars_of must name a group of probability matrices, got {group!r}.")
    return members


# ---- what cannot be drawn -----------------------------------------------------------------------


def _checked(item: Matrix) -> np.ndarray:
    """The values (R, C) as float32, or a ValueError about this matrix alone."""
    values = np.array(item.values, dtype=np.float32)
    named = f"matrix {item.name!r}"
    if not item.name or values.ndim != 2 or not 1 <= min(values.shape) <= max(values.shape):
        raise ValueError(f"{named} must have a name and shape (rows, columns), got {values.shape}.")
    if max(values.shape) > MAX_SIDE:
        raise ValueError(f"{named} is {values.shape}, more than {MAX_SIDE} cells on a side.")
    if values.shape != (len(item.rows), len(item.columns)):
        raise ValueError(
            f"{named} has shape {values.shape} but {len(item.rows)} row and "
            f"{len(item.columns)} column labels."
        )
    if item.palette not in PALETTES:
        raise ValueError(f"palette of {named} must be one of {PALETTES}, got {item.palette!r}.")
    if item.concept is not None and item.concept not in CONCEPTS:
        raise ValueError(
            f"concept of {named} must be one of {sorted(CONCEPTS)}, got {item.concept!r}."
        )
    if item.scale_max is not None and not 0 < item.scale_max < np.inf:
        raise ValueError(f"scale_max of {named} must be above 0, got {item.scale_max}.")
    if not 0 <= item.decimals <= 8:
        raise ValueError(f"decimals of {named} must lie between 0 and 8, got {item.decimals}.")
    if np.isposinf(values).any():
        raise ValueError(f"{named} holds infinity, which no colour can show: mask with NaN or −∞.")
    if item.palette == "probability" and (values[np.isfinite(values)] < -1e-6).any():
        raise ValueError(f"{named} has negative values: probabilities need none, or use 'signed'.")
    try:
        fields = {field for _, field, _, _ in Formatter().parse(item.sentence) if field is not None}
    except ValueError:
        fields = {"{"}
    if not fields <= PLACEHOLDERS:
        raise ValueError(
            f"sentence of {named} may use {{row}}, {{column}}, {{i}}, {{j}}, got {item.sentence!r}."
        )
    return values


def _check_together(items: Sequence[Matrix], values: Sequence[np.ndarray]) -> None:
    if not items:
        raise ValueError("there is no matrix to draw.")
    by_name = {item.name: array for item, array in zip(items, values, strict=True)}
    if len(by_name) < len(items):
        raise ValueError(f"names must be unique, got {[item.name for item in items]}.")
    if (cells := sum(array.size for array in values)) > MAX_CELLS:
        raise ValueError(f"{cells} cells are more than the {MAX_CELLS} a page can hold.")
    shapes: dict[str, tuple[int, ...]] = {}
    for item, array in zip(items, values, strict=True):
        if item.group and shapes.setdefault(item.group, array.shape) != array.shape:
            raise ValueError(
                f"matrices of group {item.group!r} must have one shape, got "
                f"{shapes[item.group]} and {array.shape}."
            )
        if item.dot:
            _check_dot(item, item.dot, by_name)


def _check_dot(item: Matrix, dot: Dot, by_name: dict[str, np.ndarray]) -> None:
    """A sum shown term by term must be the sum that was made, so it is done again here."""
    for name in (dot.left, dot.right):
        if name not in by_name:
            raise ValueError(f"dot of matrix {item.name!r} names {name!r}, which is not shown.")
    left = np.where(np.isfinite(by_name[dot.left]), by_name[dot.left], 0.0)  # masked adds nothing
    right = np.where(np.isfinite(by_name[dot.right]), by_name[dot.right], 0.0)
    right = right.T if dot.transpose_right else right
    shown = by_name[item.name]
    if left.shape[1] != right.shape[0] or (left.shape[0], right.shape[1]) != shown.shape:
        raise ValueError(
            f"matrix {item.name!r} {shown.shape} cannot be {dot.left!r} {left.shape} @ "
            f"{dot.right!r} {right.shape}{' (transposed)' if dot.transpose_right else ''}."
        )
    made = left @ right * dot.scale  # (R, C)
    known = np.isfinite(shown)
    error = float(np.abs(made[known] - shown[known]).max(initial=0.0))
    size = float((np.abs(left) @ np.abs(right)).max()) * abs(dot.scale)
    if error > 0.01 * size:  # rounding, even bfloat16's, stays below
        raise ValueError(
            f"matrix {item.name!r} is not {dot.left!r} @ {dot.right!r} × {dot.scale:.4g}: "
            f"a cell differs by {error:.4g}."
        )
