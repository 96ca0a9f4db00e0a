"""All heads of a model on one text, each with its habit beside what an even head would give."""

from typing import Any

import numpy as np

import gpt
from explorer import cache, habits
from explorer.components.attention_map import attention_map, large_attention_map
from explorer.components.attention_message import fits
from explorer.language import say
from explorer.panels.model import Shown
from explorer.thumbnails import thumbnail


def head_map(
    shown: Shown,
    ids: tuple[int, ...],
    *,
    key: str,
    by: str | None = None,
    height: int = 520,
    selected: tuple[int, int] | None = None,
    link: str | None = None,
) -> tuple[int, int]:
    """Draw the map of `shown`, which has heads, on at least two ids; returns the chosen head.

    by: the score of `scores` that heads are sorted and faded by; None: how far a head's habit lies
    above an even head. A text too long to travel whole is drawn as small pictures and one head.
    key, height, selected and link are those of `attention_map`.
    """
    found, config = scores(shown, ids), shown.model.config
    L, H = config.n_layer, config.n_head
    how: dict[str, Any] = {
        "key": key,
        "causal": config.causal,
        "height": height,
        "selected": selected,
        "labels": [[habits.label(found, layer, h) for h in range(H)] for layer in range(L)],
        "captions": [[habits.brief(found, layer, h) for h in range(H)] for layer in range(L)],
        "scores": found[by].values.numpy() if by else habits.excesses(found),
        "score_name": say(habits.SHORT.get(by, by)) if by else say("excess over an even head"),
        "link": link,
    }
    tokens = [shown.tokenizer.tokens[i] for i in ids]
    if fits(L, H, len(ids), config.causal):
        return attention_map(cache.trace(shown.model, ids, shown.key)["pattern"], tokens, **how)

    def thumbnails() -> np.ndarray:
        return np.stack([thumbnail(weights(shown, ids, layer).numpy()) for layer in range(L)])

    return large_attention_map(
        cache.measured("thumbnails", shown.key, ids, thumbnails),
        lambda layer, head: weights(shown, ids, layer)[head].numpy(),
        tokens,
        **how,
    )


def scores(shown: Shown, ids: tuple[int, ...]) -> dict[str, "gpt.HeadScore"]:
    """Head scores on a text of at least two tokens, measured once for each state of the model."""
    import torch

    def compute() -> dict[str, "gpt.HeadScore"]:
        return gpt.model_head_scores(shown.model, torch.tensor([ids]))

    found: dict[str, gpt.HeadScore] = cache.measured("scores", shown.key, ids, compute)
    return found


def attention_input(shown: Shown, ids: tuple[int, ...]) -> Any:
    """What the attention of each layer reads, (L, 1, T, C)."""
    import torch

    def compute() -> Any:
        idx = torch.tensor([ids])
        return gpt.trace(shown.model, idx, ["attention_input"])["attention_input"]

    return cache.measured("attention_input", shown.key, ids, compute)


def weights(shown: Shown, ids: tuple[int, ...], layer: int) -> Any:
    """Attention weights of all heads of one layer, (H, T, T): too much to keep for every layer of
    a large model, so only what attention reads is kept."""
    import torch

    with torch.no_grad():
        attention = shown.model.blocks[layer].attention
        return gpt.inspection.attention_weights(attention, attention_input(shown, ids)[layer])[0]
