"""The transformer block: attention, then a feed-forward network, on a residual path with norms.

Every part can be switched off in `ModelConfig`, so that the tutorial's rungs are all this one
block: a bare attention head is a block without feed-forward, residual path and norm. Pre-norm as
in GPT-2 (Radford et al. 2019), post-norm as in Vaswani et al. 2017.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.attention import KVCache, MultiHeadAttention
from gpt.config import ModelConfig
from gpt.dropout import Dropout


def relu_squared(x: Tensor) -> Tensor:
    """So et al. 2021, "Primer": the bend that an automatic search found."""
    return F.relu(x).square()


def swiglu(x: Tensor) -> Tensor:
    """Shazeer 2020, "GLU variants": one half opens a gate for the other. (…, 2·hidden) → hidden."""
    gate, value = x.chunk(2, dim=-1)
    return F.silu(gate) * value


def gelu_tanh(x: Tensor) -> Tensor:
    """GELU by the formula that GPT-2 was trained with (Hendrycks & Gimpel 2016, section 2)."""
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,  # overwrites what nobody needs again: less memory to write and read back
    "gelu": F.gelu,
    "gelu_tanh": gelu_tanh,
    "relu_squared": relu_squared,
    "swiglu": swiglu,
}


class FeedForward(nn.Module):
    """A small network on each position by itself: widen, bend, narrow. (B, T, C) → (B, T, C)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        C, hidden = config.n_embd, config.hidden
        # feed_forward_multiple 0 is the tutorial's first form: one linear map and the bend.
        bent = hidden or C
        gates = 2 if config.activation == "swiglu" else 1
        self.widen = nn.Linear(C, gates * bent, bias=config.bias)
        self.narrow = nn.Linear(hidden, C, bias=config.bias) if hidden else nn.Identity()
        self.activation = ACTIVATIONS[config.activation]
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.narrow(self.activation(self.widen(x))))


def make_norm(config: ModelConfig) -> nn.Module:
    """Layer norm (Ba et al. 2016) or RMSNorm (Zhang & Sennrich 2019), over the C of a position."""
    if config.norm_kind == "rms":
        return nn.RMSNorm(config.n_embd)
    return nn.LayerNorm(config.n_embd, bias=config.bias)


class Block(nn.Module):
    """Communicate (attention), then think (feed-forward). (B, T, C) → (B, T, C)."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.config = config
        self.attention = MultiHeadAttention(config, layer)
        self.attention_norm = self._norm()
        self.feed_forward = FeedForward(config) if config.feed_forward else None
        self.feed_forward_norm = self._norm() if config.feed_forward else None

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        x = self._around(lambda h: self.attention(h, cache), self.attention_norm, x)
        if self.feed_forward is not None:
            x = self._around(self.feed_forward, self.feed_forward_norm, x)
        return x

    def _around(
        self, part: Callable[[Tensor], Tensor], norm: nn.Module | None, x: Tensor
    ) -> Tensor:
        """Run `part` with the residual path and the norm where the configuration puts them."""
        y = part(norm(x) if norm and self.config.norm == "pre" else x)
        if self.config.residual:
            y = x + y
        return norm(y) if norm and self.config.norm == "post" else y

    def _norm(self) -> nn.Module | None:
        return None if self.config.norm == "none" else make_norm(self.config)
