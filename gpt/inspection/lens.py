"""The logit lens: what the model would say if it stopped after each layer.

nostalgebraist 2020: the residual stream after layer l goes through the model's own final norm and
read-out, as if it were the last. With pre-norm the norm is computed anew for each layer; with
post-norm every block has normed what it hands on, and without norms there is none: the read-out
then reads the stream as it is. The last row is what the model says. The lens shows what can be
read out linearly, and no more: a token that it does not show may be there all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.inspection.residual import residuals
from gpt.model import Bigram, LanguageModel


@dataclass(frozen=True)
class Lens:
    """What each layer would say at each position, all (L + 1, B, T); row 0 is the embeddings."""

    top: Tensor  # id of the most probable token
    top_p: Tensor  # its probability
    target_p: Tensor  # probability of the true next token; NaN where it is not known
    target_rank: Tensor  # its rank, 1 is the most probable; 0 where it is not known
    kl: Tensor  # KL(what the model says ‖ what the layer would say) in nats; the last row is 0


@torch.no_grad()
def lens_logits(model: LanguageModel, idx: Tensor) -> Tensor:
    """Scores after each layer: idx (B, T) → (L + 1, B, T, V); the last row is the model's own."""
    streams, read_out = _streams(model, idx)
    return torch.stack([read_out(x) for x in streams])


@torch.no_grad()
def logit_lens(
    model: LanguageModel,
    idx: Tensor,
    targets: Tensor | None = None,
    positions: range | None = None,
) -> Lens:
    """What each layer would say on idx (B, T), with one layer's scores in memory at a time.

    targets (B, T): the true next tokens, -1 where there is none; without them the tokens of idx
    itself, shifted, so that the last position has none. positions: read out only these of the T,
    which then stand for T in the result; None: all.
    """
    if targets is None:
        targets = torch.cat([idx[:, 1:], torch.full_like(idx[:, :1], -1)], dim=1)
    places = slice(None) if positions is None else list(positions)
    targets = targets[:, places]
    known, place = targets >= 0, targets.clamp(min=0)[..., None]  # (B, T), (B, T, 1)
    streams, read_out = _streams(model, idx)
    streams = streams[:, :, places]
    final = read_out(streams[-1]).log_softmax(-1)  # (B, T, V)
    columns = []
    for x in streams:
        log_p = read_out(x).log_softmax(-1)  # (B, T, V)
        top_p, top = log_p.max(-1)
        true = log_p.gather(-1, place)  # (B, T, 1)
        better = (log_p > true).sum(-1)
        columns.append(
            (
                top,
                top_p.exp(),
                true[..., 0].exp().where(known, torch.nan),
                (better + 1).where(known, 0),
                (final.exp() * (final - log_p)).sum(-1),
            )
        )
    return Lens(*(torch.stack(column) for column in zip(*columns, strict=True)))


def _streams(model: LanguageModel, idx: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The stream after the embeddings and each layer, (L + 1, B, T, C), and what reads it out.

    The bigram has nothing but its scores, (1, B, T, V).
    """
    if isinstance(model, Bigram):
        return model(idx)[0][None], lambda x: x
    return residuals(model, idx), model.read_out
