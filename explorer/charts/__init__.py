"""Pure chart builders: a DataFrame with documented columns in, an `alt.Chart` out.

Altair describes a chart and checks the description, which costs 30 to 110 ms (measured): much
for a picture that is drawn anew every second, or for each of thirty learners. `draw` lets it do so
once for each builder and shape and sends only the tables after that; the browser then moves the
marks of the chart that is there.
"""

import inspect
from collections.abc import Callable
from typing import Any, Literal

import altair as alt
import pandas as pd
import streamlit as st
from altair.utils import schemapi

from explorer.language import once

schemapi.disable_debug_mode()  # no check of every piece as it is made: `to_dict` checks the whole

# What is to be saved: Streamlit would draw a large chart as pixels, which cannot be enlarged.
SVG = {"embedOptions": {"renderer": "svg"}}
Layered = alt.LayerChart | alt.FacetChart  # what alt.layer is declared to return


def draw(create: Callable[..., Any], *tables: pd.DataFrame, key: str, **shape: Any) -> None:
    """Draw `create(*tables, **shape)`, a chart whose description does not depend on what the tables
    hold; `shape` is what it does depend on, such as how many rows to make room for."""
    description = describe(create, *sorted(shape.items()))
    datasets = dict(zip(_tables(create), tables, strict=True))
    # Vega fits one picture to the width of its place, but not a row of them.
    width: Literal["content", "stretch"] = "content" if "hconcat" in description else "stretch"
    st.vega_lite_chart(None, description | {"datasets": datasets}, width=width, key=key)


@once
def describe(create: Callable[..., Any], *shape: tuple[str, Any]) -> dict[str, Any]:
    """The Vega-Lite description of a chart whose tables are named like `create`'s parameters."""
    return create(*map(alt.NamedData, _tables(create)), **dict(shape)).to_dict()


def _tables(create: Callable[..., Any]) -> list[str]:
    """The names of a builder's tables: its shape is given by keyword alone."""
    parameters = inspect.signature(create).parameters.values()
    return [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
