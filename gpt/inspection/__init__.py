"""Looking inside a model while it reads, without changing what it says."""

from gpt.inspection.ablation import Ablation, Means, ablated, mean_activations
from gpt.inspection.attribution import Attribution, attribute
from gpt.inspection.capture import NAMES, attention_scores, attention_weights, trace
from gpt.inspection.effects import Effects, ablation_effects, head_importance, sequence_losses
from gpt.inspection.induction import InductionScores, doubled_blocks, induction_scores
from gpt.inspection.lens import Lens, lens_logits, logit_lens
from gpt.inspection.residual import residual_norms, residuals
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
from gpt.inspection.writes import head_outputs, head_tokens, written_norms

__all__ = [
    "NAMES",
    "Ablation",
    "Attribution",
    "Effects",
    "HeadScore",
    "InductionScores",
    "Lens",
    "Means",
    "NormSteps",
    "ablated",
    "ablation_effects",
    "attention_scores",
    "attention_steps",
    "attention_weights",
    "attribute",
    "bits_per_byte",
    "bits_per_character",
    "doubled_blocks",
    "gradient_norms",
    "head_importance",
    "head_outputs",
    "head_scores",
    "head_tokens",
    "heads_beside_fused",
    "induction_scores",
    "layer_norm_steps",
    "lens_logits",
    "logit_lens",
    "mean_activations",
    "model_head_scores",
    "norm_inputs",
    "perplexity",
    "residual_norms",
    "residuals",
    "sequence_losses",
    "token_losses",
    "trace",
    "written_norms",
]
