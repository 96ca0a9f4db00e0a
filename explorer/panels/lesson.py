"""The frame that every lesson page has: its idea at the top, what it changed at the bottom."""

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from explorer import engine, lessons, state
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels.classroom import task


def open_page(key: str) -> Lesson:
    """Make the lesson `key` the page of this session. (The router has drawn its title.)"""
    _go_through_the_router()
    lesson = (lessons.BY_KEY | {lessons.CLASS.key: lessons.CLASS})[key]
    state.enter(lesson)
    state.run_of(lesson)
    state.write_address(lesson)
    task.banner(lesson)
    return lesson


def _go_through_the_router() -> None:
    """Run the page again under `streamlit_app.py` if Streamlit opened its file directly.

    Until the first `st.navigation` of a server's life, Streamlit takes the files of a folder named
    `pages/` for pages of their own, without title, sidebar, workspace or engine. That meets whoever
    comes in its first moment with a link to a page: a whole class, when the server starts anew.
    """
    if not state.is_routed():
        PagesManager.uses_pages_directory = False
        st.rerun()


def idea(text: str, formula: str | None = None, symbols: Mapping[str, str] | None = None) -> None:
    """The idea in at most five short sentences, the one formula, and each symbol explained.

    This is what a cold server shows while torch is loading; the call returns when it is there.
    """
    if not formula:
        st.markdown(text)
    else:
        left, right = st.columns([3, 2], gap="large")
        left.markdown(text)
        with right:
            st.latex(formula)
            if symbols:
                st.caption("  \n".join(f"${name}$: {words}" for name, words in symbols.items()))
    if not engine.is_ready():
        with st.spinner(say("Loading PyTorch (only once, a second or two)…")):
            engine.wait()


def section(title: str, help: str | None = None) -> None:
    """A heading between two parts of a page."""
    st.subheader(title, anchor=False, help=help, divider="gray")


def what_changed(
    lesson: Lesson, rows: Sequence[tuple[str, str, str]], notes: Sequence[str]
) -> None:
    """Before → after as a small table, the misconceptions, and the way to the next page.

    rows: (what, before, after), all as text. notes: one sentence each.
    """
    section(say("What changed"))
    left, right = st.columns([3, 2], gap="large")
    with left:
        earlier = lessons.before(lesson)
        before = say("before ({page})", page=say(earlier.title)) if earlier else say("before")
        st.table(
            {
                "": [what for what, _, _ in rows],
                before: [b for _, b, _ in rows],
                say("now ({page})", page=say(lesson.title)): [a for _, _, a in rows],
            },
            border="horizontal",
            hide_index=True,
        )
    with right:
        st.markdown(say("**Often misunderstood**"))
        for note in notes:
            st.markdown(f"- {note}")
    following = lessons.after(lesson)
    if following:
        st.page_link(
            following.file, label=say("Next: {page}", page=following.heading), icon=following.icon
        )
