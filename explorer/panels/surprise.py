"""How surprised a model is at every token of the learner's text."""

import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer import cache
from explorer.components.glyphs import visible
from explorer.components.token_strip import token_strip
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels.model import Shown
from explorer.surprise import details

EXAMPLE = "ROMEO: Good morrow, cousin. My robot is zxqj tired."


def surprise_panel(lesson: Lesson, shown: Callable[[], Shown], every: float | None = None) -> None:
    """A box for a text, coloured by −ln p of each token. every: look for a newer model."""
    read = st.text_area(
        say("Any text"),
        EXAMPLE,
        key=f"{lesson.key}_surprise_text",
        bind="query-params",
        height=90,
        max_chars=1000,
        help=say(
            "The model does not write here, it reads: for each token, the probability that it"
            " had given to it. Press Ctrl+Enter."
        ),
    )

    def body() -> None:
        _measure(lesson, shown(), read)

    st.fragment(body, run_every=every)()


def _measure(lesson: Lesson, model: Shown, read: str) -> None:
    tokenizer = model.tokenizer
    ids = tokenizer.encode(read, unknown="drop")
    if len(ids) < 2:
        st.info(say("Type a longer text: it must have at least two tokens that this model knows."))
        return
    strange = sorted({u.character for u in tokenizer.unknown(read)})
    if strange:
        names = ", ".join(f"‘{visible(c)}’" for c in strange[:8]) + " …" * (len(strange) > 8)
        st.warning(say("Left out, because this model has no token for it: {names}.", names=names))
    found = cache.expected(model.model, tuple(ids), model.key)
    losses = found.losses
    tokens = [tokenizer.tokens[i] for i in ids]
    token_strip(
        ids,
        tokens,
        key=f"{lesson.key}_surprise",
        values=[None, *losses.tolist()],
        value_label=say("surprise −ln p (nats)"),
        details=details(found, tokenizer.tokens),
    )
    characters = max(1, len(tokenizer.decode(ids[1:])))  # a token may be several
    _numbers(losses, characters, tokenizer.vocab_size)
    worst = int(np.argmax(losses)) + 1
    before = "".join(visible(token) for token in tokens[max(0, worst - 12) : worst])
    st.caption(
        say(
            "Model: {model}; measured. The first token has no value: nothing stands before it. The"
            " greatest surprise is ‘{token}’ after “{before}”: the model had given it a"
            " probability of {p:.2g}.",
            model=model.label,
            token=visible(tokens[worst]),
            before=before,
            p=math.exp(-losses[worst - 1]),
        )
    )


def _numbers(losses: np.ndarray, characters: int, V: int) -> None:
    """Mean surprise, bits per character, perplexity, and what knowing nothing costs."""
    mean = float(losses.mean())
    columns = st.columns(4, vertical_alignment="bottom")
    columns[0].metric(
        say("Mean surprise"),
        say("{loss:.3f} nats", loss=mean),
        help=say("The loss of this text: the mean of −ln p."),
    )
    columns[1].metric(
        say("Bits per character"),
        f"{float(losses.sum()) / characters / math.log(2):.3f}",
        help=say(
            "The sum of −ln p in bits (divided by ln 2), for each character: what a perfect"
            " compressor with this model needs."
        ),
    )
    columns[2].metric(
        say("As if choosing among"),
        f"{math.exp(mean):.1f}",
        help=say(
            "Perplexity, e to the mean surprise: so many equally likely tokens would surprise"
            " as much."
        ),
    )
    columns[3].metric(
        say("Knowing nothing"),
        say("{loss:.3f} nats", loss=math.log(V)),
        help=say("ln V with V = {V:,} tokens.", V=V),
    )
