"""The code that really ran, read from `gpt/` by introspection: never a pasted copy."""

import functools
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.lessons import Lesson


def code_panel(lesson: Lesson, forms: Mapping[str, Any], leaves_out: str) -> None:
    """Show the source of `forms` (name of the form → object), one at a time.

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
    source, file, first = read_source(forms[chosen])
    st.code(source, language="python", line_numbers=True, height=420)
    st.caption(f"`{file}`, from line {first}. {leaves_out}")


@functools.cache
def read_source(shown: Any) -> tuple[str, str, int]:
    """The source of a class or function, its file, and its first line there."""
    lines, first = inspect.getsourcelines(shown)
    module = inspect.getmodule(shown)
    file = module.__name__.replace(".", "/") + ".py" if module else "gpt"
    return textwrap.dedent("".join(lines)), file, first


def side_by_side(forms: Mapping[str, Any], leaves_out: str) -> None:
    """Show the sources of `forms` (name → object) all at once, in two columns."""
    names = list(forms)
    for first in range(0, len(names), 2):
        for column, name in zip(
            st.columns(2, gap="medium"), names[first : first + 2], strict=False
        ):
            source, file, line = read_source(forms[name])
            column.markdown(f"**{name}**")
            column.code(source, language="python", wrap_lines=True)
            column.caption(f"`{file}`, from line {line}.")
    st.caption(leaves_out)
