"""A chart with buttons that save it."""

from typing import Any

import streamlit as st

from explorer.components.save_chart import save_chart


def picture(chart: Any, key: str, name: str, width: Any = "stretch") -> None:
    """Draw an Altair chart, and offer it as `name`.svg and `name`.png."""
    # Streamlit would draw large charts as pixels, which cannot be enlarged.
    drawn = chart.properties(usermeta={"embedOptions": {"renderer": "svg"}})
    frame = f"{key}_picture"
    with st.container(key=frame):
        st.altair_chart(drawn, key=key, width=width)
        save_chart(frame, name, key=f"{key}_save")
