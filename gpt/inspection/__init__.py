"""Looking inside a model while it reads, without changing what it says."""

from gpt.inspection.capture import NAMES, attention_scores, attention_weights, trace
from gpt.inspection.scores import HeadScore, head_scores
from gpt.inspection.steps import (
    NormSteps,
    attention_steps,
    gradient_norms,
    heads_beside_fused,
    layer_norm_steps,
    norm_inputs,
)

__all__ = [
    "NAMES",
    "HeadScore",
    "NormSteps",
    "attention_scores",
    "attention_steps",
    "attention_weights",
    "gradient_norms",
    "head_scores",
    "heads_beside_fused",
    "layer_norm_steps",
    "norm_inputs",
    "trace",
]
