"""What was drawn, what might have been drawn instead, and the way to take it."""

import string
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from explorer import frames, state
from explorer.components.glyphs import visible
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels.model import Shown
from explorer.writing import Writing

SHOWN = 100  # drawn characters in the table
BRANCHES = 7  # alternatives to take with a click
BY_HAND = float("nan")  # the probability after the filters of what no draw chose


def alternatives_panel(lesson: Lesson, shown: Callable[[], Shown]) -> None:
    """The drawn tokens, newest first; choose one, and continue with another in its place."""
    writing: Writing | None = state.get(lesson, "writing")
    st.markdown(say("**The roads not taken**"))
    if writing is None or not writing.tokens:
        st.caption(
            say(
                "Press **One token** a few times: each draw is listed here with what might have"
                " come instead, and you can go back and take it."
            )
        )
        return
    if writing.running:
        st.caption(say("When the text is written, its draws are listed here."))
        return
    model = shown()
    if len(writing.tokens[-1].logits) != model.tokenizer.vocab_size:
        st.caption(say("This text was written by a model with another vocabulary."))
        return
    table, branches = st.columns([3, 2], gap="medium")
    with table:
        at = _choose(lesson, writing, model)
    with branches:
        _branches(lesson, writing, model, at)


def _choose(lesson: Lesson, writing: Writing, model: Shown) -> int:
    """The table of draws; returns the index of the chosen one, at first the newest."""
    count = len(writing.tokens)
    rows = frames.draws(writing.tokens, model.tokenizer.tokens, SHOWN)
    event = st.dataframe(
        rows,
        hide_index=True,
        height=38 + 35 * min(len(rows), 6),
        on_select="rerun",
        selection_mode="single-row",
        key=f"{lesson.key}_draws_{count}_{writing.tokens[-1].id}",  # a new draw: a new table
        column_config={
            "draw": st.column_config.NumberColumn(say("draw"), width=50),
            "character": st.column_config.TextColumn(say("drawn"), width=60),
            "model": st.column_config.NumberColumn(say("model"), format="percent", width=70),
            "filtered": st.column_config.NumberColumn(say("filtered"), format="percent", width=70),
            "others": st.column_config.TextColumn(say("likeliest others")),
        },
    )
    st.caption(
        say(
            "Newest first. **model**: the model’s own probability; **filtered**: after temperature,"
            " top-k and top-p, so what it was drawn with (empty: taken by hand). Tick a row to go"
            " back."
        )
    )
    chosen = event["selection"]["rows"]
    return count - 1 - (chosen[0] if chosen else 0)


def _branches(lesson: Lesson, writing: Writing, model: Shown, at: int) -> None:
    """Buttons that put another token in the place of draw `at` and drop what follows it."""
    token = writing.tokens[at]
    later = len(writing.tokens) - at - 1
    drawn = _plain(visible(model.tokenizer.tokens[token.id]))
    st.markdown(
        say(
            "Draw {n} was ‘{drawn}’. Take another in its place and drop the {later:,} after it:",
            n=at + 1,
            drawn=drawn,
            later=later,
        )
        if later
        else say("Draw {n} was ‘{drawn}’. Take another in its place:", n=at + 1, drawn=drawn)
    )
    with st.container(horizontal=True):
        for other, probability in frames.likeliest(token, BRANCHES):
            glyph = visible(model.tokenizer.tokens[other])
            st.button(
                f"{_plain(glyph)} {probability:.1%}",
                key=f"{lesson.key}_take_{other}",
                on_click=_take,
                args=(lesson, writing, model, at, other),
                help=say("Go on from here with this token."),
            )
    st.caption(say("Then **One token** or **Write** continues from there."))


def _plain(glyph: str) -> str:
    """The glyph as it is, where Markdown would read signs."""
    return "".join("\\" + c if c in string.punctuation else c for c in glyph)


def _take(lesson: Lesson, writing: Writing, model: Shown, at: int, other: int) -> None:
    """Put the text up to draw `at`, with token `other` there, in the place of the whole text."""
    later = len(writing.tokens) - at
    text = model.tokenizer.decode([other])
    taken = replace(writing.tokens[at], id=other, text=text, probability=BY_HAND)
    kept = [*writing.tokens[:at], taken]
    drawn = [*writing.drawn[:-later], other]
    again = Writing(model.model, model.tokenizer, writing.prompt, 0, drawn=drawn, tokens=kept)
    state.put(lesson, "writing", again)
