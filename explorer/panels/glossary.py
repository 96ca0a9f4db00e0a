"""The glossary: terms that pop up on the page, and all of them to look up in the sidebar."""

import streamlit as st

from explorer import lessons
from explorer.components.glossary import pop_up
from explorer.glossary import BY_NAME, GLOSSARY


def glossary_panel() -> None:
    """A popover in which a term is looked up; it makes the terms of the page pop up as well."""
    with st.sidebar.popover("Glossary", icon=":material/menu_book:", width="stretch"):
        name = st.selectbox(
            "Term",
            sorted(BY_NAME, key=str.casefold),
            index=None,
            key="glossary_term",
            placeholder="look up a term",
            help="Terms with dots under them explain themselves on the page, too: point at one.",
        )
        if name is not None:
            term = BY_NAME[name]
            st.markdown(term.meaning)
            page = lessons.BY_KEY[term.page]
            st.page_link(page.file, label=f"Shown on: {page.heading}", icon=page.icon)
    with st.sidebar:
        pop_up(GLOSSARY, key="glossary")
