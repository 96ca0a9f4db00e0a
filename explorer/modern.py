"""The ideas since 2017, one switch each, on a model of the tutorial's parts, and the race.

Pure: what to train, and what the runs say. Names and words are said in the learner's language where
they are shown.
"""

import importlib
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import gpt
from explorer.language import message, say

TUTORIAL, TOGETHER = message("the tutorial's parts"), message("gpt_modern: five together")
NAMES = {
    1337: TUTORIAL,
    1338: message("the tutorial's parts, seed 1338"),
    1339: message("the tutorial's parts, seed 1339"),
}
SEEDS = tuple(NAMES)  # of the tutorial's parts: how much of a gain is luck
TARGET = 1.88  # nats per character of Tiny Shakespeare: what nanoGPT's quick start is listed with
FIVE = ("rotary positions", "query-key norm", "SwiGLU", "Muon", "a schedule")  # `gpt_modern`'s
QUICK, MODERN = "gpt_mini", "gpt_modern"  # the two that race
WINDOWS = 480  # of each split, in an estimate of the race, at least


@dataclass(frozen=True)
class Idea:
    """One idea: the settings that it changes, what it is, and where it comes from."""

    name: str
    changes: Mapping[str, Any]
    words: str  # what it is and what it is good for; no gain is claimed here, the runs say it
    formula: str
    source: str
    place: str  # of the class or function of `gpt` that does it
    formula_words: tuple[str, ...] = ()  # those that stand where the formula has %s

    @property
    def formula_said(self) -> str:
        return self.formula % tuple(map(say, self.formula_words))

    @property
    def code(self) -> Any:
        home, _, name = self.place.partition(".")
        return getattr(importlib.import_module(f"gpt.{home}"), name)


IDEAS = [
    Idea(
        message("rotary positions"),
        {"positions": "rotary"},
        message(
            "A learned vector per position says where a token stands; how far apart two tokens are,"
            " the model must find out. Rotary positions turn each query and key by angles that grow"
            " with its place, so that their product depends on the distance alone. They need no"
            " parameters."
        ),
        r"q_i\cdot k_j=\left(R_{i}q\right)\cdot\left(R_{j}k\right)=q\cdot R_{j-i}\,k",
        message("Su et al. 2021, RoFormer"),
        "attention.turned",
    ),
    Idea(
        message("query-key norm"),
        {"qk_norm": True},
        message(
            "Queries and keys may grow until one weight takes everything and the softmax stops"
            " learning. Brought to one length before they meet, their scores stay within ±√D. (Of"
            " the same kind as the other norms: with layer norm their mean is taken away too.)"
        ),
        r"\begin{gathered}s_{ij}=\frac{\hat q_i\cdot\hat k_j}{\sqrt D}\\[4pt]"
        r"\lVert\hat q\rVert=\lVert\hat k\rVert=\sqrt D\end{gathered}",
        message("Henry et al. 2020; Dehghani et al. 2023"),
        "attention.ready_to_meet",
    ),
    Idea(
        message("RMSNorm"),
        {"norm_kind": "rms"},
        message(
            "Layer norm takes the mean away and divides by the spread. RMSNorm leaves the mean and"
            " only divides by the root of the mean square: less to compute, as good in its authors'"
            " runs."
        ),
        r"\mathrm{RMSNorm}(x)=\frac{x}{\sqrt{\frac1C\sum_c x_c^2}}\,\gamma",
        message("Zhang & Sennrich 2019"),
        "blocks.make_norm",
    ),
    Idea(
        message("SwiGLU"),
        {"activation": "swiglu"},
        message(
            "A feed-forward with a gate: one half of the hidden numbers says how much of the other"
            " half goes through. Two thirds of the width keep the number of parameters."
        ),
        r"\mathrm{FF}(x)=W_2\left(\mathrm{silu}(W_1x)\odot W_3x\right)",
        message("Shazeer 2020, GLU variants"),
        "blocks.swiglu",
    ),
    Idea(
        message("squared ReLU"),
        {"activation": "relu_squared"},
        message(
            "The bend of the feed-forward, squared: what is positive counts the more the larger it"
            " is."
        ),
        r"\max(0,x)^2",
        message("So et al. 2021, Primer"),
        "blocks.relu_squared",
    ),
    Idea(
        message("shared keys and values"),
        {"n_kv_head": 1},
        message(
            "All heads ask their own queries of the same keys and values (grouped-query attention"
            " with one group). Not for a lower loss: writing keeps the keys and values of K heads"
            " instead of H, here a third of the memory, and there are fewer parameters."
        ),
        r"\begin{gathered}\text{%s}=2\,L\,T\,K\,D\\[4pt]K=1\ \text{%s}\ H\end{gathered}",
        message("Shazeer 2019; Ainslie et al. 2023"),
        "attention.MultiHeadAttention",
        (message("numbers kept"), message("instead of")),
    ),
    Idea(
        message("Muon"),
        {"optimizer": "muon", "learning_rate": 5e-3},
        message(
            "AdamW gives every number a pace of its own. Muon takes a whole matrix of the blocks at"
            " once and makes its step about as large in every direction, so that none is left"
            " behind. It has a learning rate of its own, which is part of this switch."
        ),
        r"\begin{gathered}\text{%s}\ M=U\Sigma V^{\top}\\[4pt]"
        r"\Delta W\propto UV^{\top}\end{gathered}",
        message("Jordan et al. 2024"),
        "optim.Muon",
        (message("momentum"),),
    ),
    Idea(
        message("a schedule"),
        {"schedule": "linear", "warmup_steps": 10},
        message(
            "A few small steps at first (the warm-up, w), while nothing is known; then large ones;"
            " then ever smaller ones along a straight line, so that the weights come to rest"
            " instead of trembling around the best place."
        ),
        r"\eta_t=\eta\,\frac{t_{\max}-t}{t_{\max}-w}\quad(t\ge w)",
        message("Defazio et al. 2023 and before"),
        "optim.learning_rate_at",
    ),
]


def tutorial(steps: int, seed: int = SEEDS[0]) -> gpt.Preset:
    """A model of `gpt_modern`'s shape and batch, made and trained with the tutorial's parts.

    (The learning rate is the better of the two that were tried for AdamW at this size.)
    """
    return gpt.PRESETS[MODERN].with_settings(
        {
            "activation": "relu", "positions": "learned", "qk_norm": False, "optimizer": "adamw",
            "learning_rate": 2e-3, "schedule": "constant", "warmup_steps": 0, "seed": seed,
            "max_steps": steps, "eval_interval": max(1, steps // 6), "eval_iters": 10,
            "sample_tokens": 0,  # nobody reads the samples
        }
    )  # fmt: skip


def variants(steps: int) -> dict[str, gpt.Preset]:
    """What the ablation trains: the tutorial's parts with three seeds, each idea, five together."""
    base = tutorial(steps)
    found = {NAMES[seed]: tutorial(steps, seed) for seed in SEEDS}
    found |= {idea.name: base.with_settings(dict(idea.changes)) for idea in IDEAS}
    modern = gpt.PRESETS[MODERN]
    measured = {
        name: getattr(base.train, name)
        for name in ("max_steps", "seed", "eval_interval", "eval_iters", "sample_tokens")
    }
    return found | {TOGETHER: modern.with_settings(measured)}


def racers() -> dict[str, gpt.Preset]:
    """The two that race, by title, the quicker first: their own recipes, measured often enough for
    a clock and both on equally many windows (which takes no time of the clock)."""
    found = {}
    for name in (MODERN, QUICK):
        preset = gpt.PRESETS[name]
        train = preset.train
        often = {
            "eval_interval": max(1, train.max_steps // 20),
            "eval_iters": -(-WINDOWS // train.batch_size),
        }
        found[preset.title] = preset.with_settings(often)
    return found


def windows_read(preset: gpt.Preset) -> int:
    """How many windows of each split an estimate of the loss reads."""
    from gpt.evaluation import chunks_of  # loads torch

    return math.prod(chunks_of(preset.train, preset.model.block_size))


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
    base = [runs[NAMES[seed]][0] for seed in SEEDS if NAMES[seed] in runs]
    if not base:
        return []
    mean = statistics.mean(base)
    noise = statistics.stdev(base) if len(base) > 1 else math.nan
    return [
        Gain(name, loss, mean - loss, noise, speed, parameters)
        for name, (loss, speed, parameters) in runs.items()
    ]


@dataclass(frozen=True)
class Moment:
    """An estimate of a run: after so many seconds of training, evaluations not counted."""

    step: int
    seconds: float
    loss: float  # validation, nats a token


def moments(
    evaluations: Sequence[Mapping[str, Any]], steps: Sequence[float], seconds: Sequence[float]
) -> list[Moment]:
    """The estimates of a run with the time of training at which they were made.

    steps, seconds: the clock of the run, after each update. (What an estimate itself says about
    seconds is how long it took.) Estimates that are no numbers, or have no time yet, are left out.
    """
    clock = dict(zip(map(int, steps), seconds, strict=True)) | {0: 0.0}
    return [
        Moment(e["step"], float(clock[e["step"]]), e["val_loss"])
        for e in evaluations
        if e["val_loss"] is not None and e["step"] in clock
    ]


def first_below(found: Sequence[Moment], target: float) -> float | None:
    """Seconds of training until the validation loss was first at most `target`; None: never.

    Between two estimates it is not known, so it is the later one.
    """
    return next((moment.seconds for moment in found if moment.loss <= target), None)


def loss_at(found: Sequence[Moment], seconds: float) -> float | None:
    """The loss after so many seconds, on a straight line between two estimates; None: not so far.

    >>> loss_at([Moment(0, 0.0, 4.0), Moment(9, 2.0, 3.0)], 1.0)
    3.5
    """
    for one, other in pairwise(found):
        if one.seconds <= seconds <= other.seconds:
            share = (seconds - one.seconds) / max(other.seconds - one.seconds, 1e-12)
            return one.loss + share * (other.loss - one.loss)
    return None
