"""How long runs still take: by the speed of each so far, or by the measured speed of this machine.

Of a series, what is finished takes nothing, what has begun takes its other steps, and what is to
come takes its whole time. Draws nothing.
"""

import math
from collections.abc import Iterable
from typing import Any

import gpt
from explorer import differences, machine
from explorer.runs import states
from explorer.runs.reader import RunReader
from explorer.runs.run import Run

CHARACTERS = 65  # of a vocabulary, for an estimate where the text is not read


def series_left(planned: Iterable[tuple[gpt.Preset, Run | None]], vocab_size: int) -> float | None:
    """Seconds that these recipes, each with its run if it has one, still take together, one after
    the other, by the speed of this machine; None before it is measured."""
    speed = machine.probe()
    if speed is None:
        return None
    return sum(
        (1 - share_done(run, preset)) * gpt.estimate_seconds(preset, vocab_size, speed)
        for preset, run in planned
    )


def share_done(run: Run | None, preset: gpt.Preset) -> float:
    """Which share of its steps a run has behind it: 0 for one that failed, which begins anew."""
    if run is None:
        return 0.0
    told = run.recorded()
    if told["state"] == states.FINISHED:  # perhaps early
        return 1.0
    if told["state"] == states.FAILED:
        return 0.0
    return min(1.0, float(told["step"]) / preset.train.max_steps)


def seconds_left(reader: RunReader, run: Run) -> float:
    """How long a run still has to train: at its speed so far, else as estimated beforehand; without
    end where its device was not measured, since nobody knows."""
    spec, last = run.spec(), reader.last_step
    if last and last.get("step") and last.get("seconds"):
        return at_its_speed(reader, spec)
    speed = machine.probe()
    if speed is None or not machine.measured_on(speed, spec.get("device", "auto")):
        return math.inf
    preset = gpt.Preset.from_dict({"name": "run", "model": spec["model"], "train": spec["train"]})
    _, _, size = differences.tokenizer_of(spec).partition("-")
    return gpt.estimate_seconds(preset, int(size or CHARACTERS), speed)


def at_its_speed(reader: RunReader, spec: dict[str, Any]) -> float:
    """Seconds left of a run that has made steps, its measurements included."""
    last: dict[str, Any] = reader.last_step or {}
    train = spec["train"]
    steps = max(0, train["max_steps"] - last["step"])
    measuring = [e["seconds"] for e in reader.evaluations if e.get("seconds")]
    each = sum(measuring) / len(measuring) if measuring else 0.0
    return steps * (last["seconds"] / last["step"] + each / train["eval_interval"])
