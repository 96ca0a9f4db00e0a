"""The optimizer and the learning rate over time.

AdamW (Loshchilov & Hutter 2019) with weight decay on matrices only: biases and norms are few and
should not be pulled to zero. The cosine schedule with a linear warm-up follows Brown et al. 2020
(GPT-3, appendix B). PyTorch's own fused AdamW does the arithmetic.
"""

import math

import torch
from torch import nn

from gpt.config import TrainConfig


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two groups: matrices (2 or more dimensions), which decay, and the rest, which do not."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        [group for group in parameter_groups(model, config.weight_decay) if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=True,
    )


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """The learning rate of the update that follows `step` updates.

    Rises linearly over `warmup_steps`, then stays (constant) or falls along half a cosine to
    `min_learning_rate` at `max_steps`.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps)
    share = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))  # 1 → 0
    low = min(config.min_learning_rate, config.learning_rate)
    return low + share * (config.learning_rate - low)
