"""A class on one server: who is there, what the teacher has said. No widgets inside.

    members.py   a workspace for everyone: its secret key, its public id, its name
    rules.py     what holds for the class: frozen or not, who teaches, limits
    tasks.py     lesson files: a text, a recipe, what may be changed, what is to be reached
    board.py     every run of the class, in a table
    fairness.py  all runs judged on the same text by the server

On a personal machine none of it is in the way: `is_open()` is False, and all runs are one's own.
"""

import contextlib
import math
import os

from gpt.errors import GPTError

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
WORDS = {"1": True, "on": True, "yes": True, "true": True, "0": False, "off": False, "no": False}


TURN_MINUTES = 10.0  # EXPLORER_TURN_MINUTES; 0: a run keeps its slot to its end


def turn_seconds() -> float | None:
    """How long a run of the class may train while others wait; None: as long as it likes."""
    if not is_open():
        return None
    minutes = TURN_MINUTES
    with contextlib.suppress(GPTError):
        minutes = turn_minutes()
    return minutes * 60 or None


def turn_minutes() -> float:
    """As EXPLORER_TURN_MINUTES says; raises GPTError."""
    told = os.environ.get("EXPLORER_TURN_MINUTES", "").strip()
    try:
        minutes = float(told or TURN_MINUTES)
    except ValueError:
        minutes = math.nan
    if not 0 <= minutes < math.inf:
        raise GPTError(
            f"EXPLORER_TURN_MINUTES is a number of minutes, or 0 for no turns, got {told[:40]!r}:"
            f" a turn lasts {TURN_MINUTES:g} minutes."
        )
    return minutes


def is_open() -> bool:
    """Whether this server is shared: as EXPLORER_CLASS says ("on" or "off"), else whether it
    listens to more than its own machine."""
    try:
        asked = told()
    except GPTError:
        asked = True  # whatever was meant, nobody must land in another's work
    if asked is not None:
        return asked
    import streamlit as st
    from streamlit import runtime

    return runtime.exists() and st.get_option("server.address") not in LOOPBACK


def told() -> bool | None:
    """What EXPLORER_CLASS says, None when it is not set; raises GPTError."""
    word = os.environ.get("EXPLORER_CLASS", "").strip().lower()
    if word and word not in WORDS:
        raise GPTError(f"EXPLORER_CLASS is on or off, got {word[:40]!r}: it counts as on.")
    return WORDS.get(word)
