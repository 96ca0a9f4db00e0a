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

from gpt.attention import MultiHeadAttention


def trace(model: nn.Module, idx: Tensor) -> dict[str, Tensor]:
    """Run `model` on idx (B, T) and return named activations.

    "logits": (B, T, V); "pattern": (L, B, H, T, T) float32, pattern[l, b, h, i, j] is how much
    position i of head h in layer l takes from position j (0 for the bigram's absent layers).
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
    none = torch.zeros(0, B, 0, T, T)
    return {"logits": logits, "pattern": torch.stack(patterns).float() if patterns else none}


def attention_weights(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """The weights of all heads of one layer for its input x: (B, T, C) → (B, H, T, T)."""
    return torch.stack([head(x)[1] for head in attention.heads()], dim=1)


def _twin(model: nn.Module) -> Any:
    """A copy of the modules that shares every parameter and buffer with `model`."""
    shared = {id(t): t for t in [*model.parameters(), *model.buffers()]}
    return copy.deepcopy(model, shared)
