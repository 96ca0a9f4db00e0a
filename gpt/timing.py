"""How long a training takes on this machine: a probe, and a prediction from it.

A training step is a sum of a few kinds of work (`KINDS`): what it costs at all, each operation of
PyTorch however small, multiplications, numbers carried to and from memory, random numbers for
dropout. `probe_machine` times real training steps of small models, each heavy in one kind, and
solves for the seconds that one piece of each kind takes. `estimate_seconds` adds up what a preset
needs. Leaves out saving files, and other programs.
"""

import itertools
import json
import math
import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpt.config import ModelConfig, Preset, TrainConfig
from gpt.costs import (
    FLOAT,
    FLOPS_FOR_THREADS,
    activation_memory,
    flops_per_iteration,
    optimizer_flops,
    parameters_by_component,
)

KINDS = (
    "step",  # what a step costs besides all below
    "small op",  # an operation of PyTorch in a small step, whatever it computes
    "large op",  # the same in a large step, with all threads, and perhaps with rounding
    "small flop",
    "float32 flop",
    "bfloat16 flop",
    "byte",  # of what is kept between forward and backward, and of weights and moments
    "random number",
    "muon layer",
    "muon flop",
    "sampled layer",  # one layer for one token of a sample
)
Work = dict[str, float]  # how many pieces of each kind


@dataclass(frozen=True)
class MachineProbe:
    """How fast this machine trains: the seconds that one piece of each of `KINDS` takes."""

    seconds: Mapping[str, float]
    flops_per_second: float  # all in all, in the training step of a middle-sized model
    device: str
    threads: int

    def seconds_for(self, work: Work) -> float:
        return sum(self.seconds[kind] * pieces for kind, pieces in work.items())


def work_of_step(preset: Preset, vocab_size: int, device: str = "cpu") -> Work:
    """What one optimizer step consists of."""
    model, train = preset.model, preset.train
    flops = flops_per_iteration(model, vocab_size, train.batch_size)
    layers = 0 if model.architecture == "bigram" else model.n_layer
    tokens = train.batch_size * model.block_size
    masked = model.n_head * model.block_size + model.n_embd * (1 + model.feed_forward)
    weights = sum(parameters_by_component(model, vocab_size).values())
    small = flops < FLOPS_FOR_THREADS
    return {
        "step": 1,
        "small op" if small else "large op": operations(model),
        "small flop" if small else _products(train, flops, device): flops,
        "byte": activation_memory(model, vocab_size, train.batch_size) + 4 * FLOAT * weights,
        "random number": layers * tokens * masked if model.dropout else 0,
        "muon layer": layers if train.optimizer == "muon" else 0,
        "muon flop": optimizer_flops(model, train),
    }


def operations(model: ModelConfig) -> int:
    """About how many operations of PyTorch a forward pass is; a bias, with its gradient, is two."""
    if model.architecture == "bigram":
        return 1
    around = (model.norm != "none") + model.residual
    attention = 10 + around + 6 * (model.positions == "rotary") + model.qk_norm
    attention += 2 * (model.kv_heads < model.n_head) + 6 * (model.dropout > 0)
    attention += model.output_projection * (1 + 2 * model.bias)
    feed_forward = 3 + around + 2 * (model.activation == "swiglu") + 4 * model.bias
    feed_forward += 3 * (model.dropout > 0)
    return model.n_layer * (attention + feed_forward * model.feed_forward) + 4


def _products(train: TrainConfig, flops: float, device: str) -> str:
    """The kind of a large step's multiplications."""
    import torch

    from gpt.devices import dtype_of_products

    rounded = dtype_of_products(train.precision, flops, torch.device(device)) == torch.bfloat16
    return "bfloat16 flop" if rounded else "float32 flop"


def estimate_seconds(preset: Preset, vocab_size: int, probe: MachineProbe) -> float:
    """Seconds that training `preset` takes on the probed machine, evaluations and samples included.

    A forward pass is a third of a step.
    """
    train = preset.train
    step = work_of_step(preset, vocab_size, probe.device)
    evaluations = math.ceil(train.max_steps / train.eval_interval) + 1  # the first at step 0
    forward = {k: n for k, n in step.items() if not k.startswith(("random", "muon"))}
    forwards = evaluations * 2 * train.eval_iters / 3
    layers = 1 if preset.model.architecture == "bigram" else preset.model.n_layer
    sampled = evaluations * train.sample_tokens * layers
    return (
        train.max_steps * probe.seconds_for(step)
        + forwards * probe.seconds_for(forward)
        + probe.seconds_for({"sampled layer": sampled})
    )


# --- the probe -------------------------------------------------------------------------------

V = 65


def _probe(steps: int, batch_size: int, model: dict[str, Any], **train: Any) -> Preset:
    config = TrainConfig(
        batch_size=batch_size, max_steps=steps, eval_iters=1, sample_tokens=0, **train
    )
    return Preset("probe", "", "", ModelConfig(**{"n_layer": 2, "n_head": 4} | model), config)


# From small to large, each heavy in one kind of work; about a second and a half on two cores.
PROBES = (
    _probe(12, 32, {"architecture": "bigram"}),
    _probe(12, 32, {"n_layer": 1, "feed_forward": False}),
    _probe(12, 32, {"n_layer": 3}),
    _probe(8, 8, {"n_embd": 128, "block_size": 32}),
    _probe(6, 16, {"n_embd": 64, "block_size": 64, "n_layer": 4}),
    _probe(5, 12, {"n_embd": 128, "block_size": 64}, optimizer="muon"),
    _probe(5, 6, {"n_embd": 64, "block_size": 256}),
    _probe(4, 8, {"n_embd": 192, "n_head": 6, "block_size": 256, "dropout": 0.2}),
    _probe(4, 4, {"n_embd": 256, "block_size": 64}, optimizer="muon"),
    _probe(4, 8, {"n_embd": 384, "block_size": 128}),
    _probe(4, 16, {"n_embd": 256, "block_size": 64}, precision="float32"),
    _probe(5, 16, {"n_embd": 256, "block_size": 64}),
)


def probe_machine(
    device: str = "auto", prepare: Callable[[float], None] | None = None
) -> MachineProbe:
    """Train the small models of PROBES for a few steps and solve for the speeds.

    `prepare` is called with the FLOPs of a step before each model, so that the caller can set the
    number of threads as it would for training.
    """
    import torch

    from gpt.devices import pick_device

    place = pick_device(device).type
    works, times = [], []
    for probe in PROBES:
        if prepare is not None:
            prepare(flops_per_iteration(probe.model, V, probe.train.batch_size))
        works.append(work_of_step(probe, V, place))
        times.append(_step_seconds(probe, device))
    seconds = solve(works, times) | {"sampled layer": _sampled_layer_seconds(place)}
    if not any("bfloat16 flop" in work for work in works):  # not that it cost nothing
        seconds["bfloat16 flop"] = seconds["float32 flop"]
    rate = flops_per_iteration(PROBES[-1].model, V, PROBES[-1].train.batch_size) / times[-1]
    return MachineProbe(seconds, rate, place, torch.get_num_threads())


def solve(works: list[Work], times: list[float]) -> dict[str, float]:
    """Seconds per piece of each kind, none below 0, by least squares on the relative errors.

    A kind that comes out negative takes no time that could be seen: it is left out, and the rest
    solved again.
    """
    import numpy as np

    table = np.array([[work.get(kind, 0.0) for kind in KINDS] for work in works])
    table /= np.array(times)[:, None]
    scale = np.abs(table).max(axis=0)
    used = [i for i in range(len(KINDS)) if scale[i] > 0]
    while True:
        found = np.linalg.lstsq(table[:, used] / scale[used], np.ones(len(times)), rcond=None)[0]
        if found.min() >= 0:
            break
        used.pop(int(found.argmin()))
    seconds = dict.fromkeys(KINDS, 0.0)
    return seconds | {KINDS[i]: float(s / scale[i]) for i, s in zip(used, found, strict=True)}


def _step_seconds(probe: Preset, device: str) -> float:
    """Median time of one real training step."""
    from gpt.events import StepStats
    from gpt.model import build_model
    from gpt.text import corpus_from_text
    from gpt.tokenizers import CharTokenizer
    from gpt.training import train

    alphabet = "".join(chr(48 + i) for i in range(V))
    corpus = corpus_from_text(alphabet * 100, "probe")
    model = build_model(probe.model, V)
    events = train(model, corpus, CharTokenizer.train(alphabet), probe.train, device)
    seconds = [event.seconds for event in events if isinstance(event, StepStats)]
    return statistics.median(b - a for a, b in itertools.pairwise(seconds))


def _sampled_layer_seconds(device: str, tokens: int = 24) -> float:
    """Time of one layer for one token of a sample, the token's own costs shared among them."""
    import time

    from gpt.model import build_model
    from gpt.sampling import generate
    from gpt.tokenizers import CharTokenizer

    tokenizer = CharTokenizer.train("ab")
    model = build_model(PROBES[3].model, 2, device=device).eval()
    generate(model, tokenizer, "a", 4, seed=1)
    start = time.perf_counter()
    generate(model, tokenizer, "a", tokens, seed=1)
    return (time.perf_counter() - start) / tokens / model.config.n_layer


# --- keeping it ------------------------------------------------------------------------------


def save_probe(path: str | os.PathLike[str], probe: MachineProbe) -> None:
    """Keep what was measured as a JSON file."""
    from gpt.checkpoint import write_atomically

    write_atomically(Path(path), json.dumps(asdict(probe), indent=1).encode())


def load_probe(path: str | os.PathLike[str]) -> MachineProbe | None:
    """Read what `save_probe` kept; None when it is missing, damaged or of another version."""
    try:
        probe = MachineProbe(**json.loads(Path(path).read_text(encoding="utf-8")))
        return probe if set(probe.seconds) == set(KINDS) else None
    except (OSError, ValueError, TypeError):
        return None
