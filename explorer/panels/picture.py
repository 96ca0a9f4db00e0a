"""A chart with buttons that save it."""

from typing import Any

import pandas as pd
import streamlit as st

from explorer.components.save_chart import save_chart


def picture(
    chart: Any, key: str, name: str, width: Any = "stretch", table: pd.DataFrame | None = None
) -> None:
    """Draw an Altair chart, and offer it as `name`.svg and .png, and its numbers as .csv.

    table: the numbers, where the chart is several side by side.
    """
    # Streamlit would draw large charts as pixels, which cannot be enlarged.
    drawn = chart.properties(usermeta={"embedOptions": {"renderer": "svg"}})
    frame = f"{key}_picture"
    with st.container(key=frame):
        st.altair_chart(drawn, key=key, width=width)
        save_chart(frame, name, _table(chart) if table is None else table, key=f"{key}_save")


def _table(chart: Any) -> pd.DataFrame:
    """What the chart draws; of one in layers, what they share, or else the first has."""
    charts = [chart, *getattr(chart, "layer", [])]
    return next(c.data for c in charts if isinstance(c.data, pd.DataFrame))
