"""Attention on the learner's own text: every layer and head of the model on this page."""

from collections.abc import Callable

import streamlit as st

from explorer import cache, state
from explorer.components.attention_map import attention_map
from explorer.examples import fitting
from explorer.lessons import Lesson
from explorer.panels.model import Shown

POLL_SECONDS = 1.5

CAUTION = (
    "A weight says where a head looks, not why the model says what it says: what is carried along"
    " depends on the values too."
)


def attention_panel(
    lesson: Lesson, shown: Callable[[], Shown], example: str, live: bool = False, height: int = 520
) -> None:
    """A text box, and the attention of `shown()` for what stands in it: at first `example`.

    live: look for a newer model every moment, because a run is training.
    """
    key = f"{lesson.key}_read"
    # Not `bind`: an example has to make place for another when a model of another text comes.
    st.session_state[key] = text_read(lesson, example)
    read = st.text_input(
        "Text to read",
        key=key,
        max_chars=2000,
        help="Any text. The model reads at most its context; spaces and newlines count too.",
    )
    state.put(lesson, "read", read)
    state.set_address(key, None if read == example else read)

    def body() -> None:
        model = shown()
        ids, said = readable(model, read)
        if len(ids) < 2:
            st.info("Type at least two characters that the training text knows.")
            return
        found = cache.trace(model.model, tuple(ids), model.key)
        tokens = [model.tokenizer.tokens[i] for i in ids]
        causal = model.model.config.causal
        st.caption(f"Model: {model.label}. Weights are measured on it. {said}")
        attention_map(
            found["pattern"], tokens, key=f"{lesson.key}_attention", causal=causal, height=height
        )

    st.fragment(body, run_every=POLL_SECONDS if live else None)()
    st.caption(CAUTION)


def text_read(lesson: Lesson, example: str) -> str:
    """What stands in the box of `attention_panel`, also before that is drawn."""
    key = f"{lesson.key}_read"
    known = st.session_state.get(key, state.get(lesson, "read", st.query_params.get(key)))
    return fitting(known, example)


def readable(shown: Shown, text: str) -> tuple[list[int], str]:
    """The ids the model can read of `text`, and a sentence about what was left out."""
    strange = shown.tokenizer.unknown(text)
    ids = shown.tokenizer.encode(text, unknown="drop")
    limit = shown.model.config.block_size
    said = []
    if strange:
        names = ", ".join(f"{u.character!r} ({u.name})" for u in strange[:3])
        more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
        said.append(f"Left out, the training text never had them: {names}{more}.")
    if len(ids) > limit:
        said.append(f"The context is {limit} tokens: of {len(ids)}, the last {limit} are read.")
    return ids[-limit:], " ".join(said)
