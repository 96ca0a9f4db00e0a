"""Single parts taken apart, step by step: a head, heads beside the fused attention, a layer norm,
and how long the gradient is at each depth. Gradients are returned, never left in the model.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gpt.attention import Head, ready_to_meet
from gpt.inspection.capture import trace
from gpt.inspection.checks import existing
from gpt.inspection.twin import blocks_of, twin_of


def attention_steps(head: Head, x: Tensor) -> dict[str, Tensor]:
    """Take one head apart: every intermediate result for its input x (T, C).

    "query", "key", "value": (T, D), the first two as they meet; "scores", "scaled", "masked",
    "weights": (T, T); "output": (T, D). The last two are what the head itself returns.
    """
    with torch.inference_mode():
        q, k = (ready_to_meet(part(x), head.config) for part in (head.query, head.key))
        v = head.value(x)
        scores = q @ k.T
        scaled = scores * head.scale
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        masked = scaled.masked_fill(future, float("-inf")) if head.config.causal else scaled
        output, weights = head(x[None])
    steps = {"query": q, "key": k, "value": v, "scores": scores, "scaled": scaled}
    return steps | {"masked": masked, "weights": weights[0], "output": output[0]}


def heads_beside_fused(model: nn.Module, idx: Tensor, layer: int = 0) -> dict[str, Tensor]:
    """One layer's output computed twice, for idx (B, T): head by head, and all heads at once.

    "heads": (H, B, T, D), each readable head's output; "side_by_side": (B, T, C), the heads joined
    and projected; "fused": (B, T, C), what the model itself computes. The last two are equal up to
    rounding.
    """
    inputs = trace(model, idx, ["attention_input"])["attention_input"]
    blocks = blocks_of(twin_of(model))
    existing([layer], len(blocks))
    attention, x = blocks[layer].attention, inputs[layer]
    with torch.inference_mode():
        heads = torch.stack([head(x)[0] for head in attention.heads()])  # (H, B, T, D)
        joined = torch.cat(list(heads), dim=-1)  # H × (B, T, D) → (B, T, H·D)
        projected = attention.projection(joined)  # (B, T, H·D) → (B, T, C)
        return {"heads": heads, "side_by_side": projected, "fused": attention(x)}


# --- depth: gradients and norms -----------------------------------------------------------------


def gradient_norms(model: nn.Module, x: Tensor, y: Tensor) -> list[float]:
    """How long the loss's gradient is in each block: one number per layer, first layer first.

    The norm is taken over all parameters of a block, for inputs x and targets y (B, T), dropout
    off. One forward and one backward; the model's own gradients stay as they are.
    """
    twin = twin_of(model)
    blocks = [list(block.parameters()) for block in blocks_of(twin)]
    if not blocks:
        return []
    _, loss = twin(x, y)
    flat = torch.autograd.grad(loss, [p for block in blocks for p in block])
    gradients = iter(flat)
    return [
        nn.utils.get_total_norm([next(gradients) for _ in parameters]).item()
        for parameters in blocks
    ]


def norm_inputs(model: nn.Module, idx: Tensor) -> dict[str, tuple[nn.LayerNorm, Tensor]]:
    """Every layer norm of the model by name, with what reaches it for idx (B, T): (B, T, C)."""
    twin = twin_of(model)
    inputs: dict[str, Tensor] = {}

    def watch(name: str, norm: nn.Module) -> Any:
        return norm.register_forward_pre_hook(lambda _, args: inputs.update({name: args[0]}))

    norms = {n: m for n, m in twin.named_modules() if isinstance(m, nn.LayerNorm)}
    hooks = [watch(name, norm) for name, norm in norms.items()]
    with torch.inference_mode():
        twin(idx)
    for hook in hooks:  # whoever calls a norm again is not watched
        hook.remove()
    return {name: (norms[name], x) for name, x in inputs.items()}


@dataclass(frozen=True)
class NormSteps:
    """A layer norm on one vector, step by step; all (C,) but mean and variance."""

    x: Tensor
    mean: float
    variance: float  # the mean of the squared distances (divided by C, not C - 1)
    normalised: Tensor  # mean 0, variance 1
    gamma: Tensor  # learned, 1 at the start
    beta: Tensor  # learned, 0 at the start; all 0 without bias
    by_hand: Tensor
    built_in: Tensor  # what nn.LayerNorm says


@torch.no_grad()
def layer_norm_steps(norm: nn.LayerNorm, x: Tensor) -> NormSteps:
    """Compute `norm` of one position's vector x (C,) by its definition, beside PyTorch's own.

    (x - mean) / √(variance + ε) · γ + β (Ba, Kiros & Hinton 2016).
    """
    mean = x.mean()
    variance = ((x - mean) ** 2).mean()
    normalised = (x - mean) / torch.sqrt(variance + norm.eps)
    beta = torch.zeros_like(norm.weight) if norm.bias is None else norm.bias
    by_hand = normalised * norm.weight + beta
    return NormSteps(
        x, mean.item(), variance.item(), normalised, norm.weight, beta, by_hand, norm(x)
    )
