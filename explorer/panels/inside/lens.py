"""The logit lens: what the model would say if it stopped after each layer."""

import streamlit as st

import gpt
from explorer import inspected
from explorer.amounts import percent
from explorer.charts.inside import create_lens_chart
from explorer.language import message, say
from explorer.panels.inside.reading import Reading, quoted
from explorer.panels.picture import picture

READ = {  # by where the model has its norms
    "pre": message(
        "Measured: each layer is read through the model’s own final norm, computed anew on each"
        " layer, and its read-out."
    ),
    "post": message(
        "Measured: each layer is read through its read-out as it is, since every block has normed"
        " what it hands on."
    ),
    "none": message(
        "Measured: each layer is read through its read-out as it is: this model has no norms."
    ),
}
LEGEND = message(
    "The row “model” is what it really says. A green frame: the first choice is what the text says"
    " next; the red name: the chosen position. The lens shows what can be read out directly; a"
    " token that it does not show may be there all the same."
)
CHARACTERS, WORDS = 24, 8  # positions in the picture: more tokens of that length do not fit


def lens_view(reading: Reading) -> None:
    """The grid of positions × layers around the chosen position, and its words."""
    vocabulary = reading.shown.tokenizer.tokens
    around = CHARACTERS if max(map(len, vocabulary)) == 1 else WORDS
    places = window(reading.position, len(reading.ids), around)
    lens = reading.measured(
        f"lens {places.start}",
        lambda: gpt.logit_lens(reading.model, reading.idx, positions=places),
    )
    cells = inspected.lens_cells(lens, reading.tokens, vocabulary, places)
    chart = create_lens_chart(cells, reading.position)
    picture(chart, f"{reading.lesson.key}_lens", "logit lens")
    st.markdown(_words(reading, lens, places))
    norm = reading.model.config.norm if reading.has_heads else "none"
    parts = [say(READ[norm]), say(LEGEND)]
    if len(places) < len(reading.ids):
        cut = {"first": places[0], "last": places[-1], "n": len(reading.ids)}
        parts.insert(0, say("Positions {first} to {last} of {n}.", **cut))
    st.caption(" ".join(parts))


def window(position: int, length: int, around: int) -> range:
    """At most `around` positions with `position` among them, not at an edge where that is possible.

    It moves by halves, so that neighbouring positions are seen in the same picture.
    """
    half = around // 2
    start = max(0, (position + half // 2) // half * half - half)
    start = min(start, max(0, length - around))
    return range(start, min(length, start + around))


def _words(reading: Reading, lens: "gpt.Lens", places: range) -> str:
    i, last = reading.position, len(lens.top) - 1
    column = places.index(i)
    top = lens.top[:, 0, column].tolist()
    final = quoted(reading.shown.tokenizer.tokens[top[-1]])
    since = last
    while since > 0 and top[since - 1] == top[-1]:
        since -= 1
    about = {
        "token": reading.token(i),
        "position": i,
        "choice": final,
        "share": percent(lens.top_p[-1, 0, column].item()),
        "layer": since,
    }
    if since == 0:
        return say(
            "After {token} at position {position} the model says {choice} ({share}); read out"
            " layer by layer that is the first choice from the embeddings on.",
            **about,
        )
    if since == last:
        return say(
            "After {token} at position {position} the model says {choice} ({share}); read out"
            " layer by layer that is the first choice only after the last layer, {layer}.",
            **about,
        )
    return say(
        "After {token} at position {position} the model says {choice} ({share}); read out layer by"
        " layer that is the first choice from layer {layer} on.",
        **about,
    )
