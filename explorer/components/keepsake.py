"""A small value that the learner's own browser keeps, so that a reload does not lose it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.components import wire

_component = st.components.v2.component(
    "explorer_keepsake",
    html='<div class="component" hidden></div>',
    js=wire.assets("keepsake.js"),
)


def keepsake(value: Mapping[str, Any], *, key: str, ask: bool) -> None:
    """Let the browser keep `value` (JSON-ready). ask: let it tell first what it has, if anything;
    then nothing is overwritten, and `told` gives it in the next run."""
    data = {"value": dict(value), "ask": ask}
    _component(key=key, data=data, on_earlier_change=lambda: None)


def told(key: str) -> dict[str, Any] | None:
    """What the browser kept from an earlier visit, which may be anything; None: not told yet."""
    state = st.session_state.get(key)
    earlier = state.get("earlier") if isinstance(state, Mapping) else None
    return earlier if isinstance(earlier, dict) else None
