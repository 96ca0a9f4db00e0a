"""Switching parts of a model off: what does it say without them?

`ablated(model, Ablation(heads={(2, 3)}))` is a model like any other, without that head: it has
logits and a loss, writes with and without the cache, and can be looked into. The model itself is
not touched. Zero-ablation (Michel, Levy & Neubig 2019, arXiv 1905.10650) takes a part's output
away, which the later layers have never met; mean-ablation (Wang et al. 2022, arXiv 2211.00593) puts
in its place what the part says on average, so that only what it knows of this text is lost.
"""

from collections.abc import Set
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from gpt.errors import GPTError
from gpt.inspection.capture import trace
from gpt.inspection.checks import check_head, existing
from gpt.inspection.twin import blocks_of, twin_of
from gpt.model import LanguageModel

KINDS = ("zero", "mean")


@dataclass(frozen=True)
class Ablation:
    """What to switch off, layers and heads counted from 0.

    `kind` "zero" takes outputs away, "mean" puts their mean in their place. An attention goes with
    its bias, all heads of a layer go without. A block that is off hands on what it was given.
    """

    heads: Set[tuple[int, int]] = frozenset()  # (layer, head)
    attention: Set[int] = frozenset()  # layers
    feed_forwards: Set[int] = frozenset()  # layers
    blocks: Set[int] = frozenset()  # layers
    positions: bool = False  # learned: no vectors, or all their mean; rotary: nothing is turned
    kind: str = "zero"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise GPTError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}.")
        for name in ("heads", "attention", "feed_forwards", "blocks"):
            object.__setattr__(self, name, frozenset(getattr(self, name)))  # so it can be a key


@dataclass(frozen=True)
class Means:
    """What each part puts out on average over a batch and its positions."""

    z: Tensor  # (L, H, D) each head, before the projection
    attn_out: Tensor  # (L, C)
    mlp_out: Tensor  # (L, C)
    block: Tensor  # (L, C) what a block adds to what it was given


def mean_activations(model: LanguageModel, idx: Tensor) -> Means:
    """The means of all parts over idx (B, T), to put in the place of what is switched off."""
    found = trace(model, idx, ["z", "attn_out", "mlp_out", "resid_pre", "resid_post"])
    parts = {
        "z": found["z"],
        "attn_out": found["attn_out"],
        "mlp_out": found["mlp_out"],
        "block": found["resid_post"] - found["resid_pre"],
    }
    return Means(**{name: x.mean((1, 2)) for name, x in parts.items()})


def ablated(model: LanguageModel, ablation: Ablation, means: Means | None = None) -> Any:
    """A model without the parts that `ablation` names; it shares its weights with `model`.

    Kind "mean" needs `means`, except for positions. Raises GPTError for a part that the model does
    not have.
    """
    _check(model, ablation, means)
    twin = twin_of(model)
    twin.ablations = (*getattr(model, "ablations", ()), ablation)  # for who cannot tell by looking
    for layer, block in enumerate(blocks_of(twin)):
        put = _zeros(block) if means is None or ablation.kind == "zero" else _of(means, layer)
        if heads := sorted(h for where, h in ablation.heads if where == layer):
            hook = partial(_put_heads, heads, put.z)
            block.attention.projection.register_forward_pre_hook(hook)
        if layer in ablation.attention:
            block.attention.register_forward_hook(partial(_put, put.attn_out))
        if layer in ablation.feed_forwards:
            block.feed_forward.register_forward_hook(partial(_put, put.mlp_out))
        if layer in ablation.blocks:
            block.register_forward_hook(partial(_pass_on, put.block))
    if ablation.positions:
        _without_positions(twin, ablation.kind)
    return twin


def _put_heads(heads: list[int], values: Tensor, _: nn.Module, args: tuple[Tensor]) -> Tensor:
    z = args[0].unflatten(-1, values.shape).clone()  # (B, T, H, D)
    z[..., heads, :] = values[heads]
    return z.flatten(-2)  # (B, T, H·D)


def _put(value: Tensor, _: nn.Module, args: Any, output: Tensor) -> Tensor:
    return value.expand_as(output)


def _pass_on(added: Tensor, _: nn.Module, args: Any, output: Tensor) -> Tensor:
    return args[0] + added


def _without_positions(twin: Any, kind: str) -> None:
    if twin.config.positions == "rotary":
        for block in twin.blocks:
            block.attention.config = replace(twin.config, positions="none")
    elif kind == "zero":
        twin.position_embedding = None
    else:
        weight = twin.position_embedding.weight.detach()  # (block_size, C)
        mean = weight.mean(0).expand_as(weight).clone()
        twin.position_embedding = nn.Embedding.from_pretrained(mean)


def _zeros(block: Any) -> Means:
    config, like = block.config, next(block.parameters())
    nothing = like.new_zeros(config.n_embd)
    z = like.new_zeros(config.n_head, config.size_of_head)
    return Means(z, nothing, nothing, nothing)


def _of(means: Means, layer: int) -> Means:
    return Means(*(getattr(means, field.name)[layer] for field in fields(Means)))


def _check(model: Any, ablation: Ablation, means: Means | None) -> None:
    config, L = model.config, len(blocks_of(model))
    layers = ablation.attention | ablation.blocks | ablation.feed_forwards
    if ablation.kind == "mean" and means is None and (layers or ablation.heads):
        raise GPTError("Mean-ablation needs means: pass gpt.mean_activations(model, idx).")
    for layer, head in ablation.heads:
        check_head(model, layer, head)
    existing(layers, L)
    if ablation.feed_forwards and not config.feed_forward:
        raise GPTError("This model has no feed-forward to switch off.")
    if ablation.positions and (not L or config.positions == "none"):
        raise GPTError("This model has no positions to switch off.")
