"""The residual stream: what passes from block to block, and how long it grows."""

import torch
from torch import Tensor

from gpt.inspection.capture import trace
from gpt.model import LanguageModel


def residuals(model: LanguageModel, idx: Tensor) -> Tensor:
    """What enters the first block and what leaves each one: idx (B, T) → (L + 1, B, T, C).

    Without a residual path it is what the blocks hand on all the same.
    """
    found = trace(model, idx, ["resid_pre", "resid_post"])
    return torch.cat([found["resid_pre"][:1], found["resid_post"]])


def residual_norms(model: LanguageModel, idx: Tensor) -> Tensor:
    """How long the residual stream is: (L + 1, B, T), row 0 after the embeddings.

    The bigram has none: (0, B, T).
    """
    return residuals(model, idx).norm(dim=-1)
