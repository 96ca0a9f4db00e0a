"""Direct logit attribution: which part of the model pushed the chosen token up, and how far.

With a residual path and pre-norm the last residual stream is a plain sum of what every part wrote
into it (Elhage et al. 2021). The final norm divides that sum by one number, σ; with σ held fixed
the score of a token is a sum over parts too, exactly. A single score has an arbitrary offset, so
look at the difference of two tokens, or at the score above the vocabulary's mean. It says what each
part wrote directly, not what later parts made of it.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.errors import GPTError
from gpt.inspection.capture import trace
from gpt.inspection.checks import check_position
from gpt.inspection.writes import head_outputs, spread, through_norm

MEAN = "mean"


@dataclass(frozen=True)
class Attribution:
    """A score taken apart: the share of each part, in units of the score."""

    token_embedding: Tensor  # (B,)
    position_embedding: Tensor  # (B,); 0 where positions are not embedded
    heads: Tensor  # (L, B, H)
    attention_bias: Tensor  # (L, B); the biases of the projections, which belong to no head
    feed_forward: Tensor  # (L, B)
    final_norm_bias: Tensor  # (B,)
    read_out_bias: Tensor  # (B,)
    logit: Tensor  # (B,); what the model itself says, which all the others sum to

    def total(self) -> Tensor:
        """The sum of all parts (B,)."""
        once = self.token_embedding + self.position_embedding
        once = once + self.final_norm_bias + self.read_out_bias
        return once + (self.heads.sum(-1) + self.attention_bias + self.feed_forward).sum(0)


@torch.no_grad()
def attribute(
    model: Any,
    idx: Tensor,
    target: int | Tensor,
    against: int | Tensor | str | None = None,
    position: int = -1,
) -> Attribution:
    """Take apart the score of `target` as the token after `position` of idx (B, T).

    `target` is one id or (B,). `against` is None for the score itself, another id or (B,) for the
    difference of both scores, or "mean" for the score above the mean of the vocabulary. Raises
    GPTError where a score is no sum of parts: without residual path or pre-norm, and where a whole
    attention or block is switched off. A head or feed-forward that is off has the share of what
    stands in its place.
    """
    _check_additive(model)
    check_position(position, idx)
    found = trace(model, idx, ["resid_pre", "z", "mlp_out", "resid_post", "logits"])
    at = {name: x[..., position, :] for name, x in found.items() if name != "z"}  # (…, B, C)
    asked = _asked(target, against, at["logits"])  # (B, V)
    w = asked @ model.lm_head.weight  # (B, C)
    direction = through_norm(model.final_norm, w) / spread(model.final_norm, at["resid_post"][-1])
    tokens = model.token_embedding(idx[:, position])  # (B, C)
    z = found["z"][:, :, position]  # (L, B, H, D)
    attentions = [block.attention for block in model.blocks]
    outputs = torch.stack([head_outputs(a, x) for a, x in zip(attentions, z, strict=True)])
    biases = torch.stack([_bias(a.projection, direction) for a in attentions])  # (L, C)
    return Attribution(
        token_embedding=(tokens * direction).sum(-1),
        position_embedding=((at["resid_pre"][0] - tokens) * direction).sum(-1),
        heads=torch.einsum("lbhc,bc->lbh", outputs, direction),
        attention_bias=biases @ direction.T,
        feed_forward=(at["mlp_out"] * direction).sum(-1),
        final_norm_bias=w @ _bias(model.final_norm, direction),
        read_out_bias=asked @ _bias(model.lm_head, at["logits"]),
        logit=(asked * at["logits"]).sum(-1),
    )


def _check_additive(model: Any) -> None:
    config = model.config
    if config.architecture == "bigram":
        raise GPTError("The bigram is one table: its scores have no parts to be attributed to.")
    if config.norm != "pre" or not config.residual:
        raise GPTError(
            "Scores are a sum of parts only with a residual path and with norms before each part:"
            f" this model has norm {config.norm!r} and residual {config.residual}. Use ablation to"
            " see what a part does."
        )
    if any(off.attention or off.blocks for off in getattr(model, "ablations", ())):
        raise GPTError(
            "With a whole attention or block switched off, scores are no sum of heads and"
            " feed-forwards: switch off all heads and the feed-forward of that layer instead."
        )


def _asked(target: int | Tensor, against: int | Tensor | str | None, logits: Tensor) -> Tensor:
    """What is asked about the scores (B, V), as a weight on each of them."""
    wanted = _one_hot(target, logits)
    if against is None:
        return wanted
    if isinstance(against, str) and against == MEAN:
        return wanted - 1 / logits.shape[-1]
    return wanted - _one_hot(against, logits)


def _one_hot(ids: int | Tensor | str, logits: Tensor) -> Tensor:
    B, V = logits.shape
    if isinstance(ids, str):
        raise GPTError(f"against must be a token id, {MEAN!r} or None, got {ids!r}.")
    ids = torch.as_tensor(ids, device=logits.device).expand(B)
    if not (ids.min() >= 0 and ids.max() < V):
        raise GPTError(f"Token ids go from 0 to {V - 1}, got {ids.tolist()}.")
    return F.one_hot(ids, V).to(logits.dtype)


def _bias(part: nn.Module, like: Tensor) -> Tensor:
    """The bias of a map or norm, zeros where it has none: as wide as the last axis of `like`."""
    bias = getattr(part, "bias", None)
    return like.new_zeros(like.shape[-1]) if bias is None else bias
