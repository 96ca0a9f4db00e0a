"""The text as coloured tokens, one of which is chosen, and what might come after it."""

import math
from typing import Any

import streamlit as st

import gpt
from explorer import cache, inspected
from explorer.amounts import percent
from explorer.charts.inside import create_next_tokens_chart
from explorer.components.glyphs import visible
from explorer.components.token_strip import token_strip
from explorer.language import say
from explorer.panels.inside.reading import Reading, quoted
from explorer.panels.picture import picture
from explorer.surprise import Expected, details

MOST = 10  # likeliest tokens shown


def token_text(reading: Reading, selected: int) -> int | None:
    """The text as the model reads it, each token in the colour of its loss; a click selects.

    Returns the selected position, None: none. Whatever shares the name `reading.link` follows.
    """
    expected = _expected(reading)
    losses = expected.losses.tolist()
    chosen = token_strip(
        list(reading.ids),
        reading.tokens,
        key=f"{reading.lesson.key}_strip",
        values=[None, *losses],
        value_label=say("loss −ln p (nats)"),
        selectable=True,
        selected=selected,
        details=details(expected, reading.shown.tokenizer.tokens),
        link=reading.link,
    )
    mean, V = sum(losses) / len(losses), reading.shown.tokenizer.vocab_size
    st.caption(
        say(
            "Measured: {loss:.3f} nats a token, {bits:.3f} bits a character; knowing nothing costs"
            " ln V = {nothing:.3f} nats a token (derived, V = {V:,}). Click a token: every picture"
            " is of the state after it.",
            loss=mean,
            bits=_bits(reading, losses),
            nothing=math.log(V),
            V=V,
        )
    )
    return chosen


def _bits(reading: Reading, losses: list[float]) -> float:
    import torch

    text = reading.shown.tokenizer.decode(list(reading.ids[1:]))
    return gpt.inspection.bits_per_character(torch.tensor([losses]), text)


def tokens_view(reading: Reading) -> None:
    """The likeliest next tokens after the chosen position."""
    i = reading.position
    true = reading.ids[i + 1] if i + 1 < len(reading.ids) else None
    vocabulary = reading.shown.tokenizer.tokens
    table = inspected.next_tokens(probabilities(reading), vocabulary, MOST, true)
    left, right = reading.columns([3, 2], gap="large")
    with left:
        picture(create_next_tokens_chart(table), f"{reading.lesson.key}_next", "next-token")
    with right:
        st.markdown(next_words(reading))
        st.caption(
            say("Bars: measured probabilities of the next token; green is the one that comes.")
        )


def next_words(reading: Reading) -> str:
    """What the model expects after the chosen position, and what comes, as sentences."""
    i, p = reading.position, probabilities(reading)
    best = int(p.argmax())
    said = say(
        "After position {position}, {token}, the model gives most to {choice}: {share}.",
        position=i,
        token=reading.token(i),
        choice=quoted(reading.shown.tokenizer.tokens[best]),
        share=percent(p[best].item()),
    )
    if i + 1 == len(reading.ids):
        ends = say("The text ends here, so nothing says what is true.")
        return f"{said} {ends}"
    true = reading.ids[i + 1]
    goes_on = say(
        "The text goes on with {token}: {share}, rank {rank} of {V:,}, a loss of {loss:.3f} nats.",
        token=reading.token(i + 1),
        share=percent(p[true].item()),
        rank=int((p > p[true]).sum()) + 1,
        V=len(p),
        loss=-math.log(max(p[true].item(), 1e-45)),
    )
    return f"{said} {goes_on}"


def token_losses(reading: Reading) -> list[float]:
    """The cost of every token but the first, nats."""
    losses: list[float] = _expected(reading).losses.tolist()
    return losses


def _expected(reading: Reading) -> Expected:
    return cache.expected(reading.model, reading.ids, reading.shown.key)


def probabilities(reading: Reading) -> Any:
    """Probabilities (V,) of the token after the chosen position, a tensor."""
    return scores_after(reading).softmax(-1)


def scores_after(reading: Reading) -> Any:
    """Scores (V,) of the token after the chosen position, read out of the last layer."""
    import torch

    model = reading.model
    if not reading.has_heads:
        return gpt.trace(model, reading.idx, ["logits"])["logits"][0, reading.position]
    last = reading.measured(
        "last",
        lambda: gpt.trace(model, reading.idx, ["resid_post"], layers=[model.config.n_layer - 1])[
            "resid_post"
        ][0, 0],
    )  # (T, C)
    with torch.no_grad():
        return model.read_out(last[reading.position]).float()


def glyph_of(reading: Reading, token: int) -> str:
    """A token of the vocabulary made visible."""
    return visible(reading.shown.tokenizer.tokens[token])
