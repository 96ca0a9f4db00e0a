"""A chart with buttons that save it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import streamlit as st

from explorer.charts import SVG, draw
from explorer.components.save_chart import save_chart


def picture(
    chart: Any, key: str, name: str, width: Any = "stretch", table: pd.DataFrame | None = None
) -> None:
    """Draw an Altair chart, and offer it as `name`.svg and .png, and its numbers as .csv.

    table: the numbers, where the chart is several side by side.
    """
    with _saved(key, name, _table(chart) if table is None else table):
        st.altair_chart(chart.properties(usermeta=SVG), key=key, width=width)


def drawn_picture(
    create: Callable[..., Any], table: pd.DataFrame, *, key: str, name: str, **shape: Any
) -> None:
    """The same for a chart of one table whose description, an SVG, is kept: see `charts.draw`."""
    with _saved(key, name, table):
        draw(create, table, key=key, **shape)


@contextlib.contextmanager
def _saved(key: str, name: str, table: pd.DataFrame) -> Iterator[None]:
    frame = f"{key}_picture"
    with st.container(key=frame):
        yield
        save_chart(frame, name, table, key=f"{key}_save")


def _table(chart: Any) -> pd.DataFrame:
    """What the chart draws; of one in layers, what they share, or else the first has."""
    charts = [chart, *getattr(chart, "layer", [])]
    return next(c.data for c in charts if isinstance(c.data, pd.DataFrame))
