"""How much each part matters: the loss without it, beside the loss with it.

Paired: the same sequences with and without, so that what makes some harder than others falls out of
the difference. Differences below two standard errors are noise.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.inspection.ablation import Ablation, Means, ablated, mean_activations
from gpt.inspection.capture import trace
from gpt.inspection.checks import existing
from gpt.inspection.twin import blocks_of, twin_of
from gpt.model import LanguageModel


@dataclass(frozen=True)
class Effects:
    """What switching off one part at a time adds to the loss, nats per token; > 0: it helped."""

    loss: float  # of the whole model
    heads: Tensor  # (L, H)
    heads_error: Tensor  # (L, H) standard errors over the sequences; NaN with a single one
    feed_forwards: Tensor  # (L,); NaN where there is none
    feed_forwards_error: Tensor  # (L,)


@torch.no_grad()
def ablation_effects(
    model: LanguageModel,
    x: Tensor,
    y: Tensor,
    kind: str = "zero",
    means: Means | None = None,
    layers: Iterable[int] | None = None,
) -> Effects:
    """Switch off each head, and each feed-forward, alone: inputs x and targets y (B, T).

    With kind "mean" and no `means`, those over x. With `layers` the rows are these layers, in this
    order. Takes a forward pass through the layers from the ablated one on, for each part.
    """
    if kind == "mean" and means is None:
        means = mean_activations(model, x)
    found = trace(model, x, ["resid_pre", "logits"])
    whole = sequence_losses(found["logits"], y)  # (B,)
    blocks, config = blocks_of(model), model.config

    def without(layer: int, ablation: Ablation) -> Tensor:
        twin = ablated(model, ablation, means)
        h = found["resid_pre"][layer]  # (B, T, C): the layers before have not changed
        for block in twin.blocks[layer:]:
            h = block(h)
        return sequence_losses(twin.read_out(h), y) - whole

    heads, feed_forwards = [], []
    chosen = existing(layers, len(blocks))
    for layer in chosen:
        for head in range(config.n_head):
            heads.append(without(layer, Ablation(heads={(layer, head)}, kind=kind)))
        if config.feed_forward:
            feed_forwards.append(without(layer, Ablation(feed_forwards={layer}, kind=kind)))
        else:
            feed_forwards.append(torch.full_like(whole, torch.nan))
    mean, error = _mean_and_error(heads, whole)
    mean_ff, error_ff = _mean_and_error(feed_forwards, whole)
    shape = (len(chosen), config.n_head if blocks else 0)
    return Effects(whole.mean().item(), mean.view(shape), error.view(shape), mean_ff, error_ff)


def head_importance(model: LanguageModel, x: Tensor, y: Tensor) -> Tensor:
    """A cheap stand-in for the sweep: E|∂loss/∂ξ| of a factor ξ = 1 on each head, (L, H).

    Michel, Levy & Neubig 2019, section 4.1, the mean over the sequences of x, y (B, T); one
    forward and one backward. It is the slope at 1, and says nothing about how the loss bends.
    """
    twin = twin_of(model)
    H, D = model.config.n_head, model.config.size_of_head
    gates = []

    def gate(_: nn.Module, args: tuple[Tensor]) -> Tensor:
        xi = args[0].new_ones(len(x), 1, H, 1).requires_grad_()  # each sequence has its own
        gates.append(xi)
        return (args[0].unflatten(-1, (H, D)) * xi).flatten(-2)

    for block in blocks_of(twin):
        block.attention.projection.register_forward_pre_hook(gate)
    with torch.enable_grad():
        total = sequence_losses(twin(x)[0], y).sum()
        if not gates:
            return x.new_zeros(0, 0, dtype=total.dtype)
        slopes = torch.autograd.grad(total, gates)
    return torch.stack(slopes)[..., 0].abs().mean((1, 2))  # (L, B, 1, H) → (L, H)


def sequence_losses(logits: Tensor, y: Tensor) -> Tensor:
    """Mean loss of each sequence, nats per token: logits (B, T, V), y (B, T) → (B,)."""
    return F.cross_entropy(logits.transpose(1, 2), y, reduction="none").mean(1)


def _mean_and_error(differences: list[Tensor], like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the sequences and its standard error: N × (B,) → (N,) twice."""
    B = len(like)
    found = torch.stack(differences) if differences else like.new_zeros(0, B)
    mean = found.mean(-1)
    variance = (found - mean[:, None]).square().sum(-1) / (B - 1)  # 0/0, NaN, of a single one
    return mean, (variance / B).sqrt()
