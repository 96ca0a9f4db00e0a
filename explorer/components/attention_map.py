"""All attention heads at a glance and one of them in detail, drawn on canvases in the browser.

The weights travel once (`attention_message`). Choosing a head, sorting and fading heads, hovering,
pinning, the change between matrix and lines and every export happen in the browser; Python is told
the head only after a click and need not answer. Where the weights are too many (`fits` says so),
`large_attention_map` sends small pictures of all heads, and the weights of the one that is chosen.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.components import memory, wire
from explorer.components.attention_message import Encoded, encode, encode_large
from explorer.language import message, say

SCORE = message("score")
PARTS = ("order", "atlas", "paint", "lines", "strip", "words", "save", "events", "map")

HTML = "attention_map.html"
SCRIPTS = ("shared.js", "saving.js", "links.js", *(f"attention_{part}.js" for part in PARTS))

_component = st.components.v2.component(
    "explorer_attention_map",
    html=wire.assets(HTML),
    css=wire.assets("shared.css", "attention_map.css"),
    js=wire.assets(*SCRIPTS),
)


def attention_map(
    pattern: np.ndarray,
    tokens: Sequence[str],
    *,
    key: str,
    causal: bool = True,
    height: int = 520,
    selected: tuple[int, int] | None = None,
    labels: Sequence[Sequence[str]] | None = None,
    captions: Sequence[Sequence[str]] | None = None,
    scores: np.ndarray | None = None,
    score_name: str = SCORE,
    link: str | None = None,
) -> tuple[int, int]:
    """Draw the attention weights of all heads; returns the chosen (layer, head), from 0.

    pattern (L, H, T, T): weights in 0..1, `pattern[l, h, i, j]` = how much position i takes from
    position j. tokens: the T tokens of the text. height: largest side of the detailed map, pixels.
    selected: the head to begin with; a value that changes between runs selects that head, so keep
    it constant (do not feed the returned value back). labels (L, H): a few words under each small
    picture, such as "previous 0.91", said with the head as well. captions (L, H): a word for each,
    which stands there where not all labels fit. scores (L, H): numbers by which the reader may sort
    the heads and fade the lower ones; NaN: none. score_name: what they are. link: a name shared
    with a `token_strip` of the same text: a position chosen there is pinned here, and the other way
    round. Call it inside a fragment to make a click re-run only that fragment. Raises ValueError
    for shapes or values that cannot be attention.
    """
    coded = encode(pattern, tokens, causal=causal)
    start = _start(key, selected, coded.layers, coded.heads)
    return _draw(coded, key, start, height, labels, captions, scores, score_name, link)


def large_attention_map(
    thumbnails: np.ndarray,
    detail: Callable[[int, int], np.ndarray],
    tokens: Sequence[str],
    *,
    key: str,
    causal: bool = True,
    height: int = 520,
    selected: tuple[int, int] | None = None,
    labels: Sequence[Sequence[str]] | None = None,
    captions: Sequence[Sequence[str]] | None = None,
    scores: np.ndarray | None = None,
    score_name: str = SCORE,
    link: str | None = None,
) -> tuple[int, int]:
    """`attention_map` for weights that are too many to send; returns the chosen (layer, head).

    thumbnails (L, H, t, t): of all heads, as `explorer.thumbnails.thumbnail` makes them of the
    T × T weights: t ≤ 64, each cell the largest weight of its block. detail: called once with the
    chosen (layer, head), gives its weights (T, T). A click on another head re-runs the page or
    fragment, which sends that head; arrow keys do once they rest. Until it is there its thumbnail
    is shown, and no numbers. The other arguments and errors are those of `attention_map`.
    """
    if np.ndim(thumbnails) != 4:
        raise ValueError(
            f"thumbnails must have shape (layers, heads, t, t), got {np.shape(thumbnails)}."
        )
    layers, heads = np.shape(thumbnails)[:2]
    start = _start(key, selected, layers, heads)
    chosen = _chosen(key, st.session_state.get(key), layers, heads)
    coded = encode_large(thumbnails, detail(*chosen), tokens, chosen, causal=causal)
    return _draw(coded, key, start, height, labels, captions, scores, score_name, link)


def _start(
    key: str, selected: tuple[int, int] | None, layers: int, heads: int
) -> tuple[memory.Choice | None, int]:
    """The head to begin with and its epoch, for the browser."""
    if selected is not None:
        _check_selected(selected, layers, heads)
    asked = None if selected is None else {"layer": int(selected[0]), "head": int(selected[1])}
    return memory.start(key, "selected", asked)


def _chosen(key: str, state: Mapping[str, Any] | None, layers: int, heads: int) -> tuple[int, int]:
    """The chosen (layer, head), one that the model has."""
    chosen = memory.choice(key, "selected", state or {}) or {}
    return _place(chosen.get("layer"), layers), _place(chosen.get("head"), heads)


def _place(told: Any, many: int) -> int:
    """One of `many` places; what is no whole number, whoever sent it, is the first."""
    return min(max(told, 0), many - 1) if isinstance(told, int) else 0


def _draw(
    coded: Encoded,
    key: str,
    start: tuple[memory.Choice | None, int],
    height: int,
    labels: Sequence[Sequence[str]] | None,
    captions: Sequence[Sequence[str]] | None,
    scores: np.ndarray | None,
    score_name: str,
    link: str | None,
) -> tuple[int, int]:
    """Mount the component with a message; returns the chosen (layer, head)."""
    shape = (coded.layers, coded.heads)
    header = {
        **coded.header,
        "height": int(height),
        "start": start[0],
        "epoch": start[1],
        "labels": None if labels is None else flat_labels(labels, *shape),
        "captions": None if captions is None else flat_labels(captions, *shape),
        "scores": None if scores is None else flat_scores(scores, *shape),
        "score_name": say(score_name),
        "link": link,
        **wire.words(HTML, *SCRIPTS),
    }
    state = _component(key=key, data=wire.pack(header, coded.body), on_selected_change=lambda: None)
    return _chosen(key, state, *shape)


def flat_labels(labels: Sequence[Sequence[str]], layers: int, heads: int) -> list[str]:
    """The labels, head after head: [["a", "b"], ["c", "d"]] → ["a", "b", "c", "d"]."""
    if len(labels) != layers or any(isinstance(row, str) or len(row) != heads for row in labels):
        raise ValueError(
            f"labels must be {layers} rows of {heads} texts, one for each head, "
            f"got {len(labels)} rows of {[len(row) for row in labels]}."
        )
    return [str(label) for row in labels for label in row]


def flat_scores(scores: np.ndarray, layers: int, heads: int) -> list[float | None]:
    """The scores, head after head; NaN becomes None, which sorts last."""
    numbers = np.asarray(scores, dtype=np.float64)
    if numbers.shape != (layers, heads):
        raise ValueError(f"scores must have shape ({layers}, {heads}), got {numbers.shape}.")
    if np.isinf(numbers).any():
        raise ValueError("scores must be finite numbers or NaN (no score), got infinity.")
    return [None if np.isnan(number) else round(float(number), 6) for number in numbers.ravel()]


def _check_selected(selected: tuple[int, int], layers: int, heads: int) -> None:
    if len(selected) != 2 or not (0 <= selected[0] < layers and 0 <= selected[1] < heads):
        raise ValueError(
            f"selected must be (layer, head) with layer below {layers} and head below {heads}, "
            f"counted from 0, got {selected}."
        )
