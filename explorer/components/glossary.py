"""The words of the field pop up wherever they stand on a page, in text that Streamlit draws."""

import streamlit as st

from explorer import language
from explorer.components import wire
from explorer.glossary import GLOSSARY
from explorer.language import once, say

_component = st.components.v2.component(
    "explorer_glossary",
    html='<div class="component" hidden></div>',
    js=wire.assets("glossary.js"),
)


def pop_up(*, key: str) -> None:
    """Underline the first place of each term on the page, and explain all of them on hover.

    Nothing in the page is changed for it: the places are marked and found by the browser. It is on
    every page, so it also tells the browser which language the page is in.
    """
    _component(key=key, data={"terms": _words(), "language": language.chosen()})


@once  # it is drawn with every page, and says some two hundred things
def _words() -> list[tuple[str, str, list[str]]]:
    return [(say(term.name), say(term.meaning), term.all_forms) for term in GLOSSARY]
