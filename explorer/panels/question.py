"""Predict, then run: a question before the run, the answer kept, graded by what really happened.

An answer is kept in the session and, by `remember`, in the learner's own browser, so that it is
there again after a reload. Nothing of it is stored on the server.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer import lessons
from explorer.components.keepsake import keepsake, told
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels.piece import piece

KEPT = "answers"  # of the session: question → {"answer": …, "right": True, False or None}
KEEPSAKE, RECALLED = "keepsake", "answers recalled"
LONGEST = 200  # characters of an answer that comes back from a browser
MOST = 100  # answers that do
TRAIN = message("Train")  # the button that most questions wait for
WHERE = message(
    "The counted bigram reaches {loss:.2f} on this text. Where will this run's loss end?"
)
HELP = message("Your answer is kept and graded by the numbers of the run.")


@dataclass(frozen=True)
class Answer:
    """What was answered to the question `name` of a page; value None: nothing yet."""

    lesson: Lesson
    name: str
    value: Any

    @property
    def given(self) -> bool:
        return self.value is not None


def ask_number(
    lesson: Lesson, name: str, question: str, low: float, high: float, step: float = 0.01
) -> Answer:
    """Ask for a number between `low` and `high`."""
    kind = type(low)

    def accept(value: Any) -> float | None:
        return kind(value) if isinstance(value, int | float) and low <= value <= high else None

    return _ask(
        lesson,
        name,
        question,
        accept,
        lambda key: st.number_input(
            question,
            low,
            high,
            value=None,
            step=step,
            key=key,
            placeholder=say("your guess"),
            label_visibility="collapsed",
            help=say(HELP),
        ),
    )


def ask_choice(
    lesson: Lesson,
    name: str,
    question: str,
    choices: Sequence[str],
    shown: Callable[[str], str] = say,
) -> Answer:
    """Ask for one of `choices`, which are the same in every language; shown: what they are called
    on the page."""
    return _ask(
        lesson,
        name,
        question,
        lambda value: value if value in choices else None,
        lambda key: st.radio(
            question,
            choices,
            index=None,
            key=key,
            format_func=shown,
            label_visibility="collapsed",
            help=say(HELP),
        ),
    )


def _ask(
    lesson: Lesson,
    name: str,
    question: str,
    accept: Callable[[Any], Any],
    widget: Callable[[str], Any],
) -> Answer:
    key = f"{lesson.key}.answer.{name}"
    kept = accept(_answers().get(_name(lesson, name), {}).get("answer"))
    if kept is not None and key not in st.session_state:
        st.session_state[key] = kept  # a widget forgets when its page is left
    with st.container(border=True):
        st.markdown(say(":material/help: **Predict first.** {question}", question=question))
        value = widget(key)
    if value != kept:
        _keep(lesson, name, {"answer": value, "right": None} if value is not None else None)
    return Answer(lesson, name, value)


@piece
def grade_number(
    answer: Answer,
    truth: float | None,
    tolerance: float,
    reason: str,
    unit: str = "",
    press: str = TRAIN,
) -> None:
    """Say how near the answer came to the measured `truth`, and why it is what it is.

    press: the button that runs it, while `truth` is None.
    """
    if truth is None:
        _say_wait(answer, press)
        return
    measured = f"**{truth:.4g}{unit}**. {reason}"
    if not answer.given:
        st.info(say("Measured: {measured}", measured=measured), icon=":material/lightbulb:")
        return
    right = abs(answer.value - truth) <= tolerance
    said = say("You said {answer:g}, measured: {measured}", answer=answer.value, measured=measured)
    _say_grade(answer, right, said)


@piece
def grade_choice(
    answer: Answer,
    right: str | None,
    reason: str,
    press: str = TRAIN,
    shown: Callable[[str], str] = say,
) -> None:
    """Say whether the chosen answer is the right one, and why.

    press: the button that runs it, while `right` is None. shown: as in `ask_choice`.
    """
    if right is None:
        _say_wait(answer, press)
    elif not answer.given:
        said = say("It is: **{right}**. {reason}", right=shown(right), reason=reason)
        st.info(said, icon=":material/lightbulb:")
    elif answer.value == right:
        said = say("Yes: **{right}**. {reason}", right=shown(right), reason=reason)
        _say_grade(answer, True, said)
    else:
        said = say(
            "You said “{answer}”; it is **{right}**. {reason}",
            answer=shown(answer.value),
            right=shown(right),
            reason=reason,
        )
        _say_grade(answer, False, said)


def _say_wait(answer: Answer, press: str) -> None:
    if answer.given:
        st.caption(say("Your answer is noted. Press {press} to find out.", press=say(press)))


def _say_grade(answer: Answer, right: bool, said: str) -> None:
    if right:
        st.success(said, icon=":material/check:")
    else:
        st.warning(said, icon=":material/close:")
    _keep(answer.lesson, answer.name, {"answer": answer.value, "right": right})


# --- what is kept -----------------------------------------------------------------------------


def score(lesson: Lesson) -> tuple[int, int, int]:
    """How many questions of a page are answered, graded, and answered rightly."""
    mine = [v for name, v in _answers().items() if name.startswith(f"{lesson.key}.")]
    grades = [v["right"] for v in mine if v["right"] is not None]
    return len(mine), len(grades), sum(grades)


def recall() -> None:
    """Take in the answers of an earlier visit, once the browser has told them; before the page."""
    earlier = told(KEEPSAKE)
    if earlier is None or st.session_state.get(RECALLED):
        return
    st.session_state[RECALLED] = True
    known = _answers()
    new = {k: v for k, v in earlier.items() if k not in known and _sound(k, v)}
    st.session_state[KEPT] = known | dict(list(new.items())[:MOST])
    for name in new:
        page, _, question = name.partition(".")
        st.session_state.pop(f"{page}.answer.{question}", None)  # an empty widget: fill it anew


def remember() -> None:
    """Keep the answers in the learner's browser; after the page."""
    keepsake(_answers(), key=KEEPSAKE, ask=not st.session_state.get(RECALLED))


def _sound(name: Any, value: Any) -> bool:
    """Whether this is an answer as `_keep` writes it: what a browser sends may be anything."""
    if not isinstance(value, Mapping) or str(name).partition(".")[0] not in lessons.BY_KEY:
        return False
    answer, right = value.get("answer"), value.get("right")
    if isinstance(answer, str):
        fine = len(answer) <= LONGEST
    else:
        fine = isinstance(answer, int | float) and math.isfinite(answer)
    return fine and len(str(name)) <= LONGEST and (right is None or isinstance(right, bool))


def _answers() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = st.session_state.get(KEPT, {})
    return found


def _name(lesson: Lesson, name: str) -> str:
    return f"{lesson.key}.{name}"


def _keep(lesson: Lesson, name: str, value: dict[str, Any] | None) -> None:
    kept = dict(_answers())
    if value is None:
        kept.pop(_name(lesson, name), None)
    else:
        kept[_name(lesson, name)] = value
    st.session_state[KEPT] = kept
