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
        help=say("What the pages speak. The texts and the code stay as they are."),
    )
    # A link opens in the language that it was made in.
    usual = language == ENGLISH and from_browser() in (None, ENGLISH)
    state.set_address(KEY, None if usual else language)
