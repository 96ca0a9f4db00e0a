"""Predict, then run: a question before the run, the answer kept, graded by what really happened."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from explorer import state
from explorer.lessons import Lesson


def ask_number(
    lesson: Lesson, name: str, question: str, low: float, high: float, step: float = 0.01
) -> float | None:
    """Ask for a number between `low` and `high`; returns the answer once it is given."""
    return _ask(
        lesson,
        name,
        question,
        lambda key: st.number_input(
            question,
            low,
            high,
            value=None,
            step=step,
            key=key,
            placeholder="your guess",
            label_visibility="collapsed",
            help="Your answer is kept and graded by the numbers of the run.",
        ),
    )


def ask_choice(lesson: Lesson, name: str, question: str, choices: Sequence[str]) -> str | None:
    """Ask for one of `choices`; returns the answer once it is given."""
    return _ask(
        lesson,
        name,
        question,
        lambda key: st.radio(
            question,
            choices,
            index=None,
            key=key,
            label_visibility="collapsed",
            help="Your answer is kept and graded by the numbers of the run.",
        ),
    )


def _ask(lesson: Lesson, name: str, question: str, widget: Callable[[str], Any]) -> Any:
    key = f"{lesson.key}.answer.{name}"
    kept = state.get(lesson, f"kept.{name}")
    if kept is not None and key not in st.session_state:
        st.session_state[key] = kept  # a widget forgets when its page is left
    with st.container(border=True):
        st.markdown(f":material/help: **Predict first.** {question}")
        answer = widget(key)
    state.put(lesson, f"kept.{name}", answer)
    return answer


def grade_number(
    answer: float | None,
    truth: float | None,
    tolerance: float,
    reason: str,
    unit: str = "",
    press: str = "Train",
) -> None:
    """Say how near the answer came to the measured `truth`, and why it is what it is.

    press: the button that runs it, while `truth` is None.
    """
    if truth is None:
        if answer is not None:
            st.caption(f"Your answer is noted. Press {press} to find out.")
        return
    if answer is None:
        st.info(f"Measured: **{truth:.4g}{unit}**. {reason}", icon=":material/lightbulb:")
    elif abs(answer - truth) <= tolerance:
        said = f"You said {answer:g}, measured: **{truth:.4g}{unit}**. "
        st.success(said + reason, icon=":material/check:")
    else:
        said = f"You said {answer:g}, measured: **{truth:.4g}{unit}**. "
        st.warning(said + reason, icon=":material/close:")


def grade_choice(answer: str | None, right: str | None, reason: str, press: str = "Train") -> None:
    """Say whether the chosen answer is the right one, and why.

    press: the button that runs it, while `right` is None.
    """
    if right is None:
        if answer is not None:
            st.caption(f"Your answer is noted. Press {press} to find out.")
    elif answer is None:
        st.info(f"It is: **{right}**. {reason}", icon=":material/lightbulb:")
    elif answer == right:
        st.success(f"Yes: **{right}**. {reason}", icon=":material/check:")
    else:
        st.warning(f"You said “{answer}”; it is **{right}**. {reason}", icon=":material/close:")
