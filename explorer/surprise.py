"""What a model expected along a text: the surprise at each of its tokens, and the likeliest there.

A text may be longer than the model's context. Every token is then read with the same window as in
writing (`gpt.window_start`), so each but the first has at least half a context before it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import gpt
from explorer.components.glyphs import visible

LIKELIEST = 5  # tokens that are kept for each place: all the scores would be too much


class Expected(NamedTuple):
    """What the model expected in the place of every token but the first, N - 1 rows."""

    losses: np.ndarray  # (N - 1,) −ln p of the token that came, nats
    top: np.ndarray  # (N - 1, LIKELIEST) the likeliest tokens there, the first the likeliest
    top_p: np.ndarray  # (N - 1, LIKELIEST) their probabilities

    def words(self, vocabulary: Sequence[str]) -> list[str]:
        """For each of the N tokens the likeliest in its place: "expected here: e 61.2%, …"."""
        return ["nothing stands before it"] + [
            "expected here: "
            + ", ".join(f"{visible(vocabulary[i])} {p:.1%}" for i, p in zip(*row, strict=True))
            for row in zip(self.top, self.top_p, strict=True)
        ]


def expected(model: Any, ids: Sequence[int]) -> Expected:
    """What `model`, in evaluation mode, expected along ids (N,)."""
    import torch

    most = min(LIKELIEST, model.vocab_size)
    if len(ids) < 2:
        nothing = np.zeros((0, most))
        return Expected(np.zeros(0, dtype=np.float32), nothing.astype(int), nothing)
    starts = [gpt.window_start(seen, model.config.block_size) for seen in range(1, len(ids))]
    found = []
    for start in sorted(set(starts)):
        stop = len(starts) - starts[::-1].index(start)  # the last token that this window predicts
        window = torch.tensor([ids[start : stop + 1]])  # (1, T + 1)
        with torch.inference_mode():
            logits, _ = model(window[:, :-1])  # (1, T, V)
        new = slice(starts.index(start) - start, None)  # not what is known already
        ln_p = logits[0, new].float().log_softmax(-1)  # (t, V)
        best, top = ln_p.topk(most)
        losses = -ln_p.gather(1, window[0, 1:][new, None])[:, 0]  # (t,)
        found.append((losses.numpy(), top.numpy(), best.exp().numpy()))
    return Expected(*(np.concatenate(part) for part in zip(*found, strict=True)))
