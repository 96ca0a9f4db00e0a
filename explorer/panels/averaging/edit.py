"""The matrix of weights as a table to edit, and the output that follows at once."""

import zlib
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import gpt
from explorer import averaging, state
from explorer.averaging import Example
from explorer.components.glyphs import visible
from explorer.components.matrices import Dot, Matrix, matrices
from explorer.language import count, message, say
from explorer.lessons import Lesson
from explorer.panels import question
from explorer.panels.choice import choose
from explorer.panels.inside.reading import quoted
from explorer.panels.piece import piece

AVERAGE, HEAD, ITSELF = BEGIN = [
    message("the plain average"),
    message("the head's weights"),
    message("only itself"),
]
ROWS = [message("that row only"), message("that row and all after it"), message("all rows")]
LIMIT = 10.0  # what a cell may hold, either way
MOST_SAID = 4


@piece
def ask_rows(lesson: Lesson, example: Example) -> None:
    """The question about an edited row, and its grade by doing it."""
    weights = gpt.average_with_matmul(example.x[None])[1].numpy()
    row = min(3, len(example.tokens)) - 1
    answer = question.ask_choice(
        lesson,
        "rows",
        say(
            "You change one weight in row {row} of the matrix. Which rows of the output change?",
            row=row + 1,
        ),
        ROWS,
    )
    if not answer.given:
        return
    changed = averaging.changed_rows(weights, example.x.numpy(), row)
    right = ROWS[0] if changed == [row] else ROWS[1] if changed[:1] == [row] else ROWS[2]
    question.grade_choice(
        answer,
        right,
        say(
            "Done just now: with 0.5 more in row {row}, output row {changed} changed. A row of"
            " weights makes one row of output, whatever the other rows do: that is why all can be"
            " computed at once.",
            row=row + 1,
            changed=", ".join(str(i + 1) for i in changed),
        ),
    )


def edit_panel(lesson: Lesson, example: Example) -> None:
    """The editor, what its numbers mean, and the matrices weights · x = output."""
    begin = choose(
        say("Begin with"),
        BEGIN,
        usual=AVERAGE,
        key=f"{lesson.key}_begin",
        help=say(
            "The matrix to start from. “Only itself” looks at nothing before: that is the bigram's"
            " view. The head's weights average its values V instead of x."
        ),
    )
    start, name, averaged = _start(example, begin)
    table, words = st.columns([2, 1], gap="medium")
    with table:
        entered = _editor(lesson, start, [visible(token) for token in example.tokens])
    with words:
        used = averaging.usable(entered)
        if _controls(lesson):
            used = averaging.normalised(used)
        _say(entered, used, start, averaged, [quoted(token) for token in example.tokens])
    _draw(lesson, example, used, name, averaged)


def _controls(lesson: Lesson) -> bool:
    """Start again, and whether each row is made to sum to 1."""
    share = st.toggle(
        say("Make each row sum to 1"),
        key=f"{lesson.key}_share",
        bind="query-params",
        help=say("Divides each row by its sum before it is used, so that it is an average again."),
    )
    st.button(
        say("Start again"),
        key=f"{lesson.key}_again",
        on_click=_forget,
        args=(lesson,),
        help=say("Throws your edits of this matrix away."),
    )
    return share


def _start(example: Example, begin: str) -> tuple[np.ndarray, str, np.ndarray]:
    """The matrix to begin with (T, T), and the name and values (T, C) of what it averages."""
    x = example.x[None]
    if begin == HEAD:
        steps = gpt.attention_steps(example.head, example.x)
        return steps["weights"].numpy(), "V", steps["value"].numpy()
    if begin == ITSELF:
        return np.eye(len(example.tokens), dtype=np.float32), "x", example.x.numpy()
    return gpt.average_with_matmul(x)[1].numpy(), "x", example.x.numpy()


def _editor(lesson: Lesson, start: np.ndarray, names: list[str]) -> np.ndarray:
    """The table; returns what is in it (T, T), with NaN for an empty cell.

    A widget forgets when its page is left, so what was entered is the next visit's beginning.
    """
    kept = zlib.crc32(start.tobytes() + "\t".join(names).encode())  # names this matrix
    key = f"{lesson.key}_weights_{kept}_{state.get(lesson, 'round', 0)}"
    entered = state.get(lesson, "entered", {})
    if key not in st.session_state:
        state.put(lesson, "base", entered.get(kept, start))
    labels = [f"{i} {name}" for i, name in enumerate(names, 1)]  # a character may come twice
    base = state.get(lesson, "base")
    column = st.column_config.NumberColumn(
        format="%.3f", min_value=-LIMIT, max_value=LIMIT, width=58, required=False
    )
    found = st.data_editor(
        pd.DataFrame(base.astype(float), labels, labels),
        column_config=dict.fromkeys(labels, column),
        key=key,
        num_rows="fixed",
        alt=say("Weights, {n} by {n}: row t says how much position t takes of each.", n=len(names)),
    )
    values = found.to_numpy(dtype=float, na_value=np.nan)
    state.put(lesson, "entered", {kept: values})
    return values


def _forget(lesson: Lesson) -> None:
    state.put(lesson, "entered", {})
    state.put(lesson, "round", state.get(lesson, "round", 0) + 1)


def _draw(
    lesson: Lesson, example: Example, weights: np.ndarray, name: str, averaged: np.ndarray
) -> None:
    tokens = example.tokens
    numbers = [str(c) for c in range(averaged.shape[1])]
    says = say("‘{row}’ takes from ‘{column}’")
    output = (weights @ averaged).astype(np.float32)
    vectors: dict[str, Any] = {"rows": tokens, "columns": numbers, "link_rows": True}
    factor = say("weights")
    matrices(
        [
            Matrix(factor, weights, tokens, tokens, say("your weights"), sentence=says),
            Matrix(name, averaged, before="·", **vectors),
            Matrix(say("output"), output, before="=", dot=Dot(factor, name), **vectors),
        ],
        key=f"{lesson.key}_edited",
        height=420,
    )


def _say(
    entered: np.ndarray, used: np.ndarray, start: np.ndarray, averaged: np.ndarray, names: list[str]
) -> None:
    """What the numbers in the table mean for the output, in words."""
    if empty := int((~np.isfinite(entered)).sum()):
        st.warning(count(empty, "{n} empty cell counted as 0.", "{n} empty cells counted as 0."))
    said = averaging.remarks(used, names)
    if said:
        left = len(said) - MOST_SAID
        more = [say("… and {n} more.", n=left)] if left > 0 else []
        st.warning("\n".join(f"- {sentence}" for sentence in [*said[:MOST_SAID], *more]))
    else:
        st.caption(
            say("Each row is an average of the past: it sums to 1 and takes nothing from later.")
        )
    before, after = start @ averaged, used @ averaged
    rows = np.flatnonzero((np.abs(used - start) > averaging.CLOSE).any(axis=1))
    for row in rows[:MOST_SAID]:
        st.markdown(
            say(
                "Output row {row} is now **{now}**, was {before}.",
                row=row + 1,
                now=_vector(after[row]),
                before=_vector(before[row]),
            )
        )


def _vector(values: np.ndarray) -> str:
    """Its first four numbers."""
    return "(" + ", ".join(f"{v:.3f}" for v in values[:4]) + (", …)" if len(values) > 4 else ")")
