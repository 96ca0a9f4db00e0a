"""What each head writes into the residual stream, and what that says about the next token."""

from typing import Any

import torch
from torch import Tensor, nn

from gpt.attention import MultiHeadAttention
from gpt.inspection.capture import trace
from gpt.inspection.checks import check_head, check_position
from gpt.inspection.twin import blocks_of
from gpt.model import LanguageModel


def head_outputs(attention: MultiHeadAttention, z: Tensor) -> Tensor:
    """What each head adds to its layer's output, without the bias: z (…, H, D) → (…, H, C).

    The projection of all heads side by side is the sum of each head through its own D columns:
    o_h = z_h W_O[:, hD:(h+1)D]ᵀ (Elhage et al. 2021). Without a projection the columns are its own.
    """
    H, D, C = attention.config.n_head, attention.config.size_of_head, attention.config.n_embd
    projection = attention.projection
    weight = projection.weight if isinstance(projection, nn.Linear) else torch.eye(C).to(z)
    return torch.einsum("...hd,chd->...hc", z, weight.view(C, H, D))


@torch.no_grad()
def written_norms(model: LanguageModel, idx: Tensor) -> Tensor:
    """How long the vector is that each head writes at each position: idx (B, T) → (L, B, T, H)."""
    layers = trace(model, idx, ["z"])["z"]  # (L, B, T, H, D)
    norms = [
        head_outputs(block.attention, z).norm(dim=-1)
        for block, z in zip(blocks_of(model), layers, strict=True)
    ]
    return torch.stack(norms) if norms else layers.new_zeros(layers.shape[:-1])


@torch.no_grad()
def head_tokens(
    model: Any, idx: Tensor, layer: int, head: int, position: int = -1, k: int = 5
) -> tuple[Tensor, Tensor]:
    """The k tokens that a head pushes up most at `position` of idx (B, T): ids, and by how much.

    Both (B, k). The push is the head's share of the score (see `attribution`) above its share of
    the vocabulary's mean. Where scores are no sum of parts, it is what the head's output alone
    scores at the read-out.
    """
    check_head(model, layer, head)
    check_position(position, idx)
    found = trace(model, idx, ["z", "resid_post"])
    z = found["z"][layer][:, position]  # (B, H, D)
    output = head_outputs(model.blocks[layer].attention, z)[:, head]  # (B, C)
    rows = model.lm_head.weight  # (V, C)
    if model.config.residual and model.final_norm is not None:
        rows = through_norm(model.final_norm, rows)
        output = output / spread(model.final_norm, found["resid_post"][-1][:, position])
    scores = output @ rows.T  # (B, V)
    top = (scores - scores.mean(-1, keepdim=True)).topk(min(k, model.vocab_size))
    return top.indices, top.values


# --- the final norm, held fixed -----------------------------------------------------------------


def through_norm(norm: Any, w: Tensor) -> Tensor:
    """Rows w (…, C) that read after `norm`, as rows that read before it: times γ, and centred.

    w · (γ ⊙ (c - mean(c))) = (γ ⊙ w - its mean) · c. RMSNorm does not centre.
    """
    rows = w * norm.weight
    return rows - rows.mean(-1, keepdim=True) if isinstance(norm, nn.LayerNorm) else rows


def spread(norm: Any, x: Tensor) -> Tensor:
    """σ, the number that `norm` divides x (B, C) by: (B, 1)."""
    if isinstance(norm, nn.LayerNorm):
        return (x.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    eps = torch.finfo(x.dtype).eps  # as nn.RMSNorm has it unless told otherwise
    return (x.square().mean(-1, keepdim=True) + eps).sqrt()
