"""The address of what the page shows, to be copied."""

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from explorer.language import say
from explorer.lessons import Lesson


def link_panel(lesson: Lesson) -> None:
    """The full address of the present view; call it after all that writes into the address."""
    with st.popover(say("Link to this view"), icon=":material/link:"):
        st.code(_address(lesson), language=None, wrap_lines=True)
        st.caption(
            say(
                "The address opens the same model, text, view, position and head, for everyone who"
                " can reach this server."
            )
        )


def _address(lesson: Lesson) -> str:
    """The page's address with its query; without a browser only the part after the server."""
    place = urlsplit(st.context.url or f"/{lesson.key}")
    names = sorted(st.query_params)
    query = urlencode({name: st.query_params.get_all(name) for name in names}, doseq=True)
    return urlunsplit((place.scheme, place.netloc, place.path, query, ""))
