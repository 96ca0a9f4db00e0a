"""What the text costs token by token, and what might come after the chosen position."""

import math
from typing import Any

import streamlit as st

import gpt
from explorer import cache, inspected
from explorer.charts.inside import create_next_tokens_chart
from explorer.components.glyphs import visible
from explorer.components.token_strip import token_strip
from explorer.panels.inside.reading import Reading, quoted

MOST = 10  # likeliest tokens shown


def tokens_view(reading: Reading) -> None:
    """The coloured text, and the likeliest next tokens after the chosen position."""
    vocabulary = reading.shown.tokenizer.tokens
    losses = token_losses(reading)
    token_strip(
        list(reading.ids),
        reading.tokens,
        key=f"{reading.lesson.key}_strip",
        values=[None, *losses],
        value_label="loss −ln p (nats)",
    )
    mean, V = sum(losses) / len(losses), len(vocabulary)
    st.caption(
        f"Measured: {mean:.3f} nats a token on this text, {mean / math.log(2):.3f} bits;"
        f" knowing nothing costs ln V = {math.log(V):.3f} nats (derived, V = {V:,}). The first"
        " token has no value: nothing stands before it."
    )
    i = reading.position
    true = reading.ids[i + 1] if i + 1 < len(reading.ids) else None
    table = inspected.next_tokens(probabilities(reading), vocabulary, MOST, true)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.altair_chart(
            create_next_tokens_chart(table), key=f"{reading.lesson.key}_next", width="stretch"
        )
    with right:
        st.markdown(next_words(reading))
        st.caption("Bars: measured probabilities of the next token; green is the one that comes.")


def next_words(reading: Reading) -> str:
    """What the model expects after the chosen position, and what comes, as sentences."""
    i, p = reading.position, probabilities(reading)
    best = int(p.argmax())
    said = (
        f"After position {i}, {reading.token(i)}, the model gives most to"
        f" {quoted(reading.shown.tokenizer.tokens[best])}: {p[best].item():.1%}."
    )
    if i + 1 == len(reading.ids):
        return said + " The text ends here, so nothing says what is true."
    true = reading.ids[i + 1]
    rank = int((p > p[true]).sum()) + 1
    return said + (
        f" The text goes on with {reading.token(i + 1)}: {p[true].item():.2%}, rank {rank} of"
        f" {len(p):,}, a loss of {-math.log(max(p[true].item(), 1e-45)):.3f} nats."
    )


def token_losses(reading: Reading) -> list[float]:
    """The cost of every token but the first, nats."""

    def compute() -> list[float]:
        import torch

        logits = torch.from_numpy(_logits(reading))[None]  # (1, T, V)
        return gpt.inspection.token_losses(logits, reading.idx)[0].tolist()

    return reading.measured("losses", compute)


def probabilities(reading: Reading) -> Any:
    """Probabilities (V,) of the token after the chosen position, a tensor."""
    import torch

    return torch.from_numpy(_logits(reading)[reading.position]).float().softmax(-1)


def _logits(reading: Reading) -> Any:
    return cache.trace(reading.model, reading.ids, reading.shown.key)["logits"]


def glyph_of(reading: Reading, token: int) -> str:
    """A token of the vocabulary made visible."""
    return visible(reading.shown.tokenizer.tokens[token])
