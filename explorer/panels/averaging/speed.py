"""How long each version takes as the text grows: asked first, then measured on this server."""

import pandas as pd
import streamlit as st

from explorer import averaging, cache, state
from explorer.averaging import ATTENTION, LOOPS, MATMUL
from explorer.charts.averaging import create_averaging_times_chart
from explorer.lessons import Lesson
from explorer.panels import question
from explorer.panels.picture import picture

AT = 64  # the T that is asked about
ANSWERS = [
    "slower, or as fast: it adds up all the zeros too",
    "up to 10 times as fast",
    "more than 10 times as fast",
]


def speed_panel(lesson: Lesson) -> None:
    """The question; after an answer, or for a teacher without one, the times and its grade."""
    answer = question.ask_choice(
        lesson,
        "speed",
        f"The matrix product multiplies {AT} × {AT} weights, half of them 0; the loops add up only"
        f" the past. At T = {AT}, compared with the loops, the product is …",
        ANSWERS,
    )
    skip = st.toggle(
        "Show the measurement without a guess",
        key=f"{lesson.key}_skip",
        bind="query-params",
        help="For a teacher, or when you come back.",
    )
    if not (answer.given or skip):
        return
    attempt = state.get(lesson, "attempt", 0)
    times = cache.averaging_times(attempt)
    took = times.pivot(index="T", columns="version", values="milliseconds")
    faster = took.loc[AT, LOOPS] / took.loc[AT, MATMUL]
    right = ANSWERS[0] if faster <= 1 else ANSWERS[1] if faster <= 10 else ANSWERS[2]
    question.grade_choice(
        answer,
        right,
        f"Measured: {took.loc[AT, LOOPS]:.2f} ms for the loops, {took.loc[AT, MATMUL]:.3f} ms for"
        f" the product, {faster:.0f} times as fast. It does more sums, but all in one call of"
        f" compiled code; the loops call it {averaging.BATCH} × {AT} times.",
    )
    picture(create_averaging_times_chart(times), f"{lesson.key}_times", "averaging_times")
    st.caption(_said(took))
    st.button(
        "Measure again",
        key=f"{lesson.key}_measure",
        icon=":material/timer:",
        on_click=state.put,
        args=(lesson, "attempt", attempt + 1),
        help="Times all versions on this server once more; it takes less than a second.",
    )


def _said(took: pd.DataFrame) -> str:
    short, long = took.index[-3], took.index[-1]
    growth, times = took.loc[long] / took.loc[short], long // short
    return (
        f"Measured on this server, one thread: B = {averaging.BATCH}, C = {averaging.CHANNELS},"
        f" medians of {averaging.REPEATS} calls. From T = {short} to T = {long}, a text {times}"
        f" times as long, the loops take {growth[LOOPS]:.1f} times as long and attention"
        f" {growth[ATTENTION]:.1f} times: its matrix has T × T weights, {times**2} times as many."
        " That is the price of looking everywhere."
    )
