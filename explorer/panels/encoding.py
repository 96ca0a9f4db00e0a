"""Any sentence as tokens with their ids, there and back again."""

import streamlit as st

import gpt
from explorer import cache
from explorer.components.glyphs import visible
from explorer.components.token_strip import token_strip
from explorer.lessons import Lesson
from explorer.panels.byte_pairs import token_parts


def encoding_panel(lesson: Lesson, text: cache.Text, example: str) -> None:
    """A box for a sentence, its tokens, its ids, and what comes back when they are decoded."""
    sentence = st.text_input(
        "Any sentence",
        example,
        key=f"{lesson.key}_sentence",
        bind="query-params",
        max_chars=1000,
        help="Becomes one token per character. Try a character that the text never has, such as €."
        if text.unit == "character"
        else "Becomes pieces of words. A character that the text never has becomes several bytes.",
    )
    unknown = _strangers(lesson, text, sentence)
    try:
        ids = text.tokenizer.encode(sentence, unknown=unknown)
    except gpt.TextError as error:
        st.error(str(error))
        return
    if not ids:
        st.info("Type at least one character that the text has.")
        return
    back = text.tokenizer.decode(ids)
    _strip(lesson, text, ids)
    left, right = st.columns(2, gap="medium")
    left.markdown("**encode**: text → ids")
    how = f", unknown={unknown!r}" if text.tokenizer.unknown(sentence) else ""
    left.code(f"encode({sentence!r}{how})\n{ids}", language="python", wrap_lines=True)
    right.markdown("**decode**: ids → text")
    right.code(f"decode([{ids[0]}, …])\n{back!r}", language="python", wrap_lines=True)
    if back == sentence:
        st.success("The round trip gives back the same text: nothing was lost (measured).")
    else:
        st.warning(
            f"The round trip gives back another text: {len(sentence)} characters went in,"
            f" {len(back)} came back, and what the vocabulary does not have is gone."
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
    named = ", ".join(
        f"‘{visible(u.character)}’ ({u.name}) at position {u.position}" for u in strange[:5]
    )
    more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
    st.warning(
        f"The text never has {named}{more} (counted from 0), so the vocabulary has no id for it."
    )
    choices = {"drop": "leave them out", "replace": _instead(text), "error": "refuse the text"}
    return (
        st.segmented_control(
            "What to do about such characters",
            list(choices),
            default="drop",
            format_func=choices.__getitem__,
            key=f"{lesson.key}_unknown",
            help="The other pages leave them out, and say so.",
        )
        or "drop"
    )


def _instead(text: cache.Text) -> str:
    """What `unknown="replace"` does with this text: the tokenizer's rule in words."""
    tokens = text.tokenizer.tokens
    return "put a space instead" if " " in tokens else f"put ‘{visible(tokens[0])}’ instead"
