"""Source code with what its lines made beside them, and the lines that make a picture marked."""

from collections.abc import Mapping

import streamlit as st

from explorer.components import wire
from explorer.source import Source, coloured

HTML = "code_view.html"
SCRIPTS = ("shared.js", "saving.js", "code_view.js")

_component = st.components.v2.component(
    "explorer_code_view",
    html=wire.assets(HTML),
    css=wire.assets("shared.css", "code_view.css"),
    js=wire.assets(*SCRIPTS),
)


def code_view(
    source: Source,
    *,
    key: str,
    notes: Mapping[int, str] | None = None,
    marks: Mapping[int, str] | None = None,
    height: int = 420,
) -> None:
    """Draw `source` with line numbers of its file, at most `height` pixels high.

    notes: words beside a line, by line of the file. marks: lines that stand out, and why, which is
    said on hover and read out. Lines that the source does not have are left out.
    """
    header = {
        "tokens": [],
        "lines": coloured(source.text),
        "first": source.first,
        "notes": _by_place(notes, source),
        "marks": _by_place(marks, source),
        "height": height,
        "file": source.file,
        **wire.words(HTML, *SCRIPTS),
    }
    _component(key=key, data=wire.pack(header))


def _by_place(words: Mapping[int, str] | None, source: Source) -> list[str]:
    """The words of each line of the source, empty for none."""
    numbers = range(source.first, source.first + len(source.lines))
    return [(words or {}).get(number, "") for number in numbers]
