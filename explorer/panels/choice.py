"""A choice among a few, kept in the address by a name that is the same in every language.

Streamlit's own binding keeps a choice by the words that it is shown with: a link made in Spanish
would say nothing to an English page.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from explorer import state
from explorer.language import say


def choose(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    help: str,
    usual: str | None = None,
    shown: Callable[[str], str] = say,
    place: Any = st,
    box: bool = False,
    on_change: Callable[[], None] | None = None,
) -> str:
    """One of `options`, drawn as buttons or as a box, in `place`.

    key: of the widget and of the address, which says nothing while it is `usual` (the first, unless
    told). shown: how an option is called on the page.
    """
    first = options[0] if usual is None else usual
    known = st.session_state.get(key, st.query_params.get(key))
    st.session_state[key] = known if known in options else first
    about: dict[str, Any] = {"format_func": shown, "key": key, "persist_state": "session"}
    about |= {"help": help, "on_change": on_change}
    if box:
        chosen = place.selectbox(label, options, **about)
    else:
        chosen = place.segmented_control(label, options, required=True, **about)
    state.set_address(key, None if chosen == first else chosen)
    return str(chosen)
