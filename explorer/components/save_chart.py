"""Two quiet buttons under a chart that Streamlit draws: save it as a drawing, or as pixels."""

import re

import streamlit as st

from explorer.components import wire

_component = st.components.v2.component(
    "explorer_save_chart",
    html=wire.assets("save_chart.html"),
    css=wire.assets("shared.css"),
    js=wire.assets("shared.js", "saving.js", "save_chart.js"),
)


def save_chart(chart_key: str, name: str, *, key: str) -> None:
    """Offer the chart in the container `st.container(key=chart_key)` as `name`.svg and .png.

    The chart must be drawn as SVG. Saved is what is on the screen at the click, on the theme's
    background.
    """
    place = "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", chart_key)  # as Streamlit names its classes
    _component(key=key, data={"place": place, "name": name})
