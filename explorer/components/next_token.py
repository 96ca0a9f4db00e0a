"""The distribution over the next token, with temperature, top-k and top-p applied in the browser.

The logits travel once; every movement of a slider is computed where it is drawn, in the order and
with the meaning of `gpt.filters.filter_stages`. Python hears of the settings when a slider is let
go, so that it samples with exactly what is shown.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.charts import theme
from explorer.components import memory, wire
from explorer.components.glyphs import visible_all

ALL_SHOWN = 300  # up to this vocabulary every token gets a bar
SHOWN = 60  # beyond it, the most probable ones

HTML = "next_token.html"
SCRIPTS = ("shared.js", "filters.js", "next_token_paint.js", "next_token.js")

_component = st.components.v2.component(
    "explorer_next_token",
    html=wire.assets(HTML),
    css=wire.assets("shared.css", "next_token.css"),
    js=wire.assets(*SCRIPTS),
)


class Settings(NamedTuple):
    """How to draw the next token: temperature (0 = greedy), top_k and top_p (None = off)."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None


def next_token(
    logits: np.ndarray,
    tokens: Sequence[str],
    *,
    key: str,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    drawn: int | None = None,
) -> Settings:
    """Draw the next-token distribution with its three sliders; returns what they stand on.

    logits (V,): the model's last row, natural log scale. tokens: all V tokens, by id.
    temperature, top_k, top_p: where the sliders begin; a value that changes between runs moves
    them (keep them constant, do not feed the returned value back). drawn: id of the token just
    drawn, which is marked. Raises ValueError for shapes, ids or settings out of range.
    """
    values = _checked(logits, tokens, drawn)
    asked = check_settings(temperature, top_k, top_p)
    begin, epoch = memory.start(key, "settings", asked._asdict())
    shown = np.argsort(-values, kind="stable")  # (V,) ids by falling probability, ties by id
    if len(values) > ALL_SHOWN:
        shown = shown[:SHOWN]
    ids = [int(i) for i in shown]
    if drawn is not None and drawn not in ids:
        ids.append(int(drawn))  # what was drawn is always to be seen
    header = {
        "vocab_size": len(values),
        "ids": ids,
        "tokens": visible_all(tokens[i] for i in ids),
        "drawn": None if drawn is None else int(drawn),
        "colour": theme.PROBABILITY,
        "start": begin,
        "epoch": epoch,
        **wire.words(HTML, *SCRIPTS),
    }
    state = _component(
        key=key,
        data=wire.pack(header, values.astype("<f4").tobytes()),
        on_settings_change=lambda: None,
    )
    return _settings(memory.choice(key, "settings", state), asked)


def check_settings(temperature: float, top_k: int | None, top_p: float | None) -> Settings:
    """The settings as numbers, or a ValueError naming the one that is out of range."""
    if not 0 <= temperature <= 2:
        raise ValueError(f"temperature must lie between 0 (greedy) and 2, got {temperature}.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, or None to switch it off, got {top_k}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must lie above 0 and up to 1, or None for off, got {top_p}.")
    return Settings(
        float(temperature),
        None if top_k is None else int(top_k),
        None if top_p is None else float(top_p),
    )


def _settings(chosen: memory.Choice | None, asked: Settings) -> Settings:
    """What the browser reported; a report which is no valid setting counts as none."""
    try:
        return check_settings(**chosen) if chosen else asked
    except (TypeError, ValueError):
        return asked


def _checked(logits: np.ndarray, tokens: Sequence[str], drawn: int | None) -> np.ndarray:
    values = np.asarray(logits, dtype=np.float32)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(
            f"logits must have shape (V,), got {values.shape}: take the last position of one "
            "sequence, e.g. logits[0, -1]."
        )
    if len(tokens) != len(values):
        raise ValueError(f"there are {len(values)} logits but {len(tokens)} tokens.")
    if np.isnan(values).any() or np.isposinf(values).any() or not np.isfinite(values).any():
        raise ValueError("logits must be numbers, got NaN or infinity: has the training diverged?")
    if drawn is not None and not 0 <= drawn < len(values):
        raise ValueError(f"drawn must be a token id below {len(values)}, got {drawn}.")
    return values
