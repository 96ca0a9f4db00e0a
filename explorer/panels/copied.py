"""Does the model write, or recite? What stands word for word in the text it learned from."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, inspected, state
from explorer.components.token_strip import token_strip
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels import text as texts
from explorer.panels.model import Shown
from explorer.runs.run import Run, RunError
from explorer.writing import Writing
from gpt.text import is_local

LEAST, MOST, START = 8, 60, 16  # characters that count as a copy
AROUND = 40  # characters of the training text on either side
ROWS = 30  # copies in the table


def copied_panel(lesson: Lesson, shown: Shown, folder: Path | None, text: str, what: str) -> None:
    """Mark the pieces of `text` that stand in the training text of the shown model.

    folder: of its run or of the shipped model. what: the text in the learner's words,
    such as "the text read".
    """
    if folder is None or not shown.key.startswith(str(folder)):
        st.info(say("An untrained model has learned from no text, so it has nothing to recite."))
        return
    learned = training_text(folder)
    if learned is None:
        st.info(
            say(
                "The training text of this model is not here, so nothing can be compared with it."
                " (Its name: {name}.)",
                name=_corpus(folder).get("name") or say("unknown"),
            )
        )
        return
    least = st.slider(
        say("Characters that count as a copy"),
        LEAST,
        MOST,
        START,
        key=f"{lesson.key}_least",
        help=say(
            "Shorter equal pieces are passed over. Common words and names are found by chance."
        ),
    )
    training, _ = gpt.split(learned.corpus.text)
    found = _copies(text, training, least, learned)
    lengths = inspected.copied_lengths(text, found)
    token_strip(
        [ord(c) for c in text],
        list(text),
        key=f"{lesson.key}_copied",
        values=lengths,
        value_label=say("length of the copy (characters)"),
    )
    _compare(text, what, found, least, learned)
    if found:
        table = inspected.found_copies(text, training, found[:ROWS], AROUND)
        _table(table, f"{lesson.key}_copies")
    _explain(len(found))


def _compare(
    text: str, what: str, found: list["gpt.inspection.Copy"], least: int, learned: cache.Text
) -> None:
    """How much is copied, beside as much of the held-out text: that is chance."""
    training, held_out = gpt.split(learned.corpus.text)
    baseline = held_out[: len(text)]
    chance = _copies(baseline, training, least, learned)
    copied = say(
        "Of the {n:,} characters of {what}, {share} stand in pieces of at least {least} in the"
        " training text ({title}), {longest}.",
        n=len(text),
        what=what,
        share=_share(text, found),
        least=least,
        title=texts.title(learned),
        longest=_longest(found),
    )
    by_chance = say(
        "Of {n:,} characters of the validation text, which the model never saw: {share},"
        " {longest}.",
        n=len(baseline),
        share=_share(baseline, chance),
        longest=_longest(chance),
    )
    st.markdown(f"{copied} {by_chance}")


def _table(copies: pd.DataFrame, key: str) -> None:
    """copies: see `inspected.found_copies`."""
    config = st.column_config
    st.dataframe(
        copies,
        hide_index=True,
        key=key,
        column_config={
            "length": config.NumberColumn(say("length")),
            "passage": config.TextColumn(say("passage")),
            "position": config.NumberColumn(say("position")),
            "surroundings": config.TextColumn(say("surroundings")),
        },
    )


def _explain(found: int) -> None:
    """How the copies were found; `found` of them."""
    said = [
        say(
            "Measured: every piece is as long as it can be and is compared character by character;"
            " position counts characters from the start of the training text, the first place"
            " where it stands."
        )
    ]
    if found > ROWS:
        said.append(say("The {rows} longest of {n} are listed.", rows=ROWS, n=found))
    said.append(
        say(
            "The number below each character is its Unicode code. The held-out text is the measure"
            " of chance: only what goes far beyond it is memory. What is said with other words is"
            " not found."
        )
    )
    st.caption(" ".join(said))


def written_panel(lesson: Lesson, shown: Callable[[], Shown], folder: Path | None) -> None:
    """The same for what was written last, without its prompt, once it is ready."""
    writing: Writing | None = state.get(lesson, "writing")
    if writing is None or not writing.tokens:
        return
    st.markdown(say("**Does it write, or recite?**"))
    if writing.running:
        st.caption(say("When the text is ready, it is compared with the training text."))
        return
    copied_panel(lesson, shown(), folder, writing.written, say("what was written"))


def training_text(folder: Path) -> cache.Text | None:
    """The text that the model in `folder` learned from; None when it is not on this machine."""
    about = _corpus(folder)
    name, sha256 = about.get("name"), about.get("sha256")
    if name is None or not is_local(name):
        return None
    try:
        text = cache.text(name, sha256 if "path" in about else None)
    except gpt.GPTError:
        return None
    return text if sha256 in (None, text.corpus.sha256) else None


def _corpus(folder: Path) -> dict[str, str]:
    """What the run's description, or the shipped model's card, says of its text."""
    try:
        return dict(Run(folder).spec().get("corpus", {}))
    except RunError:
        pass
    try:
        card = gpt.read_config(folder)["card"]
    except (OSError, KeyError, gpt.GPTError):
        return {}
    known = {"name": card.get("corpus"), "sha256": card.get("corpus_sha256")}
    return {name: value for name, value in known.items() if value is not None}


def _copies(
    text: str, training: str, least: int, learned: cache.Text
) -> list["gpt.inspection.Copy"]:
    return cache.copies(text, training, least, learned.corpus.sha256)


def _share(text: str, copies: list["gpt.inspection.Copy"]) -> str:
    marked = sum(length > 0 for length in inspected.copied_lengths(text, copies))
    return f"{marked / max(1, len(text)):.0%}"


def _longest(copies: list["gpt.inspection.Copy"]) -> str:
    return say("the longest with {n}", n=copies[0].length) if copies else say("none so long")
