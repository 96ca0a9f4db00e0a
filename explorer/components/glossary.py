"""The words of the field pop up wherever they stand on a page, in text that Streamlit draws."""

from collections.abc import Sequence

import streamlit as st

from explorer import language
from explorer.components import wire
from explorer.glossary import Term
from explorer.language import say

_component = st.components.v2.component(
    "explorer_glossary",
    html='<div class="component" hidden></div>',
    js=wire.assets("glossary.js"),
)


def pop_up(terms: Sequence[Term], *, key: str) -> None:
    """Underline the first place of each term on the page, and explain all of them on hover.

    Nothing in the page is changed for it: the places are marked and found by the browser. It is on
    every page, so it also tells the browser which language the page is in.
    """
    words = [[say(term.name), say(term.meaning), term.all_forms] for term in terms]
    _component(key=key, data={"terms": words, "language": language.chosen()})
