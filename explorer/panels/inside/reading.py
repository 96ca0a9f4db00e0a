"""A text as one model reads it, and the one selection that every view of the page follows.

Position, layer and head are chosen once, in whichever view, and kept in the session and in the
address, so that a link shows the same cell of the same picture.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

import gpt
from explorer import cache, habits, state
from explorer.components import memory
from explorer.components.glyphs import visible
from explorer.examples import SENTENCE, example_for, fitting
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels import head_map
from explorer.panels.model import Shown, readable

MOST_CHARACTERS = 8000  # a full context of 1,024 tokens of GPT-2 is about 4,500
MAP = "map"  # the attention map remembers clicks of its own under this name


@dataclass(frozen=True)
class Reading:
    """What one model reads, with what is chosen in it; layers, heads and positions from 0."""

    lesson: Lesson
    shown: Shown
    ids: tuple[int, ...]
    tokens: list[str]
    said: str  # what was left out, in words
    folder: Path | None = None  # where the snapshots of the model lie
    position: int = 0
    layer: int = 0
    head: int = 0
    page: Lesson | None = None  # whose selection it follows, when it stands beside another model
    narrow: bool = False  # its views have half of the page

    @property
    def model(self) -> Any:
        return self.shown.model

    @property
    def selects(self) -> Lesson:
        """The lesson under whose name the selection is kept."""
        return self.page or self.lesson

    @property
    def link(self) -> str:
        """The name under which browser components share the chosen position."""
        return f"{self.selects.key}_position"

    @property
    def has_heads(self) -> bool:
        return self.model.config.architecture != "bigram"

    @property
    def idx(self) -> Any:
        """The ids as a batch of one, (1, T)."""
        import torch

        return torch.tensor([self.ids])

    def measured(self, what: str, compute: Callable[[], Any]) -> Any:
        """`compute()` for this model and text, done once and shared."""
        return cache.measured(what, self.shown.key, self.ids, compute)

    def scores(self) -> dict[str, "gpt.HeadScore"]:
        """Head scores on this text."""
        return head_map.scores(self.shown, self.ids)

    def attention_input(self) -> Any:
        """What the attention of each layer reads, (L, 1, T, C)."""
        return head_map.attention_input(self.shown, self.ids)

    def weights(self, layer: int) -> Any:
        """Attention weights of all heads of one layer, (H, T, T)."""
        return head_map.weights(self.shown, self.ids, layer)

    def columns(self, widths: int | list[int], **how: Any) -> list[Any]:
        """`st.columns`; one below the other in half a page, where they would be too narrow."""
        if not self.narrow:
            return list(st.columns(widths, **how))
        return [st.container() for _ in range(widths if isinstance(widths, int) else len(widths))]

    def token(self, position: int) -> str:
        """A token made visible, in quotes, as Markdown shows it letter by letter."""
        return quoted(self.tokens[position])


def quoted(token: str) -> str:
    """‘token’ with everything visible, and nothing that Markdown would take for a sign."""
    glyphs = "".join("\\" + c if c in "\\`*_{}[]()<>#+-.!|~$:^&=" else c for c in visible(token))
    return f"‘{glyphs}’"


def ask_text(lesson: Lesson, shown: Shown) -> str:
    """The text box; an example that the model's vocabulary knows stands in it at first."""
    suited = example_for(shown.tokenizer, SENTENCE)
    key = begin(lesson, "text", lambda text: fitting(text, suited))
    text = st.text_area(
        say("Text to read"),
        key=key,
        height=68,
        max_chars=MOST_CHARACTERS,
        help=say(
            "Any text. The model reads at most its context; spaces and newlines count too. Press"
            " Ctrl+Enter."
        ),
    )
    keep(lesson, "text", text, suited)
    return text


def read(lesson: Lesson, shown: Shown, text: str, folder: Path | None = None) -> Reading:
    """`text` as the model reads it, cut to what its context can hold."""
    ids, said = readable(shown, text)
    tokens = [shown.tokenizer.tokens[i] for i in ids]
    return Reading(lesson, shown, tuple(ids), tokens, said, folder)


def select(reading: Reading, draw_text: Callable[[Reading, int], int | None]) -> Reading:
    """The text, in which a position is chosen, and the chooser of the head; every view follows.

    draw_text(reading, position) draws the text with that position chosen at first, and returns the
    one that is chosen now, if any.
    """
    lesson, last = reading.lesson, len(reading.ids) - 1
    first = last - 1  # what comes after it is known
    read, begun = state.get(lesson, "begun", (None, first))
    if read != reading.ids:  # constant while one text is read, so that no click is overruled
        known = state.get(lesson, "position", st.query_params.get(f"{lesson.key}_position"))
        begun = min(max(_whole(known, first), 0), last)
        state.put(lesson, "begun", (reading.ids, begun))
        memory.ask_anew(f"{lesson.key}_strip")
    chosen = draw_text(reading, begun)
    position = first if chosen is None else chosen
    state.put(lesson, "position", None if position == first else position)
    state.set_address(f"{lesson.key}_position", None if position == first else str(position))
    reading = replace(reading, position=position)
    if not reading.has_heads:
        return reading
    layer, head = _ask_head(reading)
    return replace(reading, layer=layer, head=head)


def beside(reading: Reading, other: Reading) -> Reading:
    """`other`, with the selection of `reading`; where it has no such head, its last one."""
    config = other.model.config
    layers, heads = (config.n_layer, config.n_head) if other.has_heads else (1, 1)
    return replace(
        other,
        position=min(reading.position, len(other.ids) - 1),
        layer=min(reading.layer, layers - 1),
        head=min(reading.head, heads - 1),
        page=reading.lesson,
    )


def _ask_head(reading: Reading) -> tuple[int, int]:
    config, scores = reading.model.config, reading.scores()
    names = {
        habits.name(layer, head): (layer, head)
        for layer in range(config.n_layer)
        for head in range(config.n_head)
    }
    first = max(names, key=lambda n: habits.habit(scores, *names[n]).excess)
    key = begin(reading.lesson, "head", lambda n: n if n in names else first)
    chosen = st.selectbox(
        say("Head"),
        list(names),
        key=key,
        format_func=lambda n: f"{n}: {habits.label(scores, *names[n])}",
        on_change=_ask_the_map,
        args=(reading.lesson,),
        help=say(
            "Layer and head, counted from 1, with what it looks at most on this text. A click in"
            " the picture of all heads chooses as well."
        ),
    )
    keep(reading.lesson, "head", chosen, first)
    return names[chosen]


def choose_head(lesson: Lesson, layer: int, head: int) -> None:
    """Choose a head for all views, as a callback or before a rerun."""
    want(lesson, "head", habits.name(layer, head))
    _ask_the_map(lesson)


def clicked_head(lesson: Lesson, layer: int, head: int) -> None:
    """Choose the head that was clicked in the map, which therefore need not be told."""
    want(lesson, "head", habits.name(layer, head))


def asked_of_map(reading: Reading) -> tuple[int, int]:
    """The head that the map should begin with: constant while it is only clicked in the map."""
    config = reading.model.config
    if reading.page is not None:  # beside another: it follows
        return reading.layer, reading.head
    asked = state.get(reading.lesson, "map_head")
    if asked is None or not (asked[0] < config.n_layer and asked[1] < config.n_head):
        asked = (reading.layer, reading.head)
    if state.get(reading.lesson, "map_follows", True):
        asked = (reading.layer, reading.head)
    state.put(reading.lesson, "map_head", asked)
    state.put(reading.lesson, "map_follows", False)
    return asked


def _ask_the_map(lesson: Lesson) -> None:
    state.put(lesson, "map_follows", True)
    memory.ask_anew(f"{lesson.key}_{MAP}")


def begin(lesson: Lesson, name: str, fit: Callable[[Any], Any]) -> str:
    """Give the widget `name` its value before it is drawn; returns its key.

    As `want` asked, else as it stands, else as the address asks, else as it was when the page was
    left; `fit` makes of that a value which the widget can have.
    """
    key = f"{lesson.key}_{name}"
    known = st.session_state.get(key, st.query_params.get(key, state.get(lesson, name)))
    wanted = state.get(lesson, f"{name}.wanted")
    if wanted is not None:
        known = wanted
        state.put(lesson, f"{name}.wanted", None)
    st.session_state[key] = fit(known)
    return key


def want(lesson: Lesson, name: str, value: Any) -> None:
    """Let the widget `name` have this value when it is drawn next.

    (Taking its key out of the session would not do: the browser sends its old value again.)
    """
    state.put(lesson, f"{name}.wanted", value)


def keep(lesson: Lesson, name: str, value: Any, default: Any) -> None:
    state.put(lesson, name, value)
    text = ", ".join(value) if isinstance(value, list) else str(value)
    state.set_address(f"{lesson.key}_{name}", None if value == default else text)


def _whole(text: Any, default: int) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        return default
