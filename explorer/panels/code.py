"""The code that really ran, read from `gpt/` by introspection: never a pasted copy."""

import functools
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.lessons import Lesson


def code_panel(lesson: Lesson, forms: Mapping[str, Any], leaves_out: str) -> None:
    """Show the source of `forms` (name of the form → object, or several), one form at a time.

    leaves_out: one sentence about what the code does not do.
    """
    names = list(forms)
    chosen = names[0]
    if len(names) > 1:
        chosen = (
            st.segmented_control(
                "Form",
                names,
                default=names[0],
                key=f"{lesson.key}.form",
                label_visibility="collapsed",
                help="Which part of the code to read. A readable and a fast form compute the same"
                " numbers.",
            )
            or names[0]
        )
    shown = forms[chosen]
    parts = [read_source(part) for part in (shown if isinstance(shown, tuple) else (shown,))]
    _, file, first = parts[0]
    source = "\n\n".join(source for source, _, _ in parts)
    st.code(source, language="python", line_numbers=True, height=420)
    st.caption(f"`{file}`, from line {first}. {leaves_out}")


@functools.cache
def read_source(shown: Any) -> tuple[str, str, int]:
    """The source of a class or function, its file, and its first line there."""
    lines, first = inspect.getsourcelines(shown)
    module = inspect.getmodule(shown)
    file = module.__name__.replace(".", "/") + ".py" if module else "gpt"
    return textwrap.dedent("".join(lines)), file, first
