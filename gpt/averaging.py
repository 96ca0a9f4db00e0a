"""Averaging the past: one computation written four ways, each a step towards self-attention.

Every position gets the average of the vectors up to and including its own. The loops say just that;
a triangular matrix does it for all positions in one product; a softmax makes the same matrix out of
scores, all 0 where the past is and −∞ where the future is; and then the scores need not be 0: they
come from the data, and the average becomes a head of attention.
Follows the lecture's "mathematical trick in self-attention". Where there is a matrix of weights it
is returned beside the output, as `Head` returns it. Leaves out dropout, and all settings of `Head`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Map = Callable[[Tensor], Tensor]  # such as nn.Linear: (B, T, C) → (B, T, D)


def average_with_loops(x: Tensor) -> Tensor:
    """Average each position's past, one position at a time. (B, T, C) → (B, T, C)

    With B = 1 and C = 1: 2, 4, 0 → 2, 3, 2.
    """
    B, T, _ = x.shape
    out = torch.zeros_like(x)
    for b in range(B):
        for t in range(T):
            past = x[b, : t + 1]  # (t + 1, C)
            out[b, t] = past.mean(dim=0)  # (C,)
    return out


def average_with_matmul(x: Tensor) -> tuple[Tensor, Tensor]:
    """The same for all positions at once. (B, T, C) → (B, T, C) and weights (T, T)"""
    T = x.shape[1]
    ones = torch.ones(T, T, dtype=x.dtype, device=x.device)
    past = ones.tril()  # row t: 1 up to t, then 0
    weights = past / past.sum(dim=-1, keepdim=True)
    return weights @ x, weights  # (T, T) @ (B, T, C)


def average_with_softmax(x: Tensor) -> tuple[Tensor, Tensor]:
    """The same weights out of scores. (B, T, C) → (B, T, C) and weights (T, T)"""
    T = x.shape[1]
    scores = torch.zeros(T, T, dtype=x.dtype, device=x.device)
    future = torch.ones_like(scores, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(future, float("-inf"))
    weights = F.softmax(scores, dim=-1)  # exp(−∞) is 0
    return weights @ x, weights  # (T, T) @ (B, T, C)


def average_with_attention(x: Tensor, query: Map, key: Map, value: Map) -> tuple[Tensor, Tensor]:
    """The scores come from the data. (B, T, C) → (B, T, D) and weights (B, T, T)

    Vaswani et al. 2017, section 3.2.1; with the maps of a `Head` it is that head.
    """
    q, k, v = query(x), key(x), value(x)  # (B, T, D)
    T, D = q.shape[1:]
    scores = q @ k.transpose(-2, -1) * D**-0.5  # (B, T, T)
    future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
    scores = scores.masked_fill(future, float("-inf"))
    weights = F.softmax(scores, dim=-1)  # each row its own
    return weights @ v, weights  # (B, T, T) @ (B, T, D)
