"""Any sentence as tokens with their ids, there and back again."""

from typing import Any

import streamlit as st

import gpt
from explorer import cache
from explorer.components.glyphs import visible
from explorer.components.token_strip import token_strip
from explorer.language import explain, say
from explorer.lessons import Lesson
from explorer.panels.byte_pairs import token_parts


def encoding_panel(lesson: Lesson, text: cache.Text, example: str) -> None:
    """A box for a sentence, its tokens, its ids, and what comes back when they are decoded."""
    sentence = st.text_input(
        say("Any sentence"),
        example,
        key=f"{lesson.key}_sentence",
        bind="query-params",
        max_chars=1000,
        help=say(
            "Becomes one token per character. Try a character that the text never has, such as €."
        )
        if text.unit == "character"
        else say(
            "Becomes pieces of words. A character that the text never has becomes several bytes."
        ),
    )
    unknown = _strangers(lesson, text, sentence)
    try:
        ids = text.tokenizer.encode(sentence, unknown=unknown)
    except gpt.TextError as error:
        st.error(explain(error))
        return
    if not ids:
        st.info(say("Type at least one character that the text has."))
        return
    back = text.tokenizer.decode(ids)
    _strip(lesson, text, ids)
    left, right = st.columns(2, gap="medium")
    left.markdown(say("**encode**: text → ids"))
    how = f", unknown={unknown!r}" if text.tokenizer.unknown(sentence) else ""
    left.code(f"encode({sentence!r}{how})\n{ids}", language="python", wrap_lines=True)
    right.markdown(say("**decode**: ids → text"))
    right.code(f"decode([{ids[0]}, …])\n{back!r}", language="python", wrap_lines=True)
    if back == sentence:
        st.success(say("The round trip gives back the same text: nothing was lost (measured)."))
    else:
        st.warning(
            say(
                "The round trip gives back another text: {before} characters went in, {after} came"
                " back, and what the vocabulary does not have is gone.",
                before=len(sentence),
                after=len(back),
            )
        )


def _strip(lesson: Lesson, text: cache.Text, ids: list[int]) -> None:
    key = f"{lesson.key}_tokens"
    if text.unit == "character":
        token_strip(ids, [text.tokenizer.tokens[i] for i in ids], key=key)
    else:
        names, details = token_parts(text.tokenizer, ids)
        token_strip(ids, names, details=details, key=key)


def _strangers(lesson: Lesson, text: cache.Text, sentence: str) -> str:
    """Name the characters that the text never has; returns what to do about them."""
    strange = text.tokenizer.unknown(sentence)
    if not strange:
        return "error"
    _warn(strange)
    choices = {
        "drop": say("leave them out"),
        "replace": _instead(text),
        "error": say("refuse the text"),
    }
    return (
        st.segmented_control(
            say("What to do about such characters"),
            list(choices),
            default="drop",
            format_func=choices.__getitem__,
            key=f"{lesson.key}_unknown",
            help=say("The other pages leave them out, and say so."),
        )
        or "drop"
    )


def _warn(strange: list[Any]) -> None:
    """Name the first five of the strange characters, and say how many more there are."""
    named = ", ".join(
        say(
            "‘{character}’ ({name}) at position {position}",
            character=visible(u.character),
            name=u.name,
            position=u.position,
        )
        for u in strange[:5]
    )
    more = len(strange) - 5
    st.warning(
        say(
            "The text never has {named} and {n} more (counted from 0), so the vocabulary has no id"
            " for it.",
            named=named,
            n=more,
        )
        if more > 0
        else say(
            "The text never has {named} (counted from 0), so the vocabulary has no id for it.",
            named=named,
        )
    )


def _instead(text: cache.Text) -> str:
    """What `unknown="replace"` does with this text: the tokenizer's rule in words."""
    tokens = text.tokenizer.tokens
    if " " in tokens:
        return say("put a space instead")
    return say("put ‘{character}’ instead", character=visible(tokens[0]))
