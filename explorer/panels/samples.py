"""What several models write after one prompt with one seed, side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st

import gpt
from explorer import cache
from explorer.language import explain, say
from explorer.lessons import Lesson
from explorer.panels import writer
from explorer.panels.model import Shown

IN_A_ROW = 3


class Author(NamedTuple):
    """A model that writes, or the reason why it does not. `name` is plain text."""

    name: str
    shown: Shown | None
    reason: str = ""


def samples_panel(lesson: Lesson, authors: Sequence[Author], name: str) -> None:
    """The prompt, the length and the seed, and below them what each model writes.

    name: tells two such panels of a page apart.
    """
    key = f"{lesson.key}_{name}"
    places = st.columns([3, 1, 1, 1], vertical_alignment="bottom")
    prompt = places[0].text_input(
        say("Prompt"),
        "The ",
        key=f"{key}_prompt",
        bind="query-params",
        max_chars=500,
        help=say("What every model continues. Characters that a model does not know are left out."),
    )
    count = places[1].number_input(
        say("Tokens"),
        1,
        500,
        150,
        key=f"{key}_count",
        bind="query-params",
        help=say("How many each writes; a token is a character, or a piece of a word."),
    )
    temperature = places[2].number_input(
        say("Temperature"),
        0.0,
        2.0,
        0.8,
        0.1,
        key=f"{key}_temperature",
        bind="query-params",
        help=say("0 always takes the likeliest; 1 draws as the model says; more is wilder."),
    )
    seed = places[3].number_input(
        say("Seed"),
        0,
        2**31 - 1,
        1,
        key=f"{key}_seed",
        bind="query-params",
        help=say("The same random draws for every model."),
    )
    wide = min(IN_A_ROW, len(authors))
    for start in range(0, len(authors), IN_A_ROW):
        row = authors[start : start + IN_A_ROW]
        for place, author in zip(st.columns(wide, gap="medium"), row, strict=False):
            with place:
                _write(author, prompt, int(count), float(temperature), int(seed))
    if any(author.shown for author in authors):
        st.caption(say("Written on this server: one prompt, one seed, the same draws for all."))


def _write(author: Author, prompt: str, count: int, temperature: float, seed: int) -> None:
    st.text(author.name)  # plain: a learner may have named it
    if author.shown is None:
        st.caption(author.reason)
        return
    model = author.shown
    try:
        text = cache.written(
            model.model, model.tokenizer, model.key, prompt, count, temperature, seed
        )
    except gpt.GPTError as error:
        st.caption(explain(error))
        return
    st.code(text, language=None, wrap_lines=True, height=230)


def author(name: str, folder: Path) -> Author:
    """The model of a checkpoint folder as an author, or why it cannot write."""
    try:
        return Author(name, writer.load(folder, name))
    except (OSError, gpt.GPTError) as error:
        return Author(name, None, say("It cannot write: {error}", error=explain(error)))
