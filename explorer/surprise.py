"""What a text costs a model: the surprise at each of its tokens.

A text may be longer than the model's context. Every token is then read with the same window as in
writing (`gpt.window_start`), so each but the first has at least half a context before it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import gpt


def surprises(model: Any, ids: Sequence[int]) -> np.ndarray:
    """−ln p of every token of a text but the first, in nats: ids (N,) → (N - 1,).

    The model must be in evaluation mode.
    """
    import torch

    if len(ids) < 2:
        return np.zeros(0, dtype=np.float32)
    starts = [gpt.window_start(seen, model.config.block_size) for seen in range(1, len(ids))]
    found = []
    for start in sorted(set(starts)):
        stop = len(starts) - starts[::-1].index(start)  # the last token that this window predicts
        window = torch.tensor([ids[start : stop + 1]])  # (1, T + 1)
        with torch.inference_mode():
            logits, _ = model(window[:, :-1])  # (1, T, V)
        losses = -logits[0].float().log_softmax(-1).gather(1, window[0, 1:, None])[:, 0]  # (T,)
        found.append(losses[starts.index(start) - start :].numpy())  # not what is known already
    return np.concatenate(found)
