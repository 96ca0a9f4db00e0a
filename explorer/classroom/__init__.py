"""A class on one server: who is there, what the teacher has said. No widgets inside.

    members.py   a workspace for everyone: its secret key, its public id, its name
    rules.py     what holds for the class: frozen or not, who teaches, limits
    tasks.py     lesson files: a text, a recipe, what may be changed, what is to be reached
    board.py     every run of the class, in a table
    fairness.py  all runs judged on the same text by the server

On a personal machine none of it is in the way: `is_open()` is False, and all runs are one's own.
"""

import math
import os

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
WORDS = {"1": True, "on": True, "yes": True, "true": True, "0": False, "off": False, "no": False}


TURN_MINUTES = 10.0  # EXPLORER_TURN_MINUTES; 0: a run keeps its slot to its end


def turn_seconds() -> float | None:
    """How long a run of the class may train while others wait; None: as long as it likes."""
    if not is_open():
        return None
    try:
        minutes = float(os.environ.get("EXPLORER_TURN_MINUTES") or TURN_MINUTES)
    except ValueError:
        minutes = TURN_MINUTES
    return minutes * 60 if 0 < minutes < math.inf else None


def is_open() -> bool:
    """Whether this server is shared: as EXPLORER_CLASS says ("on" or "off"), else whether it
    listens to more than its own machine."""
    told = WORDS.get(os.environ.get("EXPLORER_CLASS", "").strip().lower())
    if told is not None:
        return told
    import streamlit as st
    from streamlit import runtime

    return runtime.exists() and st.get_option("server.address") not in LOOPBACK
