"""The only place that names what a session and its address remember.

The address carries the run of the page (`run`), the text (`text`) and every setting that differs
from its default, so that a reload, a second tab or a teacher's link finds the same page.
"""

from typing import Any

import streamlit as st

from explorer.lessons import Lesson

_ROUTED = "routed"


def run_of(lesson: Lesson) -> str | None:
    """The run that this page shows: from its address, else as it was left."""
    key = f"{lesson.key}.run"
    asked = st.query_params.get("run")
    if asked and _is_open(lesson):  # another lesson's run is asked for too, to compare with it
        st.session_state[key] = asked
    return st.session_state.get(key)


def set_run(lesson: Lesson, run_id: str | None) -> None:
    """Show `run_id` on this page from now on, in its address too."""
    st.session_state[f"{lesson.key}.run"] = run_id
    if _is_open(lesson):
        write_address(lesson)


def write_address(lesson: Lesson) -> None:
    """Put the page's run into the address."""
    run_id = st.session_state.get(f"{lesson.key}.run")
    if run_id:
        if st.query_params.get("run") != run_id:
            st.query_params["run"] = run_id
    elif "run" in st.query_params:
        del st.query_params["run"]


def set_address(name: str, value: str | None) -> None:
    """Put `name` into the address, or take it out."""
    if value is not None:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def pass_on() -> None:
    """Note that the router has drawn its part; called by it, before the page."""
    st.session_state[_ROUTED] = True


def is_routed() -> bool:
    """Whether the router has drawn its part of this page. Asked once by each page."""
    return bool(st.session_state.pop(_ROUTED, False))


def enter(lesson: Lesson) -> None:
    """Note which page is open; called once at the top of every page, before `run_of`."""
    st.session_state["page"] = lesson.key


def _is_open(lesson: Lesson) -> bool:
    """Whether the address belongs to this lesson."""
    return st.session_state.get("page") == lesson.key


def get(lesson: Lesson, name: str, default: Any = None) -> Any:
    return st.session_state.get(f"{lesson.key}.{name}", default)


def put(lesson: Lesson, name: str, value: Any) -> None:
    st.session_state[f"{lesson.key}.{name}"] = value
