"""A GPT from scratch: small, readable, fast.

The names below are the public interface. They are loaded at their first use (PEP 562), because
`import torch` takes a second or more: a web page can be drawn, and `python -m gpt --help` answer,
before it is there.
"""

import importlib
from typing import Any

_HOMES = {
    "attention": ["Head", "KVCache", "MultiHeadAttention"],
    "averaging": [
        "average_with_attention",
        "average_with_loops",
        "average_with_matmul",
        "average_with_softmax",
    ],
    "baselines": [
        "bigram_counts",
        "bigram_loss",
        "bigram_probabilities",
        "uniform_loss",
        "unigram_loss",
    ],
    "batches": ["Batches", "encode_splits"],
    "blocks": ["Block", "FeedForward"],
    "checkpoint": [
        "load_checkpoint",
        "load_state",
        "read_config",
        "read_weights",
        "save_checkpoint",
        "save_state",
        "save_weights",
    ],
    "config": ["ModelConfig", "Preset", "TrainConfig"],
    "costs": [
        "available_cores",
        "flops_per_iteration",
        "parameters_by_component",
        "peak_memory",
        "useful_threads",
    ],
    "devices": ["available_devices", "pick_device"],
    "errors": ["CheckpointError", "ConfigError", "GPTError", "TextError"],
    "evaluation": ["estimate_loss", "whole_loss"],
    "events": [
        "Evaluating",
        "Evaluation",
        "Event",
        "Finished",
        "Sample",
        "Snapshot",
        "StepStats",
        "TrainState",
    ],
    "filters": ["filter_stages", "probabilities"],
    "huggingface": ["is_huggingface", "load_huggingface"],
    "inspection": [
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
        "embedding_map",
        "gradient_norms",
        "head_importance",
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
        "token_losses",
        "trace",
        "written_norms",
    ],
    "model": ["GPT", "Bigram", "build_model", "load_weights", "next_token_loss", "weights_of"],
    "planning": ["Plan", "fit_to_time"],
    "parallel": ["Group", "process_group"],
    "presets": ["PRESETS", "get_preset"],
    "problems": ["ExactMatch", "exact_match", "guessing", "held_out_problems"],
    "record": [
        "EventLog",
        "Recorder",
        "describe_environment",
        "describe_run",
        "new_run_id",
        "write_json",
    ],
    "sampling": ["Token", "generate", "generate_batch", "stream", "window_start"],
    "scaling": [
        "SizedRun",
        "inner_parameters",
        "run_under_budget",
        "sizes_under_budget",
        "smallest_sweep",
        "sweep",
        "sweep_within",
    ],
    "text": ["CORPORA", "Corpus", "corpus_from_text", "load_corpus", "split"],
    "timing": [
        "MachineProbe",
        "estimate_seconds",
        "load_probe",
        "probe_machine",
        "save_probe",
        "work_of_step",
    ],
    "tokenizers": [
        "BPETokenizer",
        "CharTokenizer",
        "GPT2Tokenizer",
        "learn_merges",
        "tokenizer_from_dict",
        "train_tokenizer",
    ],
    "training": ["train"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name in _HOMES:  # a module, such as gpt.inspection: there from the beginning
        return importlib.import_module(f"gpt.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'gpt' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gpt.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
