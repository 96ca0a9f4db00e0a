"""Looking inside a model while it reads, without changing what it says.

`trace(model, idx)` runs the model once and returns its logits and its attention weights by name.
The fused attention never forms the weights, so they are computed beside it, by the readable
`Head`, from the same input and the same weights. Names follow TransformerLens: `pattern` is the
attention after the softmax. The model itself is not touched: hooks sit on a twin that shares its
parameters, so many readers can look into one model at the same time, and gradients are returned,
never left behind. Leaves out changing activations (ablation, patching).
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gpt.attention import Head, MultiHeadAttention, ready_to_meet
from gpt.errors import GPTError


def trace(model: nn.Module, idx: Tensor) -> dict[str, Tensor]:
    """Run `model` on idx (B, T) and return named activations.

    "logits": (B, T, V); "pattern": (L, B, H, T, T) float32, pattern[l, b, h, i, j] is how much
    position i of head h in layer l takes from position j; "attention_input": (L, B, T, C), what
    each attention layer reads. The bigram has no layers: L is 0.
    """
    twin = _twin(model).eval()
    inputs: list[Tensor] = []
    layers = [m for m in twin.modules() if isinstance(m, MultiHeadAttention)]
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    with torch.inference_mode():
        logits, _ = twin(idx)
        patterns = [attention_weights(a, x) for a, x in zip(layers, inputs, strict=True)]
    B, T = idx.shape
    if not layers:
        none = torch.zeros(0, B, 0, T, T)
        return {"logits": logits, "pattern": none, "attention_input": torch.zeros(0, B, T, 0)}
    return {
        "logits": logits,
        "pattern": torch.stack(patterns).float(),
        "attention_input": torch.stack(inputs),
    }


def attention_weights(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """The weights of all heads of one layer for its input x: (B, T, C) → (B, H, T, T)."""
    return torch.stack([head(x)[1] for head in attention.heads()], dim=1)


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
    inputs = trace(model, idx)["attention_input"]
    layers = [m for m in _twin(model).eval().modules() if isinstance(m, MultiHeadAttention)]
    if not 0 <= layer < len(layers):
        raise GPTError(f"layer must be below {len(layers)}, the layers with heads, got {layer}.")
    attention, x = layers[layer], inputs[layer]
    with torch.inference_mode():
        heads = torch.stack([head(x)[0] for head in attention.heads()])  # (H, B, T, D)
        joined = torch.cat(list(heads), dim=-1)  # H × (B, T, D) → (B, T, H·D)
        projected = attention.projection(joined)  # (B, T, H·D) → (B, T, C)
        return {"heads": heads, "side_by_side": projected, "fused": attention(x)}


# --- what each head does ------------------------------------------------------------------------


@dataclass(frozen=True)
class HeadScore:
    """How much of its weight each head gives to one kind of place, and what needs no learning."""

    values: Tensor  # (L, H), each in 0..1; NaN when the text has no such place
    uniform: float  # the score of a head that spreads its weight evenly over all it may see


def head_scores(pattern: Tensor, ids: Tensor, causal: bool = True) -> dict[str, HeadScore]:
    """Score the heads of `pattern` (L, B, H, T, T), which read ids (B, T).

    "previous": weight on the token just before (Voita et al. 2019, positional heads); "first": on
    the first token (attention sinks, Xiao et al. 2023); "same": on earlier copies of the reading
    token (duplicate-token heads, Wang et al. 2022, arXiv 2211.00593); "current": on the reading
    token itself. Each is a mean over the rows that have such a place; row 0 sees only itself and is
    left out. Beside it stands the score of uniform attention over the same ids, because a little
    weight falls on every place by chance: of T = 2 tokens the second gives half to the first.
    """
    B, T = ids.shape
    if T < 2 or pattern.shape[1:2] != (B,) or pattern.shape[3:] != (T, T):
        raise GPTError(
            f"pattern (L, B, H, T, T) and ids (B, T) with T of at least 2 do not belong together:"
            f" {tuple(pattern.shape)} and {tuple(ids.shape)}."
        )
    allowed = torch.ones(T, T).tril() if causal else torch.ones(T, T)
    even = allowed / allowed.sum(-1, keepdim=True)  # (T, T)
    return {
        name: HeadScore(
            _weight_on(places, pattern), _weight_on(places, even.expand(1, B, 1, T, T)).item()
        )
        for name, places in _places(ids).items()
    }


def _places(ids: Tensor) -> dict[str, Tensor]:
    """Where each score looks: name → (B, T, T) of 0 and 1, row i marks the places of token i."""
    B, T = ids.shape
    later_rows = torch.ones(T, T)
    later_rows[0] = 0  # the first token can only look at itself
    first = torch.zeros(T, T)
    first[:, 0] = 1
    earlier = torch.ones(T, T).tril(-1)
    fixed = {
        "previous": torch.diag(torch.ones(T - 1), -1),
        "first": first * later_rows,
        "current": torch.eye(T) * later_rows,
    }
    same = (ids[:, :, None] == ids[:, None, :]).float().cpu() * earlier  # (B, T, T)
    places = {name: mask.expand(B, T, T) for name, mask in fixed.items()}
    return places | {"same": same}


def _weight_on(places: Tensor, pattern: Tensor) -> Tensor:
    """Mean weight on `places` (B, T, T), over the rows that have one: (L, B, H, T, T) → (L, H)."""
    rows = places.any(-1).sum()
    return torch.einsum("lbhij,bij->lh", pattern, places) / rows


# --- depth: gradients and norms -----------------------------------------------------------------


def gradient_norms(model: nn.Module, x: Tensor, y: Tensor) -> list[float]:
    """How long the loss's gradient is in each block: one number per layer, first layer first.

    The norm is taken over all parameters of a block, for inputs x and targets y (B, T), dropout
    off. One forward and one backward; the model's own gradients stay as they are.
    """
    twin = _twin(model).eval()
    blocks = [list(block.parameters()) for block in getattr(twin, "blocks", [])]
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
    twin = _twin(model).eval()
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


# --- the twin -----------------------------------------------------------------------------------


def _twin(model: nn.Module) -> Any:
    """A copy of the modules that shares every parameter and buffer with `model`."""
    shared = {id(t): t for t in [*model.parameters(), *model.buffers()]}
    return copy.deepcopy(model, shared)
