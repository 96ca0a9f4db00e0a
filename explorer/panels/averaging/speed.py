"""How long each version takes as the text grows: asked first, then measured on this server."""

import pandas as pd
import streamlit as st

from explorer import averaging, cache, state
from explorer.averaging import ATTENTION, LOOPS, MATMUL
from explorer.charts.averaging import create_averaging_times_chart
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels import question
from explorer.panels.picture import picture

AT = 64  # the T that is asked about
ANSWERS = [
    message("slower, or as fast: it adds up all the zeros too"),
    message("up to 10 times as fast"),
    message("more than 10 times as fast"),
]


def speed_panel(lesson: Lesson) -> None:
    """The question; after an answer, or for a teacher without one, the times and its grade."""
    answer = question.ask_choice(
        lesson,
        "speed",
        say(
            "The matrix product multiplies {T} × {T} weights, half of them 0; the loops add up only"
            " the past. At T = {T}, compared with the loops, the product is …",
            T=AT,
        ),
        ANSWERS,
    )
    skip = st.toggle(
        say("Show the measurement without a guess"),
        key=f"{lesson.key}_skip",
        bind="query-params",
        help=say("For a teacher, or when you come back."),
    )
    if not (answer.given or skip):
        return
    times = state.get(lesson, "times")  # measured again: kept here, nobody else's
    if times is None:
        times = cache.averaging_times()
    took = times.pivot(index="T", columns="version", values="milliseconds")
    _grade(answer, took)
    picture(create_averaging_times_chart(times), f"{lesson.key}_times", "averaging_times")
    st.caption(_said(took))
    st.button(
        say("Measure again"),
        key=f"{lesson.key}_measure",
        icon=":material/timer:",
        on_click=lambda: state.put(lesson, "times", averaging.measure()),
        help=say("Times all versions on this server once more; it takes less than a second."),
    )


def _grade(answer: question.Answer, took: pd.DataFrame) -> None:
    faster = took.loc[AT, LOOPS] / took.loc[AT, MATMUL]
    right = ANSWERS[0] if faster <= 1 else ANSWERS[1] if faster <= 10 else ANSWERS[2]
    question.grade_choice(
        answer,
        right,
        say(
            "Measured: {loops:.2f} ms for the loops, {product:.3f} ms for the product,"
            " {faster:.0f} times as fast. It does more sums, but all in one call of compiled code;"
            " the loops call it {B} × {T} times.",
            loops=took.loc[AT, LOOPS],
            product=took.loc[AT, MATMUL],
            faster=faster,
            B=averaging.BATCH,
            T=AT,
        ),
    )


def _said(took: pd.DataFrame) -> str:
    short, long = took.index[-3], took.index[-1]
    growth, times = took.loc[long] / took.loc[short], long // short
    return say(
        "Measured on this server, one thread: B = {B}, C = {C}, medians of {calls} calls. From"
        " T = {short} to T = {long}, a text {times} times as long, the loops take {loops:.1f} times"
        " as long and attention {attention:.1f} times: its matrix has T × T weights, {squared}"
        " times as many. That is the price of looking everywhere.",
        B=averaging.BATCH,
        C=averaging.CHANNELS,
        calls=averaging.REPEATS,
        short=short,
        long=long,
        times=times,
        loops=growth[LOOPS],
        attention=growth[ATTENTION],
        squared=times**2,
    )
