"""A browser whose developer tools are open: any widget state, sent as Streamlit would take it."""

import time
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from explorer import messages
from tests.attacks import hostile
from tests.pages.bench import APP, Written

# kind of element → the field of a widget's state that its value travels in
FIELD = {
    "text_input": "string_value", "text_area": "string_value", "selectbox": "string_value",
    "slider": "double_array_value", "select_slider": "string_array_value",
    "number_input": "double_value", "checkbox": "bool_value", "toggle": "bool_value",
    "radio": "string_value", "multiselect": "string_array_value",
    "button_group": "string_array_value", "arrow_data_frame": "string_value",
    "bidi_component": "json_value", "file_uploader": "file_uploader_state_value",
    "data_editor": "string_value", "dataframe": "string_value",
    "vega_lite_chart": "string_value", "button": "trigger_value",
}  # fmt: skip
TIMEOUT = 30  # seconds after which a page counts as hanging


def widgets(at: AppTest) -> list[tuple[str, str]]:
    """(kind, id) of everything on the page that has a state."""
    found = []
    for node in at._tree:
        kind, proto = str(getattr(node, "type", "")), getattr(node, "proto", None)
        body = getattr(proto, kind, proto) if kind in ("bidi_component",) else proto
        id = str(getattr(body, "id", "") or "")
        if id and kind in FIELD:
            found.append((kind, id))
    return found


def forged(id: str, field: str, value: Any) -> WidgetState:
    """The state of the widget `id` with `value`, if the protocol can carry it at all."""
    state = WidgetState(id=id)
    if field in ("double_array_value", "string_array_value"):
        getattr(state, field).data[:] = value if isinstance(value, list) else [value]
    else:
        setattr(state, field, value)
    return state


def send(at: AppTest, *states: WidgetState) -> float:
    """The page with these states in place of its own -> seconds."""
    known = at._tree.get_widget_states()
    ids = {state.id for state in states}
    sent = WidgetStates()
    sent.widgets.extend([w for w in known.widgets if w.id not in ids] + list(states))
    messages.take_out(sent)  # as a class server does first
    begin = time.perf_counter()
    at._run(sent)
    return time.perf_counter() - begin


def harm(at: AppTest) -> list[str]:
    """What an attack reached on this page; empty: nothing."""
    found = [f"exception: {e.message} {e.stack_trace}" for e in at.exception]
    for node in at._tree:
        proto = getattr(node, "proto", None)
        if proto is not None:
            kind = getattr(node, "type", "?")
            found += [f"{kind} drew {text[:120]!r}" for text in hostile.drawn(proto)]
    return found


def enter(page: str, key: str, **address: str) -> AppTest:
    """`page` as the browser of the workspace `key` finds it at this address."""
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT)
    at.session_state["workspace key"] = key
    at.session_state["home.writing"] = Written()
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    if page != "home":
        at.switch_page(f"pages/{page}.py").run()
    return at
