"""Quiet buttons under a chart that Streamlit draws: a drawing, pixels, or its numbers."""

import math
import re
from typing import Any

import pandas as pd
import streamlit as st

from explorer.components import wire

HTML = "save_chart.html"
SCRIPTS = ("shared.js", "saving.js", "save_chart.js")

_component = st.components.v2.component(
    "explorer_save_chart",
    html=wire.assets(HTML),
    css=wire.assets("shared.css"),
    js=wire.assets(*SCRIPTS),
)


def save_chart(chart_key: str, name: str, table: pd.DataFrame, *, key: str) -> None:
    """Offer the chart in the container `st.container(key=chart_key)` as `name`.svg, .png and .csv.

    The chart must be drawn as SVG. Saved is what is on the screen at the click, on the theme's
    background; and `table`, its numbers, as it is.
    """
    place = "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", chart_key)  # as Streamlit names its classes
    data = {"place": place, "name": name, "rows": _rows(table), **wire.words(HTML, *SCRIPTS)}
    _component(key=key, data=data)


def _rows(table: pd.DataFrame) -> list[list[str | float]]:
    """The names of the columns and then each row; missing numbers as "", truth as words."""
    rows: list[list[str | float]] = [list(table.columns)]
    return rows + [[_cell(value) for value in row] for row in table.itertuples(index=False)]


def _cell(value: Any) -> str | float:
    if isinstance(value, str | bool):
        return str(value)
    return float(value) if math.isfinite(value) else ""
