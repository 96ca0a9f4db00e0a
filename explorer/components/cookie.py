"""A cookie of this site: a browser sends it when it opens the app, before anything is drawn."""

from collections.abc import Mapping

import streamlit as st

from explorer.components import wire

_component = st.components.v2.component(
    "explorer_cookie",
    html='<div class="component" hidden></div>',
    js=wire.assets("cookie.js"),
)


def keep_cookie(name: str, value: str, *, yields: bool) -> str | None:
    """Let the browser keep `value`. yields: a value that it has already stays, and is returned in
    the next run of the page. A browser that takes no cookies keeps nothing."""
    data = {"name": name, "value": value, "yields": yields}
    result = _component(key=f"cookie_{name}", data=data, on_other_change=lambda: None)
    other = result.get("other") if isinstance(result, Mapping) else None
    return other if isinstance(other, str) else None
