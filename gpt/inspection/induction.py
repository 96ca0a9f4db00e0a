"""Induction: does the model copy what followed last time? Scored on random tokens, said twice.

In random tokens there is nothing to learn but the repetition, so a low loss on the second half, and
weight on the token after the earlier copy, can come from nowhere else (Olsson et al. 2022, arXiv
2209.11895).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.errors import GPTError
from gpt.inspection.capture import trace
from gpt.inspection.scores import HeadScore, model_head_scores
from gpt.inspection.tokens import token_losses
from gpt.model import LanguageModel

LONGEST = 64  # tokens said twice, where context and vocabulary allow


@dataclass(frozen=True)
class InductionScores:
    """How the heads behave on blocks of random tokens said twice, and how the model does."""

    heads: dict[str, HeadScore]  # all of `head_scores`; "induction" and "duplicate" are the stripes
    block: int  # S, tokens in a block, all different
    draws: int
    first_loss: float  # nats per token on predicting tokens 1 … S - 1: guessing
    repeated_loss: float  # on tokens S + 1 … 2S - 1, where copying helps


def induction_scores(
    model: LanguageModel,
    block: int | None = None,
    draws: int = 8,
    seed: int = 0,
    tokens: Sequence[int] | None = None,
) -> InductionScores:
    """Let `model` read `draws` blocks of S = `block` different random tokens, each said twice.

    `tokens` are the ids to draw from, all unless told otherwise: leave out those that mean an end
    to the model, such as a newline where every line stands for itself.

    On [r; r] the induction score is the mean of A[i, i - S + 1] over the second half: the token
    after the earlier copy; the duplicate score that of A[i, i - S]. `block` None: as many as
    context and vocabulary allow, at most 64. Raises GPTError for a block that does not fit.
    """
    count = model.vocab_size if tokens is None else len(tokens)
    most = min(count, model.config.block_size // 2)
    S = min(most, LONGEST) if block is None else block
    if not 2 <= S <= most:
        raise GPTError(
            f"A block said twice must have from 2 to {most} tokens, all different, to fit into the"
            f" {count} tokens to draw from and the context of {model.config.block_size}:"
            f" got {S}."
        )
    idx = doubled_blocks(count, S, draws, seed)  # (draws, 2S)
    if tokens is not None:
        idx = torch.as_tensor(tokens)[idx]
    idx = idx.to(next(model.parameters()).device)
    losses = token_losses(trace(model, idx, ["logits"])["logits"], idx)  # (draws, 2S - 1)
    return InductionScores(
        heads=model_head_scores(model, idx),
        block=S,
        draws=draws,
        first_loss=losses[:, : S - 1].mean().item(),
        repeated_loss=losses[:, S:].mean().item(),  # not token S: nothing says what it repeats
    )


def doubled_blocks(vocab_size: int, block: int, draws: int, seed: int = 0) -> Tensor:
    """Ids (draws, 2 · block): different random tokens, then the same again."""
    generator = torch.Generator().manual_seed(seed)
    once = torch.stack(
        [torch.randperm(vocab_size, generator=generator)[:block] for _ in range(draws)]
    )
    return torch.cat([once, once], dim=1)
