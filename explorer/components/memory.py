"""What a user chose in a browser component, kept when the page is left and opened again.

The browser owns the choice while the component is on the page; Streamlit forgets it when the page
is left. So each run notes the last choice beside the component's key, and a component that comes
back starts there. The starting value sent to the browser stays the same while the user clicks:
otherwise each click would send the whole picture again. `epoch` counts the times the *page* asked
for another value, which then wins over older clicks, in the browser as well as here.
"""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

LARGEST = 2_000  # characters of a choice, which is a few numbers

Choice = dict[str, Any]


def start(key: str, field: str, asked: Choice | None) -> tuple[Choice | None, int]:
    """The value the browser should start with and its epoch; call before mounting."""
    note = _note(key, asked)
    if note["asked"] != asked:
        note.update(asked=asked, start=asked, last=None, epoch=note["epoch"] + 1)
    if _chosen(st.session_state.get(key), field, note) is None and note["last"] is not None:
        note["start"] = note["last"]  # back on the page
    st.session_state[_name(key)] = note
    return note["start"], note["epoch"]


def choice(key: str, field: str, state: Mapping[str, Any]) -> Choice | None:
    """What is chosen now, from the mounted component's state; None: nothing asked or chosen."""
    note = _note(key, None)
    chosen = _chosen(state, field, note)
    if chosen is not None:
        note["last"] = chosen
        st.session_state[_name(key)] = note
    return chosen if chosen is not None else note["start"]


def ask_anew(key: str) -> None:
    """Let what the page asks for next win over the clicks, even if it asked for the same before."""
    note = _note(key, None)
    note.update(asked=None)
    st.session_state[_name(key)] = note


def _name(key: str) -> str:
    return f"{key}:memory"


def _note(key: str, asked: Choice | None) -> dict[str, Any]:
    note = st.session_state.get(_name(key))
    return dict(note) if note else {"asked": asked, "start": asked, "last": None, "epoch": 0}


def _is_ours(value: Mapping[Any, Any]) -> bool:
    """Whether our own code in the browser may have sent this: it would go back there as JSON."""
    try:
        return len(json.dumps(dict(value), allow_nan=False)) <= LARGEST
    except (TypeError, ValueError, RecursionError):
        return False


def _chosen(state: Any, field: str, note: Mapping[str, Any]) -> Choice | None:
    value = state.get(field) if isinstance(state, Mapping) else None
    if not isinstance(value, Mapping) or value.get("epoch", note["epoch"]) != note["epoch"]:
        return None  # no choice yet, or one older than what the page asked for
    if not _is_ours(value):
        return None
    return {name: item for name, item in value.items() if name != "epoch"}
