"""The text that all pages learn from: chosen in the sidebar, kept in the address."""

import re

import streamlit as st

import gpt
from explorer import cache, downloads, engine, state
from gpt.text import is_local
from gpt.toys import TOYS

OFFLINE = "python_docs"
_SHA256 = re.compile(r"[0-9a-f]{64}")
TITLES = {
    "tinyshakespeare": "Tiny Shakespeare",
    "python_docs": "Python's reference texts",
    **{name: f"Toy: {name.replace('_', ', ')}" for name in TOYS},
}


def choose() -> None:
    """Draw the chooser in the sidebar. Called by the router, before the page."""
    options = [*TITLES, *_pasted()]
    default = "tinyshakespeare" if is_local("tinyshakespeare") else OFFLINE
    if st.session_state.get("text") not in options:
        linked = st.query_params.get("text")
        st.session_state["text"] = linked if linked in options else default
    with st.sidebar:
        chosen = st.selectbox(
            "Text",
            options,
            format_func=_title,
            key="text",
            help="What every page learns from. Your own text: paste or upload it on page 1.",
        )
        if chosen in TOYS:
            st.caption(f"{TOYS[chosen].summary.capitalize()}: `{TOYS[chosen].example}`")
        if chosen == "tinyshakespeare" and not is_local(chosen):
            _fetch(chosen)
    # Not `bind`: it would put the title there, which does not say which pasted text it is.
    state.set_address("text", None if chosen == default else chosen)


def current() -> cache.Text:
    """The chosen text, ready for use; an offline one while the chosen one is not there."""
    name = st.session_state.get("text") or OFFLINE
    try:
        if name in TITLES:
            return cache.text(name if is_local(name) else OFFLINE)
        return cache.text(_pasted().get(name, "pasted text"), name)
    except gpt.GPTError as error:
        st.error(f"{error} Until then {TITLES[OFFLINE]} are used.")
        return cache.text(OFFLINE)


def key_of(text: cache.Text) -> tuple[str, str | None]:
    """How the text is found again: its name, and its SHA-256 if it was pasted."""
    name = text.corpus.name
    return (name, None) if name in TITLES else (name, text.corpus.sha256)


def title(text: cache.Text) -> str:
    """What a person calls the text."""
    return TITLES.get(text.corpus.name, text.corpus.name)


def use(text: str, name: str) -> None:
    """Keep a learner's own text and choose it for all pages; raises gpt.TextError if unusable."""
    corpus = gpt.corpus_from_text(text, name)
    engine.store().save_text(text, name)
    _pasted()[corpus.sha256] = name
    st.session_state["text"] = corpus.sha256


def choose_toy(name: str) -> None:
    """Let all pages learn from a toy task; a callback."""
    st.session_state["text"] = name


def _pasted() -> dict[str, str]:
    """SHA-256 → name of the texts this session brought or came to by a link."""
    known: dict[str, str] = st.session_state.setdefault("pasted", {})
    linked = st.query_params.get("text", "")
    if _SHA256.fullmatch(linked) and (engine.store().root / "texts" / f"{linked}.txt").is_file():
        known.setdefault(linked, "pasted text")
    return known


def _title(name: str) -> str:
    return TITLES.get(name) or f"{_pasted().get(name, 'pasted text')} ({name[:6]})"


@st.fragment(run_every=1.0)
def _fetch(name: str) -> None:
    """Fetch behind the page, and say how it goes."""
    download = downloads.fetch(name)
    if download.done and download.error is None:
        st.rerun()
    elif download.error:
        st.warning(download.error)
        if st.button("Try again", key="fetch_again"):
            downloads.forget(name)
    else:
        st.caption(f"Fetching {TITLES[name]}… Until it is here, {TITLES[OFFLINE]} are used.")
