"""Self-attention: the readable form, the fast form, and the cache of keys and values.

`Head` is one head, step by step, and returns its weights. `MultiHeadAttention` computes all heads
at once: one projection for queries, keys and values and PyTorch's fused
`scaled_dot_product_attention` (or `plain_attention`, where that trains faster on a CPU). Both are
the same function of the same weights (`MultiHeadAttention.heads()` hands out the readable heads;
tests hold them equal).
Follows Vaswani et al. 2017, "Attention is all you need", section 3.2.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.config import ModelConfig
from gpt.devices import without_weights
from gpt.dropout import Dropout, dropped


def score_scale(config: ModelConfig) -> float:
    """The factor on query · key. 1/√head_size keeps the scores' variance at 1.

    "n_embd" is the slip found in copies of the tutorial (1/√C, too small by √H); "none" leaves
    the scores as they are, so that softmax saturates. The lesson shows all three.
    """
    if config.attention_scale == "head_size":
        return config.size_of_head**-0.5
    return config.n_embd**-0.5 if config.attention_scale == "n_embd" else 1.0


def turned(x: Tensor, start: int = 0) -> Tensor:
    """Rotary positions (Su et al. 2021, RoFormer): turn each pair of numbers by its position.

    x (…, T, D) stands at positions start, start + 1, … The first pair turns by 1 radian a position,
    the last by nearly 1/10,000. The product of a query and a key then depends on how far apart they
    stand, whatever the places: both turned alike, the angle between them is the difference.
    """
    T, D = x.shape[-2:]
    position = torch.arange(start, start + T, device=x.device)
    speed = 10000.0 ** -(torch.arange(0, D, 2, device=x.device) / D)  # radians a position (D/2,)
    angle = torch.outer(position, speed)  # (T, D/2)
    turn = torch.polar(torch.ones_like(angle), angle)  # a pair is a complex number (T, D/2)
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))  # (…, T, D) → (…, T, D/2)
    return torch.view_as_real(pairs * turn).flatten(-2).type_as(x)


def ready_to_meet(x: Tensor, config: ModelConfig, start: int = 0) -> Tensor:
    """Queries or keys (…, T, D) as they meet: of one length, and turned, if the settings say so.

    Query-key norm (Henry et al. 2020; Dehghani et al. 2023): each of length √D, so that scores
    scaled by 1/√D stay within ±√D. It is of the same kind as the other norms, without weights.
    """
    if config.qk_norm:
        norm = F.rms_norm if config.norm_kind == "rms" else F.layer_norm
        x = norm(x, x.shape[-1:])
    return turned(x, start) if config.positions == "rotary" else x


class Head(nn.Module):
    """One head of self-attention, written out. (B, T, C) → (B, T, D) and weights (B, T, T)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.query = nn.Linear(config.n_embd, config.size_of_head, bias=config.qkv_bias)
        self.key = nn.Linear(config.n_embd, config.size_of_head, bias=config.qkv_bias)
        self.value = nn.Linear(config.n_embd, config.size_of_head, bias=config.qkv_bias)
        self.dropout = Dropout(config.dropout)
        self.config = config
        self.scale = score_scale(config)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        T = x.shape[1]
        q = self.query(x)  # what each position is looking for (B, T, D)
        k = self.key(x)  # what each position offers (B, T, D)
        v = self.value(x)  # what it hands over when chosen (B, T, D)
        q, k = ready_to_meet(q, self.config), ready_to_meet(k, self.config)
        scores = q @ k.transpose(-2, -1) * self.scale  # (B, T, D) @ (B, D, T) → (B, T, T)
        if self.config.causal:  # a position must not see the ones after it
            past = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
            scores = scores.masked_fill(~past, float("-inf"))
        weights = F.softmax(scores, dim=-1)  # each row sums to 1 (B, T, T)
        return self.dropout(weights) @ v, weights  # (B, T, T) @ (B, T, D) → (B, T, D)


class KVCache:
    """Keys and values of the tokens already read, so that the next token reads only itself.

    With 2 tokens read, `append` of one more writes place 2 and hands back places 0, 1 and 2 of
    this layer; after the last layer `advance(1)` makes the length 3. The memory is taken once.
    """

    def __init__(self, config: ModelConfig, batch: int, device: torch.device) -> None:
        shape = (batch, config.kv_heads, config.block_size, config.size_of_head)
        layers = range(config.n_layer)
        self.keys = [torch.empty(shape, device=device) for _ in layers]  # (B, heads, block_size, D)
        self.values = [torch.empty(shape, device=device) for _ in layers]
        self.length = 0

    @property
    def nbytes(self) -> int:
        """Bytes that all keys and values take, those of tokens to come included."""
        return sum(part.nbytes for part in (*self.keys, *self.values))

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new tokens' keys and values; return all of `layer` so far. (B, heads, T, D)"""
        end = self.length + k.shape[2]
        keys, values = self.keys[layer], self.values[layer]
        keys[:, :, self.length : end] = k
        values[:, :, self.length : end] = v
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, tokens: int) -> None:
        self.length += tokens

    def clear(self) -> None:
        """Forget all tokens; the memory stays."""
        self.length = 0


def plain_attention(q: Tensor, k: Tensor, v: Tensor, scale: float, dropout: float = 0.0) -> Tensor:
    """Causal attention of all heads in three products, as `Head` does it. (B, H, T, D) each."""
    B, H, T, D = q.shape
    q, k, v = (part.reshape(B * H, T, D) for part in (q, k, v))
    future = torch.full((T, T), float("-inf"), device=q.device, dtype=q.dtype).triu(1)
    scores = torch.baddbmm(future, q, k.transpose(1, 2), alpha=scale)  # (B·H, T, T)
    weights = dropped(torch.softmax(scores, dim=-1), dropout)
    return torch.bmm(weights, v).view(B, H, T, D)


class MultiHeadAttention(nn.Module):
    """All heads of one layer in one go. (B, T, C) → (B, T, C)."""

    def __init__(self, config: ModelConfig, layer: int = 0) -> None:
        super().__init__()
        self.config = config
        self.layer = layer
        self.scale = score_scale(config)
        features = (config.n_head + 2 * config.kv_heads) * config.size_of_head
        self.query_key_value = nn.Linear(config.n_embd, features, bias=config.qkv_bias)
        self.projection = (
            nn.Linear(config.width, config.n_embd, bias=config.bias)
            if config.output_projection
            else nn.Identity()
        )
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        B, T, _ = x.shape
        H, K, D = self.config.n_head, self.config.kv_heads, self.config.size_of_head
        qkv = self.query_key_value(x).view(B, T, H + 2 * K, D).transpose(1, 2)  # (B, H + 2K, T, D)
        qk, v = qkv.split((H + K, K), dim=1)
        qk = ready_to_meet(qk, self.config, cache.length if cache is not None else 0)
        q, k = qk.split((H, K), dim=1)
        if cache is not None:
            k, v = cache.append(self.layer, k, v)  # (B, K, past + T, D)
        if K < H:  # grouped-query attention (Ainslie et al. 2023): H/K heads share keys and values
            k, v = (part.repeat_interleave(H // K, dim=1) for part in (k, v))
        if cache is None and self.training and x.is_cpu and self.config.trains_plainly(T):
            y = plain_attention(q, k, v, self.scale, self.config.dropout)
        else:
            y = F.scaled_dot_product_attention(
                q,
                k,
                v,
                attn_mask=self._mask(T, k.shape[2], x.device),
                dropout_p=self.config.dropout if self.training else 0.0,
                is_causal=self.config.causal and k.shape[2] == T,
                scale=self.scale,
            )  # (B, H, T, D)
        y = y.transpose(1, 2).reshape(B, T, H * D)  # heads side by side
        return self.dropout(self.projection(y))  # (B, T, C)

    def _mask(self, T: int, total: int, device: torch.device) -> Tensor | None:
        """Which keys each of the T newest queries may see, where is_causal cannot say it."""
        if not self.config.causal or total == T or T == 1:
            return None
        return torch.ones(T, total, dtype=torch.bool, device=device).tril(total - T)

    def heads(self) -> list[Head]:
        """The same weights as readable heads, in evaluation mode."""
        H, K, D = self.config.n_head, self.config.kv_heads, self.config.size_of_head
        maps = self.query_key_value.named_parameters()
        parts = {name: p.detach().unflatten(0, (-1, D)) for name, p in maps}  # heads × (D, C)
        heads = []
        for h in range(H):
            with without_weights():  # they are given
                head = Head(self.config).eval()
            group = h * K // H  # the heads of a group have the same keys and values
            places = {head.query: h, head.key: H + group, head.value: H + K + group}
            for part, place in places.items():
                for name, p in parts.items():  # weight, and bias if there is one
                    setattr(part, name, nn.Parameter(p[place]))
            heads.append(head)
        return heads
