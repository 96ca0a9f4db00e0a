"""What a browser may ask of a class server, when somebody speaks its protocol by hand.

Streamlit trusts the page it has served. Left as it is, one learner's message empties the caches of
everybody, and a number that is none or a broken report of a component ends their page in an error
that only the server's log explains. Our own pages send neither. What comes here is looked at while
the whole server waits, so only what has a size that our pages send is read. Messages above 5 MB
(server.maxWidgetStateSize) end the connection before they come here.
"""

import json
import math
from typing import Any
from urllib.parse import parse_qsl, urlencode

from streamlit.runtime.state.query_params import sanitize_query_string

WIDGET = "$$"  # the names that Streamlit gives to widgets begin so
# Of a developer's own server:
REFUSED = {"clear_cache", "set_run_on_save", "load_git_info", "install_skills"}
MOST = 2_000  # widgets or names of files in a message; a page has some hundred
LARGEST = 100_000  # characters of a JSON; the longest of ours are the kept answers (keepsake.js)


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
    if kind == "backend_operation_request":
        kind = message.backend_operation_request.WhichOneof("payload")
    elif kind == "file_urls_request":
        return len(message.file_urls_request.file_names) <= MOST
    elif kind == "rerun_script":
        asked = message.rerun_script
        if len(asked.widget_states.widgets) > MOST:
            return False
        take_out(asked.widget_states)
        asked.query_string = address(asked.query_string)
    return kind not in REFUSED


def address(query: str) -> str:
    """The address without numbers that are none; empty where Streamlit would not read it either.

    >>> address("a_steps=1e400&a_seed=7")
    'a_seed=7'
    """
    query = sanitize_query_string(query)
    told = parse_qsl(query, keep_blank_values=True)
    fit = [(name, value) for name, value in told if not _is_endless(value)]
    return query if fit == told else urlencode(fit)


def _is_endless(value: str) -> bool:
    try:
        return math.isinf(float(value))  # a number box would make it whole, and fail
    except ValueError:
        return False


def take_out(states: Any) -> None:
    """Remove the states that no widget has: numbers that are none, JSON that is none or too long,
    and those under another name than Streamlit gives, which would hide what the session remembers
    by it."""
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
        text = getattr(state, kind)
        return len(text) <= LARGEST and _is_json(text)
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity, which JSON does not have
