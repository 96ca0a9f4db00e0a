"""What a browser may ask of a class server, when somebody speaks its protocol by hand.

Streamlit trusts the page it has served. Left as it is, one learner's message empties the caches of
everybody, and a number that is none or a broken report of a component ends their page in an error
that only the server's log explains. Our own pages send neither. Messages above 16 MB end the
connection before they come here.
"""

import json
import math
from typing import Any
from urllib.parse import parse_qsl, urlencode

WIDGET = "$$"  # the names that Streamlit gives to widgets begin so
REFUSED = {"clear_cache", "set_run_on_save", "load_git_info"}  # of a developer's own server


def guard() -> None:
    """Let every session of this server pass over what `is_fit` refuses."""
    from streamlit.runtime.app_session import AppSession

    session: Any = AppSession
    handle = session.handle_backmsg
    if getattr(handle, "guarded", False):
        return

    def handle_if_fit(self: Any, message: Any) -> None:
        if is_fit(message):
            handle(self, message)

    handle_if_fit.guarded = True  # type: ignore[attr-defined]
    session.handle_backmsg = handle_if_fit


def is_fit(message: Any) -> bool:
    """Whether a session should hear this message; forged values in it are taken out."""
    kind = message.WhichOneof("type")
    if kind == "rerun_script":
        take_out(message.rerun_script.widget_states)
        message.rerun_script.query_string = address(message.rerun_script.query_string)
    return kind not in REFUSED


def address(query: str) -> str:
    """The address without numbers that are none.

    >>> address("a_steps=1e400&a_seed=7")
    'a_seed=7'
    """
    told = parse_qsl(query, keep_blank_values=True)
    fit = [(name, value) for name, value in told if not _is_endless(value)]
    return query if fit == told else urlencode(fit)


def _is_endless(value: str) -> bool:
    try:
        return math.isinf(float(value))  # a number box would make it whole, and fail
    except ValueError:
        return False


def take_out(states: Any) -> None:
    """Remove the states that no widget has: numbers that are none, JSON that is none, and those
    under another name than Streamlit gives, which would hide what the session remembers by it."""
    fit = [state for state in states.widgets if _is_value(state)]
    if len(fit) < len(states.widgets):
        kept = [type(state).FromString(state.SerializeToString()) for state in fit]
        del states.widgets[:]
        states.widgets.extend(kept)


def _is_value(state: Any) -> bool:
    if not state.id.startswith(WIDGET):
        return False
    kind = state.WhichOneof("value")
    if kind == "double_value":
        return math.isfinite(state.double_value)
    if kind == "double_array_value":
        return all(map(math.isfinite, state.double_array_value.data))
    if kind in ("json_value", "json_trigger_value"):
        return _is_json(getattr(state, kind))
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity, which JSON does not have
