"""From scores to the probabilities that the next token is drawn from.

Temperature stretches or flattens the scores, top-k (Fan et al. 2018) and top-p (Holtzman et al.
2020) strike out the unlikely, in this order. Of a large vocabulary only the likeliest tokens are
sorted: sorting all of GPT-2's 50,257 takes as long as a small model takes for a token.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.errors import ConfigError, GPTError

SORTED = 256  # tokens that top-p looks at first; 16 times as many each time they do not reach p


@dataclass(frozen=True)
class Stages:
    """The distribution over the vocabulary (V,) after each filter; every one sums to 1."""

    raw: Tensor
    tempered: Tensor
    top_k: Tensor
    top_p: Tensor  # what the token is drawn from


def filter_stages(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Stages:
    """Return `probabilities` of `logits` (V,) with no filter, with the first, the second, all."""
    return Stages(
        probabilities(logits),
        probabilities(logits, temperature),
        probabilities(logits, temperature, top_k),
        probabilities(logits, temperature, top_k, top_p),
    )


def probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return what a token is drawn from, (V,), for the scores `logits` (V,).

    temperature 0 puts everything on the largest score. top_k keeps the k largest. top_p keeps the
    fewest largest whose sum reaches p: a token stays if the sum before it is below p. Ties keep the
    lower id. Raises ConfigError for values outside their limits, GPTError for scores that are not
    numbers.
    """
    check_filters(temperature, top_k, top_p)
    largest = float(logits.max())
    if not math.isfinite(largest):
        raise GPTError(
            "The model's scores are not numbers: its training diverged or its weights are damaged."
            " Use an earlier checkpoint, or train with a smaller learning rate."
        )
    if temperature == 0:
        p = torch.zeros_like(logits, dtype=torch.float)
        p[logits.argmax()] = 1.0
    else:
        relative = logits.float() - largest  # the largest is 0, so that nothing overflows
        p = torch.softmax(relative / max(temperature, 1e-30), dim=-1)
    if top_k and top_k < len(p):
        p = _keep(p, top_k, p.topk(top_k).values[-1])
    if top_p is not None and top_p < 1:
        p = _keep_top_p(p, top_p)
    return p


def check_filters(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not 0 <= temperature <= 100:
        raise ConfigError(f"temperature must be between 0 (greedy) and 100, got {temperature}.")
    if top_k is not None and top_k < 0:
        raise ConfigError(f"top_k must be at least 1, or 0 or None for no limit, got {top_k}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ConfigError(f"top_p must be above 0 and at most 1, got {top_p}.")


def _keep_top_p(p: Tensor, top_p: float) -> Tensor:
    values = p.topk(min(SORTED, len(p))).values  # the largest first
    while (sums := values.cumsum(0))[-1] < top_p and len(values) < len(p):
        values = p.topk(min(16 * len(values), len(p))).values
    count = int((sums < top_p).sum()) + 1  # the first always stays: the sum before it is 0
    count = min(count, int(values.count_nonzero()))  # where rounding keeps the sum below p
    return _keep(p, count, values[count - 1])


def _keep(p: Tensor, count: int, least: Tensor) -> Tensor:
    """Keep the `count` largest of p (V,), the smallest of which is `least`; ties: the lower ids."""
    kept = p.where(p >= least, 0)
    too_many = int(kept.count_nonzero()) - count
    if too_many > 0:
        kept[(p == least).nonzero()[-too_many:, 0]] = 0
    return kept / kept.sum()
