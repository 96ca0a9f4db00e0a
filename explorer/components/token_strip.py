"""A text as coloured tokens: where the cuts are, which id each has, or a value per token.

Without values the colours only separate neighbours (id modulo 5). With values, such as the loss of
each token, the colour is the value and a legend says so. Where tokens are selectable, Python is
told the position that was clicked.
"""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.components import memory, wire
from explorer.components.glyphs import visible_all
from explorer.language import say

MAX_TOKENS = 5_000  # more are cut, and the strip says so

HTML = "token_strip.html"
SCRIPTS = ("shared.js", "saving.js", "links.js", "token_strip_save.js", "token_strip.js")

_component = st.components.v2.component(
    "explorer_token_strip",
    html=wire.assets(HTML),
    css=wire.assets("shared.css", "token_strip.css"),
    js=wire.assets(*SCRIPTS),
)


def token_strip(
    ids: Sequence[int],
    tokens: Sequence[str],
    *,
    key: str,
    values: Sequence[float | None] | np.ndarray | None = None,
    value_label: str | None = None,
    selectable: bool = False,
    selected: int | None = None,
    details: Sequence[str] | None = None,
    link: str | None = None,
) -> int | None:
    """Draw a text of N tokens; returns the position that is selected, None: none.

    ids (N,): token ids. tokens: the N tokens as text, in the same order. values (N,): a number per
    token (None or NaN: no value, e.g. the loss of the first token), coloured on a scale from 0 to 1
    or to the largest. value_label: what the value is, with its unit, e.g. "loss (nats)".
    selectable: a click or Enter selects a token, a second one lets go. selected: the position to
    begin with; a value that changes between runs selects it, so keep it constant (do not feed the
    returned value back). details (N,): more about each token, shown while it is pointed at, e.g.
    the most probable tokens there. link: a name shared with an `attention_map` of the same text: a
    position chosen in one is chosen in both. Raises ValueError when the lengths differ.
    """
    _check(ids, tokens, values, details)
    if selected is not None and not (selectable and 0 <= selected < len(ids)):
        raise ValueError(
            f"selected must be a position below {len(ids)} of a selectable strip, got {selected}."
        )
    asked = None if selected is None else {"index": int(selected)}
    begin, epoch = memory.start(key, "selected", asked)
    header: dict[str, object] = {
        "total": len(ids),
        "ids": [int(i) for i in ids[:MAX_TOKENS]],
        "tokens": visible_all(tokens[:MAX_TOKENS]),
        "breaks": [i for i, token in enumerate(tokens[:MAX_TOKENS]) if "\n" in token],
        "label": value_label or say("value"),
        "range": None,
        "selectable": selectable,
        "start": begin,
        "epoch": epoch,
        "details": None if details is None else [str(detail) for detail in details[:MAX_TOKENS]],
        "link": link,
        **wire.words(HTML, *SCRIPTS),
    }
    body = b""
    if values is not None:
        numbers = [math.nan if v is None else float(v) for v in values]
        header["range"] = value_range(numbers)
        body = np.asarray(numbers[:MAX_TOKENS], dtype="<f4").tobytes()
    state = _component(key=key, data=wire.pack(header, body), on_selected_change=lambda: None)
    index = (memory.choice(key, "selected", state) or {}).get("index")
    known = selectable and isinstance(index, int) and 0 <= index < min(len(ids), MAX_TOKENS)
    return index if known else None  # a shorter text may lack it


def _check(
    ids: Sequence[int],
    tokens: Sequence[str],
    values: Sequence[float | None] | np.ndarray | None,
    details: Sequence[str] | None,
) -> None:
    if len(ids) != len(tokens):
        raise ValueError(f"there are {len(ids)} ids but {len(tokens)} tokens: one token per id.")
    if values is not None and len(values) != len(ids):
        raise ValueError(f"there are {len(values)} values but {len(ids)} tokens: one per token.")
    if details is not None and len(details) != len(ids):
        raise ValueError(f"there are {len(details)} details but {len(ids)} tokens: one per token.")


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the colour scale: 0..1 where all values fit, else to the largest and smallest.

    [0.2, 0.9] → (0, 1); [0.3, 4.2] → (0, 4.2); [-1, 2] → (-1, 2). NaN is no value; infinity is an
    error, since no colour could show it.
    """
    known = [v for v in values if not math.isnan(v)]
    if any(math.isinf(v) for v in known):
        raise ValueError("values must be finite numbers, None or NaN, got infinity.")
    low, high = min(known, default=0.0), max(known, default=1.0)
    return min(low, 0.0), (high if high > 1 else 1.0)
