"""Greedy beside sampled: the same model, the same prompt, two ways to choose a token."""

from collections.abc import Callable

import streamlit as st

import gpt
from explorer import state
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels import question
from explorer.panels.model import Shown

LENGTH = 200
PIECE = 5
REPEATS = message("it soon goes round in circles")
VARIED = message("it is as varied as a sampled text")
CHOICES = [message("it makes the fewest mistakes, so it is the best text"), REPEATS, VARIED]


def variety(text: str, piece: int = PIECE) -> float:
    """The share of all pieces of `piece` characters that occur for the first time.

    >>> variety("abcabcabc", 3)  # abc, bca, cab are new; the other four are repeats
    0.42857142857142855
    """
    pieces = [text[i : i + piece] for i in range(len(text) - piece + 1)]
    return len(set(pieces)) / len(pieces) if pieces else 1.0


def contest_panel(
    lesson: Lesson, shown: Callable[[], Shown], prompt: str, answer: question.Answer
) -> None:
    """A button, both texts, how varied each is, and the grade of `answer` (one of CHOICES)."""

    def body() -> None:
        model = shown()
        st.button(
            say("Write both"),
            key=f"{lesson.key}_both",
            icon=":material/compare_arrows:",
            type="primary",
            on_click=state.put,
            args=(lesson, "write_both", True),
            help=say(
                "{n} tokens each after the prompt: once always the most probable one, once drawn at"
                " temperature 1.",
                n=LENGTH,
            ),
        )
        if state.get(lesson, "write_both"):
            state.put(lesson, "write_both", False)
            with st.spinner(say("Writing both…")):
                state.put(lesson, "contest", (model.key, prompt, *_both(model, prompt)))
        kept = state.get(lesson, "contest")
        if kept is None or kept[:2] != (model.key, prompt):
            question.grade_choice(answer, None, "", press=say("Write both"))
            return
        _, _, greedy, sampled = kept
        _show(model, greedy, sampled, answer)

    st.fragment(body)()


def _both(model: Shown, prompt: str) -> tuple[str, str]:
    greedy, sampled = (
        gpt.generate(
            model.model, model.tokenizer, prompt, LENGTH, temperature, seed=1, unknown="drop"
        )[len(prompt) :]
        for temperature in (0.0, 1.0)
    )
    return greedy, sampled


def _show(model: Shown, greedy: str, sampled: str, answer: question.Answer) -> None:
    columns = st.columns(2, gap="medium")
    titles = (say("Greedy (temperature 0)"), say("Sampled (temperature 1, seed 1)"))
    for column, title, written in zip(columns, titles, (greedy, sampled), strict=True):
        column.markdown(f"**{title}**")
        column.code(written, language=None, wrap_lines=True, height=170)
        column.caption(
            say(
                "{share:.0%} of its {n}-character pieces occur for the first time (counted).",
                share=variety(written),
                n=PIECE,
            )
        )
    right = REPEATS if variety(greedy) < 0.75 * variety(sampled) else VARIED
    question.grade_choice(
        answer,
        right,
        say(
            "New pieces: {greedy:.0%} of the greedy text, {sampled:.0%} of the sampled one (model:"
            " {model}). The most probable token leads to the most probable next one; once the same"
            " stretch comes back, the same choices follow.",
            greedy=variety(greedy),
            sampled=variety(sampled),
            model=model.label,
        ),
    )
