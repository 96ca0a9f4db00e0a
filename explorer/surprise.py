"""What a text costs a model, token by token, and what the model expected in each token's place.

A text may be longer than the model's context. Every token is then read with the same window as in
writing (`gpt.window_start`), so each but the first has at least half a context before it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import gpt
from explorer.amounts import percent
from explorer.components.glyphs import visible
from explorer.language import say

LIKELIEST = 5  # tokens kept for each place


class Expected(NamedTuple):
    """Of every token of a text but the first: N - 1 rows."""

    losses: np.ndarray  # (N - 1,) −ln p of the token that came, nats
    top: np.ndarray  # (N - 1, K) ids of the likeliest tokens there, the likeliest first
    top_p: np.ndarray  # (N - 1, K) and their probabilities


def expected(model: Any, ids: Sequence[int]) -> Expected:
    """What the model expected along a text of N tokens. It must be in evaluation mode."""
    import torch

    starts = [gpt.window_start(seen, model.config.block_size) for seen in range(1, len(ids))]
    found: list[tuple[Any, Any, Any]] = []
    for start in sorted(set(starts)):
        stop = len(starts) - starts[::-1].index(start)  # the last token that this window predicts
        window = torch.tensor([ids[start : stop + 1]])  # (1, T + 1)
        with torch.inference_mode():
            logits, _ = model(window[:, :-1])  # (1, T, V)
            log_p = (
                logits[0, starts.index(start) - start :].float().log_softmax(-1)
            )  # not known yet
        true = window[0, 1:, None][-len(log_p) :]
        top_p, top = log_p.exp().topk(min(LIKELIEST, log_p.shape[-1]))
        found.append((-log_p.gather(1, true)[:, 0], top, top_p))
    if not found:
        return Expected(np.zeros(0, np.float32), np.zeros((0, 0), np.int64), np.zeros((0, 0)))
    return Expected(*(torch.cat(parts).numpy() for parts in zip(*found, strict=True)))


def details(found: Expected, vocabulary: Sequence[str]) -> list[str]:
    """For each of the N tokens what the model expected in its place, in words."""
    rows = zip(found.top.tolist(), found.top_p.tolist(), strict=True)
    likeliest = [
        ", ".join(
            f"{visible(vocabulary[token])} {percent(p)}" for token, p in zip(*row, strict=True)
        )
        for row in rows
    ]
    said = [say("expected here: {tokens}", tokens=tokens) for tokens in likeliest]
    return [say("nothing stands before it"), *said]
