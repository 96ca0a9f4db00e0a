"""The map of all heads of a model on one text: with their habits in words, sorted and faded."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import gpt
from explorer import cache, habits
from explorer.components.attention_map import attention_map, large_attention_map
from explorer.components.attention_message import fits
from explorer.panels.inside.reading import Reading
from explorer.thumbnails import thumbnail

LAYER_ORDER = "layer and head"
NAMES = {LAYER_ORDER: LAYER_ORDER, **habits.SHORT, "entropy": "entropy", "distance": "distance"}


def head_map(
    reading: Reading,
    scores: Mapping[str, "gpt.HeadScore"],
    *,
    key: str,
    height: int,
    by: str = LAYER_ORDER,
    selected: tuple[int, int] | None = None,
    link: str | None = None,
) -> tuple[int, int]:
    """Draw all heads of the model on the text; returns the chosen (layer, head), from 0.

    scores: of the heads on this text. by: a key of NAMES, the score by which the map can be sorted
    and faded; in LAYER_ORDER it is how far a head's habit lies above an even head. selected, link:
    as for `attention_map`. A model whose weights are too many for the browser gives small pictures
    of all heads, and the weights of the chosen one.
    """
    config = reading.model.config
    L, H = config.n_layer, config.n_head
    how: dict[str, Any] = {
        "key": key,
        "causal": config.causal,
        "height": height,
        "selected": selected,
        "labels": [[habits.label(scores, layer, h) for h in range(H)] for layer in range(L)],
        "scores": habits.excesses(scores) if by == LAYER_ORDER else scores[by].values.numpy(),
        "score_name": "excess over an even head" if by == LAYER_ORDER else NAMES[by],
        "link": link,
    }
    if fits(L, H, len(reading.ids), config.causal):
        pattern = cache.trace(reading.model, reading.ids, reading.shown.key)["pattern"]
        return attention_map(pattern, reading.tokens, **how)
    small = reading.measured(
        "thumbnails",
        lambda: np.stack([thumbnail(reading.weights(layer).numpy()) for layer in range(L)]),
    )
    return large_attention_map(
        small, lambda layer, head: reading.weights(layer)[head].numpy(), reading.tokens, **how
    )
