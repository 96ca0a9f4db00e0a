"""Looking inside a model while it reads, without changing what it says.

In the order of a first reading: `capture` (every activation by name), `scores` and `induction`
(what heads attend to), `tokens` (what each token costs), `residual`, `writes`, `lens` and
`attribution` (how the answer comes about), `ablation` and `effects` (what happens without a part),
`rollout`, `embedding`, `copies`, `kv_cache`, and `steps` (single parts taken apart).
"""

from gpt.inspection.ablation import Ablation, Means, ablated, mean_activations
from gpt.inspection.attribution import Attribution, attribute
from gpt.inspection.capture import NAMES, attention_scores, attention_weights, trace
from gpt.inspection.copies import Copy, longest_copies
from gpt.inspection.effects import Effects, ablation_effects, head_importance, sequence_losses
from gpt.inspection.embedding import EmbeddingMap, embedding_map, nearest_tokens
from gpt.inspection.induction import InductionScores, doubled_blocks, induction_scores
from gpt.inspection.kv_cache import CacheStep, cache_bytes, cache_steps
from gpt.inspection.lens import Lens, lens_logits, logit_lens
from gpt.inspection.residual import residual_norms, residuals
from gpt.inspection.rollout import Rollout, attention_rollout
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
    "CacheStep",
    "Copy",
    "Effects",
    "EmbeddingMap",
    "HeadScore",
    "InductionScores",
    "Lens",
    "Means",
    "NormSteps",
    "Rollout",
    "ablated",
    "ablation_effects",
    "attention_rollout",
    "attention_scores",
    "attention_steps",
    "attention_weights",
    "attribute",
    "bits_per_byte",
    "bits_per_character",
    "cache_bytes",
    "cache_steps",
    "doubled_blocks",
    "embedding_map",
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
    "longest_copies",
    "mean_activations",
    "model_head_scores",
    "nearest_tokens",
    "norm_inputs",
    "perplexity",
    "residual_norms",
    "residuals",
    "sequence_losses",
    "token_losses",
    "trace",
    "written_norms",
]
