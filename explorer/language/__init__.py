"""What the pages say, in the language that the learner chose in the sidebar.

The English sentence stands in the code, where it is read best, and is the key under which a
language's file `<code>.po` has its own. `say` looks it up; a sentence that is not there stays
English. `python -m explorer.language` brings the files in step with the code.

    say("Loss after {n:,} steps", n=5_000)  →  "Loss after 5,000 steps", "Pérdida tras 5,000 pasos"
"""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.literal import literal

FOLDER = Path(__file__).parent
ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "es": "Español"}
KEY = "language"  # of the session and of the address


def say(text: str, /, **values: Any) -> str:
    """`text` in the learner's language, with `values` put in as `str.format` does."""
    said = catalogue(chosen()).get(text, text)
    return said.format(**values) if values else said


def count(n: int, one: str, many: str, /, **values: Any) -> str:
    """`one` if n is 1, else `many`, in the learner's language; both may name {n}."""
    return say(one if n == 1 else many, n=n, **values)


def message(text: str) -> str:
    """`text` as it is: marks what stands in a constant and is said later, by `say(CONSTANT)`."""
    return text


def explain(error: Exception | str, markdown: bool = True) -> str:
    """The sentence of an error of `gpt`, which knows no languages, in the learner's.

    An error quotes what a link, a file or a learner brought: in Markdown it is shown letter by
    letter. markdown: False for a table or a box of plain text.
    """
    said = _explained(str(error))
    return literal(said) if markdown else said


def _explained(text: str) -> str:
    said = catalogue(chosen())
    if not said or text in said:
        return said.get(text, text)
    for pattern, template in _templates(chosen()):
        if found := pattern.fullmatch(text):
            parts = map(_explained, found.groups())  # a part may be a sentence, too
            return template.format(*parts)
    return text


# --- which language --------------------------------------------------------------------------


def chosen() -> str:
    """The code of the language of this session; English outside a page."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return ENGLISH
    return st.session_state.get(KEY, ENGLISH)


def begin() -> None:
    """Settle the language before anything is drawn: the chosen, else the address's or browser's."""
    if st.session_state.get(KEY) not in LANGUAGES:
        linked = st.query_params.get(KEY)
        st.session_state[KEY] = linked if linked in LANGUAGES else from_browser() or ENGLISH


def from_browser() -> str | None:
    """The language that the browser asks for, if there is a file of it."""
    language = (st.context.locale or "").partition("-")[0]
    return language if language in LANGUAGES else None


# --- the files -------------------------------------------------------------------------------


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """English → the sentence in `language`, as far as it is translated; empty for English."""
    if language == ENGLISH:
        return {}
    from babel.messages import pofile  # not before a page needs it

    with (FOLDER / f"{language}.po").open("rb") as file:
        entries = [(str(entry.id), str(entry.string)) for entry in pofile.read_po(file)]
    return {text: said for text, said in entries if text and said}


@functools.cache
def _templates(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The sentences of `gpt` with places for values ({0}, {1}, …), the longest first."""
    found = [
        (_pattern(text), said)
        for text, said in catalogue(language).items()
        if re.search(r"\{\d+\}", text)
    ]
    return sorted(found, key=lambda pair: -len(pair[0].pattern))


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{\d+\}", template)
    return re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL)


def once(build: Callable[..., Any]) -> Callable[..., Any]:
    """`functools.lru_cache` for what holds sentences: one result for each language."""
    cached = functools.lru_cache(256)(lambda language, *arguments: build(*arguments))

    @functools.wraps(build)
    def of_the_language(*arguments: Any) -> Any:
        return cached(chosen(), *arguments)

    return of_the_language
