"""The ideas since 2017, one switch each, on a model of the tutorial's parts, and the race.

Pure: what to train, and what the runs say. Knows nothing about Streamlit.
"""

import importlib
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gpt

TUTORIAL, TOGETHER = "the tutorial's parts", "all together"
SEEDS = (1337, 1338, 1339)  # of the tutorial's parts: how much of a gain is luck
TARGET = 1.88  # nats per character of Tiny Shakespeare: what nanoGPT's quick start is listed with
QUICK, MODERN = "gpt_mini", "gpt_modern"  # the two that race


@dataclass(frozen=True)
class Idea:
    """One idea: the settings that it changes, what it is, and where it comes from."""

    name: str
    changes: Mapping[str, Any]
    words: str  # what it is and what it is good for; no gain is claimed here, the runs say it
    formula: str
    source: str
    place: str  # of the class or function of `gpt` that does it

    @property
    def code(self) -> Any:
        home, _, name = self.place.partition(".")
        return getattr(importlib.import_module(f"gpt.{home}"), name)


IDEAS = [
    Idea(
        "rotary positions",
        {"positions": "rotary"},
        "A learned vector per position tells where a token stands; nothing tells it how far apart"
        " two tokens are. Rotary positions turn each query and key by an angle that grows with its"
        " place, so their product depends on the distance. They need no parameters.",
        r"q_i\cdot k_j=\left(R_{i}q\right)\cdot\left(R_{j}k\right)=q\cdot R_{j-i}\,k",
        "Su et al. 2021, RoFormer",
        "attention.turned",
    ),
    Idea(
        "query-key norm",
        {"qk_norm": True},
        "Queries and keys may grow until one weight takes everything and the softmax stops"
        " learning. Brought to one length before they meet, their scores stay within ±√D.",
        r"s_{ij}=\frac{\hat q_i\cdot\hat k_j}{\sqrt D},\quad \lVert\hat q\rVert=\lVert\hat"
        r" k\rVert=\sqrt D",
        "Henry et al. 2020; Dehghani et al. 2023",
        "attention.ready_to_meet",
    ),
    Idea(
        "RMSNorm",
        {"norm_kind": "rms"},
        "Layer norm takes the mean away and divides by the spread. RMSNorm only divides by the"
        " length: a sum less, and about as good.",
        r"\mathrm{RMS}(x)=\frac{x}{\sqrt{\frac1C\sum_c x_c^2}}\,\gamma",
        "Zhang & Sennrich 2019",
        "blocks.make_norm",
    ),
    Idea(
        "SwiGLU",
        {"activation": "swiglu"},
        "A feed-forward with a gate: one half of the hidden numbers says how much of the other half"
        " goes through. Two thirds of the width keep the number of parameters.",
        r"\mathrm{FF}(x)=W_2\left(\mathrm{silu}(W_1x)\odot W_3x\right)",
        "Shazeer 2020, GLU variants",
        "blocks.swiglu",
    ),
    Idea(
        "squared ReLU",
        {"activation": "relu_squared"},
        "The bend of the feed-forward, squared: what is positive counts the more the larger it is.",
        r"\max(0,x)^2",
        "So et al. 2021, Primer",
        "blocks.relu_squared",
    ),
    Idea(
        "shared keys and values",
        {"n_kv_head": 1},
        "All heads ask their own queries of the same keys and values (grouped-query attention with"
        " one group). It costs a little loss and saves most of the memory that writing needs.",
        r"H\ \text{queries},\quad 1\ \text{key and value}",
        "Shazeer 2019; Ainslie et al. 2023",
        "attention.MultiHeadAttention",
    ),
    Idea(
        "Muon",
        {"optimizer": "muon", "learning_rate": 5e-3},
        "AdamW gives every number a pace of its own. Muon takes a whole matrix of the blocks at"
        " once and makes its step turn all directions alike, so that none is left behind. It has a"
        " learning rate of its own, which is part of this switch.",
        r"\Delta W\propto UV^{\top}\quad\text{of}\quad M=U\Sigma V^{\top}",
        "Jordan et al. 2024",
        "optim.Muon",
    ),
    Idea(
        "a schedule",
        {"schedule": "linear", "warmup_steps": 10},
        "Small steps at first, while nothing is known; then large ones; then ever smaller ones, so"
        " that the weights come to rest instead of trembling around the best place.",
        r"\eta_t=\eta\cdot\left(1-\tfrac{t}{T}\right)",
        "Defazio et al. 2023 and before",
        "optim.learning_rate_at",
    ),
]


def tutorial(steps: int, seed: int = SEEDS[0]) -> gpt.Preset:
    """A model of `gpt_modern`'s shape and batch, made and trained with the tutorial's parts."""
    return gpt.PRESETS[MODERN].with_settings(
        {
            "activation": "relu", "positions": "learned", "qk_norm": False, "optimizer": "adamw",
            "learning_rate": 2e-3, "schedule": "constant", "warmup_steps": 0, "seed": seed,
            "max_steps": steps, "eval_interval": max(1, steps // 6),
        }
    )  # fmt: skip


def variants(steps: int) -> dict[str, gpt.Preset]:
    """What the ablation trains: the tutorial's parts with three seeds, each idea, all together."""
    base = tutorial(steps)
    found = {named(seed): tutorial(steps, seed) for seed in SEEDS}
    found |= {idea.name: base.with_settings(dict(idea.changes)) for idea in IDEAS}
    modern = gpt.PRESETS[MODERN].model
    recipe = gpt.PRESETS[MODERN].train
    together = replace(
        recipe, max_steps=steps, eval_interval=base.train.eval_interval, seed=base.train.seed
    )
    return found | {TOGETHER: replace(base, model=modern, train=together)}


def named(seed: int) -> str:
    """What the tutorial's parts from `seed` are called."""
    return TUTORIAL if seed == SEEDS[0] else f"{TUTORIAL}, seed {seed}"


@dataclass(frozen=True)
class Gain:
    """What one idea did: its loss, what it gained, its speed and its size."""

    name: str
    loss: float  # validation, nats a token
    gain: float  # of the mean of the tutorial's parts; positive is better
    noise: float  # standard deviation of the tutorial's parts over the seeds; NaN: one seed
    tokens_per_second: float
    parameters: int

    @property
    def clear(self) -> bool:
        """More than luck: twice the spread between seeds. (Never, before that is known.)"""
        return abs(self.gain) > 2 * self.noise


def gains(runs: Mapping[str, tuple[float, float, int]]) -> list[Gain]:
    """runs: name → (loss, tokens per second, parameters), as far as they are finished.

    Empty before one of the tutorial's parts is.
    """
    base = [runs[named(seed)][0] for seed in SEEDS if named(seed) in runs]
    if not base:
        return []
    mean = statistics.mean(base)
    noise = statistics.stdev(base) if len(base) > 1 else math.nan
    return [
        Gain(name, loss, mean - loss, noise, speed, parameters)
        for name, (loss, speed, parameters) in runs.items()
    ]


def first_below(evaluations: Sequence[Mapping[str, Any]], target: float) -> float | None:
    """Seconds of training until the validation loss was first at most `target`; None: never.

    Between two estimates it is not known, so it is the later one.
    """
    return next(
        (
            e["seconds"]
            for e in evaluations
            if e["val_loss"] is not None and e["val_loss"] <= target
        ),
        None,
    )
