"""Looking inside a model while it reads, without changing what it says.

`trace(model, idx)` runs the model once and returns its logits and its attention weights by name.
The fused attention never forms the weights, so they are computed beside it, by the readable
`Head`, from the same input and the same weights. Names follow TransformerLens: `pattern` is the
attention after the softmax. The model itself is not touched: hooks sit on a twin that shares its
parameters, so many readers can trace one model at the same time.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from gpt.attention import Head, MultiHeadAttention


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

    "query", "key", "value": (T, D); "scores", "scaled", "masked", "weights": (T, T); "output":
    (T, D). The last two are what the head itself returns.
    """
    with torch.inference_mode():
        q, k, v = head.query(x), head.key(x), head.value(x)
        scores = q @ k.T
        scaled = scores * head.scale
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        masked = scaled.masked_fill(future, float("-inf")) if head.causal else scaled
        output, weights = head(x[None])
    steps = {"query": q, "key": k, "value": v, "scores": scores, "scaled": scaled}
    return steps | {"masked": masked, "weights": weights[0], "output": output[0]}


def _twin(model: nn.Module) -> Any:
    """A copy of the modules that shares every parameter and buffer with `model`."""
    shared = {id(t): t for t in [*model.parameters(), *model.buffers()]}
    return copy.deepcopy(model, shared)
