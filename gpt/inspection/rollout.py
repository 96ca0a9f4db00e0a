"""Attention rollout: how much of each input is left in each output, if attention were all.

Abnar & Zuidema 2020, arXiv 2005.00928. It follows the weights through the layers and the residual
path, and leaves out values, projections, feed-forwards and norms. In a causal model the first
token can only hand on itself, so depth alone piles up weight on it: read it beside the same
computed for even attention.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rollout:
    """Share of input j in output i after each layer; rows sum to 1, row 0 is the identity."""

    shares: Tensor  # (L + 1, B, T, T)
    uniform: Tensor  # (L + 1, T, T) of a model whose every head spreads its weight evenly


def attention_rollout(pattern: Tensor, causal: bool = True) -> Rollout:
    """Roll `pattern` (L, B, H, T, T) out: R_l = (½ · mean over the heads + ½ · I) R_{l-1}.

    Only the mean over the heads counts: for a large model (L, B, 1, T, T) of it will do.
    """
    L, B, _, T, _ = pattern.shape
    visible = torch.ones(T, T).to(pattern)
    visible = visible.tril() if causal else visible
    even = visible / visible.sum(-1, keepdim=True)
    if pattern.shape[2] == 0:  # the bigram: no heads, no layers
        return Rollout(torch.eye(T).expand(1, B, T, T), torch.eye(T)[None])
    return Rollout(_rolled(pattern.mean(2)), _rolled(even.expand(L, 1, T, T))[:, 0])


def _rolled(attention: Tensor) -> Tensor:
    """(L, B, T, T) → (L + 1, B, T, T)."""
    B, T = attention.shape[1:3]
    rows = [torch.eye(T).to(attention).expand(B, T, T)]
    for layer in attention:
        rows.append((layer + torch.eye(T).to(layer)) / 2 @ rows[-1])
    return torch.stack(rows)
