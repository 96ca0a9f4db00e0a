"""The code that really ran, read from `gpt/` by introspection: never a pasted copy."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

import gpt
from explorer import cache
from explorer.components.code_view import code_view
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels.model import Shown
from explorer.source import Source, line_shapes, read_source

BOTH = message("side by side")
ONE = message("one number")  # what `explorer.source` calls the shape of a tensor without dimensions

Shapes = Callable[[Any], Mapping[int, str]]


def code_panel(
    lesson: Lesson,
    forms: Mapping[str, Any],
    leaves_out: str,
    shapes: Shapes | None = None,
    marks: Mapping[str, str] | None = None,
) -> None:
    """Show the source of `forms` (name of the form → object, or several), one form at a time.

    Several stand side by side, two in a row; of a readable and a fast form, the first two, both can
    be shown. leaves_out: one sentence about what the code does not do. shapes: says what the lines
    of a form made. marks: a piece of a line → what on the page that line makes.
    """
    names = list(forms)
    two = len(names) > 1 and names[0].startswith("readable") and names[1].startswith("fast")
    chosen = names[0]
    if len(names) > 1:
        chosen = (
            st.segmented_control(
                say("Form"),
                [*names, BOTH] if two else names,
                default=names[0],
                format_func=say,
                key=f"{lesson.key}.form",
                label_visibility="collapsed",
                help=say(
                    "Which part of the code to read. A readable and a fast form compute the same"
                    " numbers."
                ),
            )
            or names[0]
        )
    chosen_names = names[:2] if chosen == BOTH else [chosen]
    shown = [part for name in chosen_names for part in _parts(forms[name])]
    for start in range(0, len(shown), 2):
        row = shown[start : start + 2]
        for column, form in zip(st.columns(len(row)), row, strict=True):
            with column:
                _draw(lesson, form, shapes, marks or {})
    said = [leaves_out]
    if shapes:
        said.append(say("Beside the lines: what each made in one step of this page, measured."))
    st.caption(" ".join(said))


def _parts(form: Any) -> tuple[Any, ...]:
    return form if isinstance(form, tuple) else (form,)


def _draw(lesson: Lesson, form: Any, shapes: Shapes | None, marks: Mapping[str, str]) -> None:
    source = read_source(form)
    made = shapes(form) if shapes else {}
    code_view(
        source,
        key=f"{lesson.key}_code_{form.__qualname__.strip('_')}",  # "__" is not allowed in one
        notes={line: words.replace(ONE, say(ONE)) for line, words in made.items()},
        marks=marked(source, marks),
    )


def marked(source: Source, marks: Mapping[str, str]) -> dict[int, str]:
    """The lines, by number in their file, that have one of the pieces in `marks`."""
    lines = enumerate(source.lines, source.first)
    return {n: words for n, line in lines for piece, words in marks.items() if piece in line}


def shapes_of(shown: Callable[[], Shown], batch_size: int) -> Shapes:
    """What the lines of a form make in one step of the model `shown()`, with batches of that size.

    (The tokens are all the first one of the vocabulary: shapes do not depend on them.)
    """

    def shapes(form: Any) -> dict[int, str]:
        import torch

        model = shown()

        def compute() -> dict[int, str]:
            idx = torch.zeros(batch_size, model.model.config.block_size, dtype=torch.long)
            with torch.no_grad():
                call = _call(form, model.model, idx)
                return line_shapes(call, functions_of(form))

        name = f"shapes of {form.__qualname__} in {batch_size}"
        found: dict[int, str] = cache.measured(name, model.key, (), compute)
        return found

    return shapes


def functions_of(form: Any) -> list[Any]:
    """A function, or all methods that stand in a class."""
    parts = vars(form).values() if inspect.isclass(form) else [form]
    return [part for part in parts if inspect.isfunction(part)]


def _call(form: Any, model: Any, idx: Any) -> Callable[[], Any]:
    """A step of the model, or of its first readable head, which the model itself does not run."""
    if form is not gpt.Head:
        return lambda: model(idx, idx)
    x = gpt.trace(model, idx, ["attention_input"])["attention_input"][0]  # (B, T, C)
    head = model.blocks[0].attention.heads()[0]
    return lambda: head(x)
