"""The sampling panel: the next-token distribution, its filters, and a text as it is written.

Temperature, top-k and top-p act in the browser on the shown distribution; when a slider is let go
the server hears of it, and the text is written with exactly what is shown.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

import gpt
from explorer import cache, state
from explorer.components.next_token import next_token
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.literal import literal
from explorer.panels.model import Shown, readable
from explorer.panels.progress import visible_prompt
from explorer.writing import Writing

LOOK_SECONDS = 0.3
LIVE_SECONDS = 2.0
MAX_TEXT = 5000  # characters in the box; then it wants to be cleared


def sampling_panel(
    lesson: Lesson,
    shown: Callable[[], Shown],
    prompt: str = "ROMEO:",
    length: int = 300,
    live: bool = False,
    below: Callable[[], None] | None = None,
) -> None:
    """Draw the panel for `shown()`. live: a run is training, so look for a newer model.

    below: draws what follows the panel and changes with every drawn token.
    """
    left, middle, right = st.columns([3, 1, 1], vertical_alignment="bottom")
    prompt = left.text_input(
        say("Prompt"),
        prompt,
        key=f"{lesson.key}_prompt",
        bind="query-params",
        max_chars=2000,
        help=say(
            "What the model continues. Longer than its context is fine: it reads the end of it."
        ),
    )
    length = middle.number_input(
        say("Tokens"),
        1,
        2000,
        length,
        key=f"{lesson.key}_length",
        help=say("How many to write at one press; a token is a character, or a piece of a word."),
    )
    seed = right.number_input(
        say("Seed"),
        0,
        2**31 - 1,
        1,
        key=f"{lesson.key}_sample_seed",
        help=say("The same seed, settings and prompt give the same text."),
    )
    writing: Writing | None = state.get(lesson, "writing")
    running = writing is not None and writing.running
    poll = LOOK_SECONDS if running else LIVE_SECONDS if live else None

    def body() -> None:
        # Asked once, for what is drawn and for whether to look again: a short text may be written
        # while it is drawn.
        now: Writing | None = state.get(lesson, "writing")
        seen = now is not None and now.running
        _panel(lesson, shown(), prompt, int(length), int(seed), seen)
        if below is not None:
            below()
        if seen != running:
            st.rerun()

    st.fragment(body, run_every=poll)()


def _panel(
    lesson: Lesson, model: Shown, prompt: str, length: int, seed: int, running: bool
) -> None:
    text, drawn, logits = _where_it_stands(lesson, model, prompt)
    chart, page = st.columns([3, 2], gap="medium")
    with chart:
        before = text if drawn is None else text[: len(text) - len(drawn.text)]
        about = {"model": model.label, "text": literal(visible_prompt(before[-24:]))}
        st.caption(
            say("Model: {model}. After “…{text}” comes:", **about)
            if drawn is None
            else say("Model: {model}. After “…{text}” came the marked one, drawn from:", **about)
        )
        settings = next_token(
            logits,
            model.tokenizer.tokens,
            key=f"{lesson.key}_next",
            drawn=None if drawn is None else drawn.id,
        )
    with page:
        writing: Writing | None = state.get(lesson, "writing")
        with st.container(horizontal=True):
            if running and writing is not None:
                st.button(
                    say("Stop"),
                    key=f"{lesson.key}_stop_writing",
                    on_click=writing.stop,
                    help=say("End the text here."),
                )
            else:
                _write_buttons((lesson, model, prompt, settings, seed), length)
        st.code(text or " ", language=None, wrap_lines=True, height=330)
        if writing is not None:
            if writing.error:
                st.error(say("Writing ended: {error}", error=explain(writing.error)))
            elif writing.done > 1:
                _speed(model, writing)


def _write_buttons(about: tuple[Any, ...], length: int) -> None:
    """What continues the text; about: what `_write` is told, but for the number of tokens."""
    lesson = about[0]
    st.button(
        say("Write"),
        key=f"{lesson.key}_write",
        type="primary",
        icon=":material/edit:",
        on_click=_write,
        args=(*about, length),
        help=say("Continue the text with the settings shown."),
    )
    st.button(
        say("One token"),
        key=f"{lesson.key}_one",
        icon=":material/skip_next:",
        on_click=_write,
        args=(*about, 1),
        help=say("Draw one token from the bars shown; the drawn one is marked."),
    )
    st.button(
        say("Clear"),
        key=f"{lesson.key}_clear",
        on_click=lambda: state.put(lesson, "writing", None),
        help=say("Start again from the prompt."),
    )


def _speed(model: Shown, writing: Writing) -> None:
    units = message("characters") if model.tokenizer.kind == "character" else message("tokens")
    cached = message(
        "{n} {units}, {speed:,.0f} a second on this server (measured, with the cache of keys and"
        " values)."
    )
    alone = message("{n} {units}, {speed:,.0f} a second on this server (measured).")
    config = model.model.config
    keeps = config.architecture != "bigram" and config.causal
    st.caption(
        say(
            cached if keeps else alone,
            n=writing.done,
            units=say(units),
            speed=writing.per_second,
        )
    )


def _where_it_stands(
    lesson: Lesson, model: Shown, prompt: str
) -> tuple[str, "gpt.Token | None", Any]:
    """The text so far, the token just drawn (if it is shown), and the scores to show (V,).

    While a text is written, the scores are those of its newest draw: they are there, and computing
    the next ones at every look would slow down the writing.
    """
    writing = _of_model(lesson, model, prompt)
    text, last = writing.so_far if writing else (prompt, None)
    drawn_is_shown = writing is not None and (writing.running or writing.count == 1)
    same_model = last is not None and len(last.logits) == model.tokenizer.vocab_size
    if last is not None and drawn_is_shown and same_model:
        return text, last, last.logits.numpy()
    ids, said = readable(model, prompt)
    if said and not writing:
        st.caption(said)
    ids = (ids or [model.tokenizer.start]) + (writing.drawn if writing else [])
    ids = ids[-model.model.config.block_size :]
    return text, None, cache.next_scores(model.model, tuple(ids), model.key)


def _of_model(lesson: Lesson, model: Shown, prompt: str) -> Writing | None:
    """The text so far; a new prompt or another vocabulary begins a new one."""
    writing: Writing | None = state.get(lesson, "writing")
    if writing is not None and (
        writing.prompt != prompt or writing.tokenizer.tokens != model.tokenizer.tokens
    ):
        state.put(lesson, "writing", None)
        return None
    return writing


def _write(lesson: Lesson, model: Shown, prompt: str, settings: Any, seed: int, count: int) -> None:
    """Continue the text by `count` tokens."""
    before = _of_model(lesson, model, prompt)
    if before is not None and len(before.text) > MAX_TEXT:
        before = None
    drawn, tokens = (before.drawn, before.tokens) if before else ([], [])
    writing = Writing(
        model.model,
        model.tokenizer,
        prompt,
        count,
        settings.temperature,
        settings.top_k,
        settings.top_p,
        seed + len(drawn),  # a continued text goes on with fresh draws, repeatably
        drawn,
        tokens,
    )
    state.put(lesson, "writing", writing)  # first: another drawing of the page may have begun
    writing.wait(0.2)  # a few characters are there at once
