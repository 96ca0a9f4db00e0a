"""What each head does: how its weight is spread, beside what chance alone would give.

Every score comes with that of a head which spreads its weight evenly over all it may see, for the
same tokens: without it a reader takes noise for a finding. Attention is not explanation: whether a
head matters says `ablation`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.errors import GPTError
from gpt.inspection.capture import attention_weights, trace
from gpt.inspection.twin import blocks_of
from gpt.model import LanguageModel


@dataclass(frozen=True)
class HeadScore:
    """One score of every head, and the same score without any learning."""

    values: Tensor  # (L, H); NaN when the text has no place of this kind
    uniform: float  # of a head that spreads its weight evenly over all it may see


def head_scores(pattern: Tensor, ids: Tensor, causal: bool = True) -> dict[str, HeadScore]:
    """Score the heads of `pattern` (L, B, H, T, T), which read ids (B, T).

    The share of its weight (0 to 1) that a head gives to one kind of place, a mean over the rows
    that have such a place; row 0 sees only itself and is left out:
      "previous"   the token just before (Voita et al. 2019, positional heads)
      "first"      the first token (attention sinks, Xiao et al. 2023, arXiv 2309.17453)
      "current"    the reading token itself
      "duplicate"  earlier copies of the reading token (Wang et al. 2022, arXiv 2211.00593)
      "induction"  tokens that came right after an earlier copy (Olsson et al. 2022, prefix
                   matching, arXiv 2209.11895): places j < i with t[j - 1] = t[i]
    How the weight is spread:
      "entropy"    of a row, divided by that of an even one: 0 all on one token, 1 even. For row i
                   that is ln(i + 1), and not ln T, which would call an even causal head uneven
      "distance"   mean number of tokens between reader and read (Vig & Belinkov 2019), 0 to T - 1
    """
    B, T = ids.shape
    if T < 2 or pattern.shape[1:2] != (B,) or pattern.shape[3:] != (T, T):
        raise GPTError(
            f"pattern (L, B, H, T, T) and ids (B, T) with T of at least 2 do not belong together:"
            f" {tuple(pattern.shape)} and {tuple(ids.shape)}."
        )
    places = {name: mask.to(pattern) for name, mask in _places(ids).items()}
    visible = torch.ones(T, T).to(pattern)
    visible = visible.tril() if causal else visible
    even = visible / visible.sum(-1, keepdim=True)
    found, chance = (_all(p, places, visible) for p in (pattern, even.expand(1, B, 1, T, T)))
    return {name: HeadScore(values, chance[name].item()) for name, values in found.items()}


def model_head_scores(model: LanguageModel, idx: Tensor) -> dict[str, HeadScore]:
    """`head_scores` of all layers on idx (B, T), with one layer's pattern in memory at a time."""
    inputs = trace(model, idx, ["attention_input"])["attention_input"]
    if not len(inputs):
        return head_scores(trace(model, idx, ["pattern"])["pattern"], idx)
    with torch.no_grad():
        layers = [
            head_scores(attention_weights(block.attention, x)[None], idx, model.config.causal)
            for block, x in zip(blocks_of(model), inputs, strict=True)
        ]
    return {
        name: HeadScore(torch.cat([layer[name].values for layer in layers]), score.uniform)
        for name, score in layers[0].items()
    }


def _places(ids: Tensor) -> dict[str, Tensor]:
    """Where each score looks: name → (B, T, T) of 0 and 1, row i marks the places of token i."""
    B, T = ids.shape
    later_rows = torch.ones(T, T)
    later_rows[0] = 0  # the first token can only look at itself
    first = torch.zeros(T, T)
    first[:, 0] = 1
    fixed = {
        "previous": torch.diag(torch.ones(T - 1), -1),
        "first": first * later_rows,
        "current": torch.eye(T) * later_rows,
    }
    earlier = torch.ones(T, T).tril(-1)
    copies = (ids[:, :, None] == ids[:, None, :]).float().cpu()  # (B, T, T)
    after = torch.zeros_like(copies)
    after[:, :, 1:] = copies[:, :, :-1]  # place j follows a copy of token i at j - 1
    places = {name: mask.expand(B, T, T) for name, mask in fixed.items()}
    return places | {"duplicate": copies * earlier, "induction": after * earlier}


def _all(pattern: Tensor, places: dict[str, Tensor], visible: Tensor) -> dict[str, Tensor]:
    """Every score of `pattern` (L, B, H, T, T), each (L, H)."""
    scores = {name: _weight_on(mask, pattern) for name, mask in places.items()}
    entropies = torch.special.entr(pattern).sum(-1)  # nats (L, B, H, T)
    relative = entropies[..., 1:] / visible.sum(-1).log()[1:]
    i = torch.arange(pattern.shape[-1]).to(pattern)
    apart = (i[:, None] - i).abs()  # (T, T)
    distance = torch.einsum("lbhij,ij->lh", pattern, apart) / pattern.sum((1, 3, 4))
    return scores | {"entropy": relative.mean((1, 3)), "distance": distance}


def _weight_on(places: Tensor, pattern: Tensor) -> Tensor:
    """Mean weight on `places` (B, T, T), over the rows that have one: (L, B, H, T, T) → (L, H)."""
    rows = places.any(-1).sum()
    return torch.einsum("lbhij,bij->lh", pattern, places) / rows
