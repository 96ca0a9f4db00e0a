"""Back to the page, and the task of its link, from which somebody went to sign in."""

import streamlit as st

from explorer.components import wire

_component = st.components.v2.component(
    "explorer_way_back",
    html='<div class="component" hidden></div>',
    js=wire.assets("way_back.js"),
)


def way_back(*, leaving: bool) -> None:
    """Let the tab remember this address; or, not leaving, open the one that it remembers."""
    _component(key="way_back", data={"leaving": leaving})
