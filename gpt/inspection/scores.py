"""What each head does: how much of its weight goes to one kind of place, beside chance."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.errors import GPTError


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
