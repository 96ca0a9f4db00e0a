"""Looking inside a model while it reads, without changing what it says."""

from gpt.inspection.capture import NAMES, attention_scores, attention_weights, trace
from gpt.inspection.induction import InductionScores, doubled_blocks, induction_scores
from gpt.inspection.scores import HeadScore, head_scores, model_head_scores
from gpt.inspection.steps import (
    NormSteps,
    attention_steps,
    gradient_norms,
    heads_beside_fused,
    layer_norm_steps,
    norm_inputs,
)
from gpt.inspection.tokens import bits_per_byte, bits_per_character, perplexity, token_losses

__all__ = [
    "NAMES",
    "HeadScore",
    "InductionScores",
    "NormSteps",
    "attention_scores",
    "attention_steps",
    "attention_weights",
    "bits_per_byte",
    "bits_per_character",
    "doubled_blocks",
    "gradient_norms",
    "head_scores",
    "heads_beside_fused",
    "induction_scores",
    "layer_norm_steps",
    "model_head_scores",
    "norm_inputs",
    "perplexity",
    "token_losses",
    "trace",
]
