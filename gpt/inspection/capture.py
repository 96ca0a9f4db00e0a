"""Reading named activations while a model runs, without changing what it says.

`trace(model, idx)` runs the model once and returns what passes through it, by the names of
TransformerLens. The fused attention never forms scores and weights, so they are computed beside
it, by the readable `Head`, from the same input and the same weights. Leaves out changing
activations: see `ablation`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gpt.attention import MultiHeadAttention, ready_to_meet
from gpt.errors import GPTError, nearest
from gpt.inspection.checks import existing
from gpt.inspection.twin import blocks_of, twin_of

NAMES = (
    *("resid_pre", "attention_input", "attn_scores", "pattern", "z", "attn_out"),
    *("mlp_post", "mlp_out", "resid_post", "final", "logits"),
)


def trace(
    model: nn.Module,
    idx: Tensor,
    names: Iterable[str] | None = None,
    layers: Iterable[int] | None = None,
) -> dict[str, Tensor]:
    """Run `model` on idx (B, T) and return the activations called `names` (None: all).

    Of every layer, stacked to (L, B, T, C) unless another shape is given:
      "resid_pre", "resid_post"   what enters and what leaves the block
      "attention_input"           what its attention reads: after the norm, with pre-norm
      "attn_scores"               (L, B, H, T, T) query · key, scaled; −∞ where the mask hides
      "pattern"                   (L, B, H, T, T) their softmax: pattern[l, b, h, i, j] is how much
                                  position i takes from position j; each row sums to 1
      "z"                         (L, B, T, H, D) each head's weighted values, not yet projected
      "attn_out", "mlp_out"       what attention and feed-forward put out, before it is added (and
                                  before a post-norm); without feed-forward mlp_out is 0
      "mlp_post"                  (L, B, T, hidden) inside the feed-forward, after the bend
    After the last layer:
      "final"   (B, T, C) what the read-out reads: after the final norm, where there is one
      "logits"  (B, T, V) exactly what the model itself says in evaluation mode

    With `layers`, the first axis has these layers in this order: all patterns of a large model are
    gigabytes, one layer's are not. Only what is asked for is computed and kept. The bigram has no
    layers: L, H and C are 0. Raises GPTError for an unknown name or layer.
    """
    seen = _places(NAMES if names is None else names)
    twin = twin_of(model)
    blocks = blocks_of(twin)
    chosen = existing(layers, len(blocks))
    for layer in chosen:
        for name, source in _sources(blocks[layer]).items():
            if name in seen:
                source.keep_in(seen[name], layer)
    if blocks:
        _at_the_end(twin, seen, chosen)
    with torch.no_grad():
        logits, _ = twin(idx)
    if "logits" in seen:
        seen["logits"][0] = logits
    absent = _shapes_of_the_absent(model, *idx.shape)
    return {name: _joined(name, kept, chosen, absent, logits) for name, kept in seen.items()}


def attention_scores(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """Scaled and masked scores of all heads of one layer: x (B, T, C) → (B, H, T, T)."""
    scores = []
    for head in attention.heads():
        q, k = (ready_to_meet(part(x), head.config) for part in (head.query, head.key))
        scores.append(q @ k.transpose(-2, -1) * head.scale)  # (B, T, D) @ (B, D, T) → (B, T, T)
    if attention.config.causal:
        future = torch.ones_like(scores[0][0], dtype=torch.bool).triu(1)
        scores = [score.masked_fill(future, float("-inf")) for score in scores]
    return torch.stack(scores, dim=1)


def attention_weights(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """The weights of all heads of one layer for its input x: (B, T, C) → (B, H, T, T)."""
    return attention_scores(attention, x).softmax(-1)


# --- where each activation passes ---------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """What enters or leaves a module, and what is made of it before it is kept."""

    module: nn.Module
    side: str  # "input" or "output"
    of: Callable[[Tensor], Tensor] = lambda x: x

    def keep_in(self, kept: dict[int, Tensor], layer: int) -> None:
        if self.side == "input":
            self.module.register_forward_pre_hook(
                lambda _, args: kept.update({layer: self.of(args[0])})
            )
        else:
            self.module.register_forward_hook(
                lambda _, args, output: kept.update({layer: self.of(output)})
            )


def _sources(block: Any) -> dict[str, _Source]:
    attention, D = block.attention, block.config.size_of_head
    sources = {
        "resid_pre": _Source(block, "input"),
        "attention_input": _Source(attention, "input"),
        "attn_scores": _Source(attention, "input", partial(attention_scores, attention)),
        "pattern": _Source(attention, "input", partial(attention_weights, attention)),
        "z": _Source(attention.projection, "input", lambda x: x.unflatten(-1, (-1, D))),
        "attn_out": _Source(attention, "output"),
        "resid_post": _Source(block, "output"),
    }
    if block.feed_forward is None:
        return sources
    return sources | {
        "mlp_post": _Source(block.feed_forward.narrow, "input"),
        "mlp_out": _Source(block.feed_forward, "output"),
    }


def _places(names: Iterable[str]) -> dict[str, dict[int, Tensor]]:
    """A place for each activation, layer by layer."""
    seen: dict[str, dict[int, Tensor]] = {name: {} for name in names}
    if unknown := [name for name in seen if name not in NAMES]:
        raise GPTError(f"There is no activation {unknown[0]!r}.{nearest(unknown[0], NAMES)}")
    return seen


def _at_the_end(twin: Any, seen: dict[str, dict[int, Tensor]], chosen: Sequence[int]) -> None:
    """Watch the read-out, and take from the twin what nobody asked for: it and the last layers."""
    if "logits" not in seen:
        twin.lm_head = nn.Identity()
    if "final" in seen:
        _Source(twin.lm_head, "input").keep_in(seen["final"], 0)
    elif "logits" not in seen:
        twin.blocks = twin.blocks[: max(chosen, default=-1) + 1]


def _joined(
    name: str,
    kept: dict[int, Tensor],
    chosen: Sequence[int],
    absent: dict[str, tuple[int, ...]],
    like: Tensor,
) -> Tensor:
    if name in ("final", "logits"):
        return kept[0] if kept else like.new_zeros(absent[name])
    if kept:
        return torch.stack([kept[layer] for layer in chosen])
    return like.new_zeros(len(chosen), *absent[name])


def _shapes_of_the_absent(model: Any, B: int, T: int) -> dict[str, tuple[int, ...]]:
    """One layer's shapes in a model without layers, or of a feed-forward that is not there."""
    C = 0 if model.config.architecture == "bigram" else model.config.n_embd
    wide: dict[str, tuple[int, ...]] = dict.fromkeys(NAMES, (B, T, C))
    square = (B, 0, T, T)
    return wide | {
        "attn_scores": square,
        "pattern": square,
        "z": (B, T, 0, 0),
        "mlp_post": (B, T, 0),
    }
