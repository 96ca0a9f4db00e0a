"""The product behind a cell of the attention map, term by term."""

import streamlit as st

import gpt
from explorer import habits, state
from explorer.components.dot_product import dot_product
from explorer.language import say
from explorer.panels.inside import reading as selection
from explorer.panels.inside.reading import Reading


def dots_panel(reading: Reading) -> None:
    """A switch, and behind it the chosen head's query · key; it follows the map's pointer."""
    lesson, layer = reading.lesson, reading.layer
    on = st.toggle(
        say("The dot product, term by term"),
        key=selection.begin(lesson, "dots", lambda known: str(known) in ("1", "True")),
        help=say("What makes the weight of the cell that you point at in the map."),
    )
    selection.keep(lesson, "dots", int(on), 0)
    if not on:
        return
    head = reading.model.blocks[layer].attention.heads()[reading.head]
    steps = gpt.attention_steps(head, reading.attention_input()[layer, 0])
    _, begun = state.get(reading.selects, "begun", (None, reading.position))
    dot_product(
        steps["query"].float().numpy(),
        steps["key"].float().numpy(),
        reading.tokens,
        key=f"{lesson.key}_dot_product",
        scale=head.scale,
        causal=reading.model.config.causal,
        query=min(begun, len(reading.ids) - 1),  # constant while clicks move the position
        title=say("Head {head}", head=habits.name(layer, reading.head)),
        link=reading.link,
    )
