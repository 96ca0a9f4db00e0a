"""The logit lens: what the model would say if it stopped after each layer."""

import streamlit as st

import gpt
from explorer import inspected
from explorer.charts.inside import create_lens_chart
from explorer.panels.inside.reading import Reading, quoted
from explorer.panels.picture import picture

AROUND = 24  # positions in the picture: more would not be legible


def lens_view(reading: Reading) -> None:
    """The grid of positions × layers around the chosen position, and its words."""
    lens = reading.measured("lens", lambda: gpt.logit_lens(reading.model, reading.idx))
    places = window(reading.position, len(reading.ids))
    vocabulary = reading.shown.tokenizer.tokens
    cells = inspected.lens_cells(lens, reading.tokens, vocabulary, places)
    chart = create_lens_chart(cells, reading.position)
    picture(chart, f"{reading.lesson.key}_lens", "logit lens")
    st.markdown(_words(reading, lens))
    norm = {
        "pre": "the model’s own final norm, computed anew on each layer, and its read-out",
        "post": "its read-out as it is, since every block has normed what it hands on",
        "none": "its read-out as it is: this model has no norms",
    }[reading.model.config.norm if reading.has_heads else "none"]
    part = f"Positions {places[0]} to {places[-1]} of {len(reading.ids)}. " * (
        len(places) < len(reading.ids)
    )
    st.caption(
        f"{part}Measured: each layer is read through {norm}. The row “model” is what it really"
        " says. A green frame: the first choice is what the text says next; the red name:"
        " the chosen position. The lens shows what can be read out directly; a token that it does"
        " not show may be there all the same."
    )


def window(position: int, length: int) -> range:
    """At most AROUND positions with `position` among them, in the middle where that is possible."""
    start = min(max(0, position - AROUND // 2), max(0, length - AROUND))
    return range(start, min(length, start + AROUND))


def _words(reading: Reading, lens: "gpt.Lens") -> str:
    i, last = reading.position, len(lens.top) - 1
    top = lens.top[:, 0, i].tolist()
    final = quoted(reading.shown.tokenizer.tokens[top[-1]])
    since = last
    while since > 0 and top[since - 1] == top[-1]:
        since -= 1
    place = "from the embeddings on" if since == 0 else f"from layer {since} on"
    if since == last and last:
        place = f"only after the last layer, {last}"
    return (
        f"After {reading.token(i)} at position {i} the model says {final}"
        f" ({lens.top_p[-1, 0, i].item():.1%}); read out layer by layer that is the first choice"
        f" {place}."
    )
