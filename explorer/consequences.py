"""What a switch of self-attention does, measured on the models that were trained with it and
without. Draws nothing."""

from dataclasses import dataclass, replace
from typing import Any

import gpt
from explorer.language import message

AS_SET = message("as set")
NO_MASK, NO_SCALE = message("no mask"), message("scores not scaled")
SLIP, NO_POSITIONS = message("scaled by 1/√C"), message("no positions")


def switched(preset: gpt.Preset) -> dict[str, gpt.Preset]:
    """`preset`, and the same with one thing switched, by name; only what makes a difference."""
    model = preset.model
    changes: dict[str, dict[str, Any]] = {
        AS_SET: {},
        NO_MASK: {"causal": False},
        NO_SCALE: {"attention_scale": "none"},
        SLIP: {"attention_scale": "n_embd"},
        NO_POSITIONS: {"positions": "none"},
    }
    if model.size_of_head == model.n_embd:
        del changes[SLIP]  # one head as wide as the model: √C is √D
    found: dict[str, gpt.Preset] = {}
    for name, change in changes.items():
        variant = replace(preset, model=replace(model, **change))
        if variant not in found.values():
            found[name] = variant
    return found


@dataclass(frozen=True)
class Habits:
    """What attention is like in a model, on windows of text."""

    spread: float  # standard deviation of the scores that the mask leaves
    largest: float  # the largest weight of a position, on average; the first position is left out
    even: float  # the same if weights were even
    shuffled: float  # see `moved_by_shuffling`


def measure(model: Any, idx: Any) -> Habits:
    """Of the first layer, on idx (B, T) with T of at least 2."""
    found = gpt.trace(model, idx, ["attn_scores", "pattern"])
    scores, pattern = found["attn_scores"][0], found["pattern"][0]  # (B, H, T, T)
    T = idx.shape[1]
    seen = [i + 1 if model.config.causal else T for i in range(1, T)]
    return Habits(
        spread=scores[scores.isfinite()].std().item(),
        largest=pattern[:, :, 1:].amax(-1).mean().item(),
        even=sum(1 / n for n in seen) / len(seen),
        shuffled=moved_by_shuffling(model, idx),
    )


def moved_by_shuffling(model: Any, idx: Any, seed: int = 1) -> float:
    """How much of the next token's probability moves when all tokens but the last are shuffled.

    0: nothing, 1: all of it (total variation, the mean over the B windows of idx).
    """
    import torch

    order = torch.randperm(idx.shape[1] - 1, generator=torch.Generator().manual_seed(seed))
    mixed = torch.cat([idx[:, order], idx[:, -1:]], dim=1)
    with torch.no_grad():
        p, q = (model(tokens)[0][:, -1].softmax(-1) for tokens in (idx, mixed))  # (B, V)
    return ((p - q).abs().sum(-1) / 2).mean().item()
