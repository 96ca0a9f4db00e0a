"""The glossary: terms that pop up on the page, and all of them to look up in the sidebar."""

import streamlit as st

from explorer import lessons
from explorer.components.glossary import pop_up
from explorer.glossary import BY_NAME
from explorer.language import once, say


def glossary_panel() -> None:
    """A popover in which a term is looked up; it makes the terms of the page pop up as well."""
    with st.sidebar.popover(say("Glossary"), icon=":material/menu_book:", width="stretch"):
        name = st.selectbox(
            say("Term"),
            _sorted_names(),
            index=None,
            key="glossary_term",
            format_func=say,
            placeholder=say("look up a term"),
            help=say(
                "Terms with dots under them explain themselves on the page, too: point at one."
            ),
        )
        if name is not None:
            term = BY_NAME[name]
            st.markdown(say(term.meaning))
            page = lessons.BY_KEY[term.page]
            said = say("Shown on: {page}", page=page.heading)
            st.page_link(page.file, label=said, icon=page.icon)
    with st.sidebar:
        pop_up(key="glossary")


@once
def _sorted_names() -> list[str]:
    return sorted(BY_NAME, key=lambda name: say(name).casefold())
