"""The chooser of the language, at the end of the sidebar."""

import streamlit as st

from explorer import state
from explorer.language import ENGLISH, KEY, LANGUAGES, from_browser, say


def choose() -> None:
    """Draw the chooser. Called by the router; `language.begin` has settled what is chosen."""
    language = st.sidebar.selectbox(
        say("Language"),
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        key=KEY,
        on_change=_keep_choices,
        help=say("What the pages speak. The texts and the code stay as they are."),
    )
    # A link opens in the language that it was made in.
    usual = language == ENGLISH and from_browser() in (None, ENGLISH)
    state.set_address(KEY, None if usual else language)


def _keep_choices() -> None:
    """Choose anew, in the language to come, what is chosen: a browser keeps the words it was shown,
    and a box would go on to show them, a question would take its answer for gone."""
    for key, value in st.session_state.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):  # no button's
            st.session_state[key] = value
