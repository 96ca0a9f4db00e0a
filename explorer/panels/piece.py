"""A part of a page that draws more or less, and leaves all below it in its place.

Streamlit knows a fragment by its place on the page, and drops a click on one that has moved: the
button under a grade that has just appeared would do nothing.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

Given = ParamSpec("Given")
Made = TypeVar("Made")


def piece(draw: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let the function `draw` count as one element of the page, however many it draws; none, too.
    (A container without anything in it takes no room.)"""

    @wraps(draw)
    def drawn(*given: Given.args, **named: Given.kwargs) -> Made:
        with st.container():
            return draw(*given, **named)

    return drawn
