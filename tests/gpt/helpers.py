"""Small texts, models and runs that many tests share."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gpt
from gpt import timing
from gpt.config import ModelConfig, TrainConfig

# Long enough for a context of 8, varied enough that a model has something to learn.
TEXT = "".join(f"{n} times {m} is {n * m}; then we rest.\n" for n in range(9) for m in range(9))
CORPUS = gpt.corpus_from_text(TEXT, "times tables")
TOKENIZER = gpt.CharTokenizer.train(TEXT)
V = TOKENIZER.vocab_size

MODEL = ModelConfig(block_size=8, n_layer=2, n_head=2, n_embd=16, init="tutorial")
# One small model of every kind that the settings allow.
KINDS = [
    pytest.param(replace(MODEL, **changes), id=str(changes))
    for changes in [
        {}, {"norm": "post"}, {"norm": "none", "residual": False}, {"attention_scale": "n_embd"},
        {"output_projection": False}, {"head_size": 3}, {"tie_weights": True}, {"dropout": 0.5},
        {"positions": "rotary", "qk_norm": True}, {"n_kv_head": 1, "norm_kind": "rms"},
        {"activation": "swiglu"}, {"feed_forward": False}, {"feed_forward_multiple": 0},
        {"causal": False}, {"bias": False},
        {"qkv_bias": True, "read_out_bias": False, "activation": "gelu_tanh"},
    ]
]  # fmt: skip
TRAIN = TrainConfig(
    batch_size=4, max_steps=12, eval_interval=4, eval_iters=2, sample_tokens=6, prompt="3"
)


def ids_of(batch: int, time: int, seed: int = 0, vocab_size: int = V) -> Tensor:
    """Random token ids (B, T)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocab_size, (batch, time), generator=generator)


def train_ids() -> Tensor:
    """The training part of the small corpus, (N,)."""
    return torch.tensor(TOKENIZER.encode(gpt.split(CORPUS.text)[0]))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def shaken(config: ModelConfig, vocab_size: int = V, seed: int = 1) -> Any:
    """A model as after some training: every bias and norm matters. In evaluation mode."""
    model = gpt.build_model(config, vocab_size, seed).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=generator))
    return model


def start(
    model: ModelConfig | nn.Module = MODEL,
    resume: gpt.TrainState | None = None,
    group: gpt.Group | None = None,
    **settings: Any,
) -> Any:
    """A training of the small corpus, not yet begun."""
    config = replace(TRAIN, **settings)
    if isinstance(model, ModelConfig):
        model = gpt.build_model(model, V, config.seed)
    return gpt.train(model, CORPUS, TOKENIZER, config, "cpu", resume, group)


def losses_of(events: Iterable[Any]) -> list[float]:
    return [event.loss for event in events if isinstance(event, gpt.StepStats)]


def told(event: Any) -> Any:
    """What an event says, without its clock: equal for equal trainings."""
    values = {k: v for k, v in vars(event).items() if k not in ("seconds", "tokens_per_second")}
    values = {k: v for k, v in values.items() if not callable(v)}
    return type(event).__name__, values


def copy_of(state: gpt.TrainState) -> gpt.TrainState:
    return gpt.TrainState({n: t.clone() for n, t in state.tensors.items()}, dict(state.meta))


def machine_probe(step: float, op: float, flop: float, **more: float) -> gpt.MachineProbe:
    """A machine on which nothing else takes time, unless `more` says so."""
    seconds = dict.fromkeys(timing.KINDS, 0.0) | {"step": step, "small op": op, "large op": op}
    flops = dict.fromkeys(("small flop", "float32 flop", "bfloat16 flop"), flop)
    return gpt.MachineProbe(seconds | flops | more, 1e9, "cpu", threads=1)
