"""When a waiting run's turn comes, and how long runs still take: estimates from what trains now,
what stands before it, and the measured speed of this machine."""

import math
from collections.abc import Iterable
from typing import Any

import streamlit as st

import gpt
from explorer import cache, differences, engine, machine
from explorer.runs import states
from explorer.runs.reader import RunReader
from explorer.runs.run import Run, RunError
from explorer.runs.waiting import expected_waits

CHARACTERS = 65  # of a vocabulary, for an estimate where the text is not read
MOMENT = 2.0  # seconds that an estimate holds: in a class thirty pages ask for the same one


def wait_of(run_id: str) -> float | None:
    """Seconds until a waiting run starts; None when it does not wait or nothing is known: no
    speed yet, no slots (a cluster that is away)."""
    executor = engine.executor()
    waiting = executor.waiting()
    if run_id not in waiting or not executor.slots or machine.probe() is None:
        return None
    waits = _waits(tuple(executor.active()), tuple(waiting), executor.slots)
    return waits[run_id] if waits[run_id] < math.inf else None


@st.cache_resource(ttl=MOMENT, max_entries=8, show_spinner=False)
def _waits(active: tuple[str, ...], waiting: tuple[str, ...], slots: int) -> dict[str, float]:
    """Waiting run → seconds. A run gives way at the end of its turn, if another learner waits."""
    executor = engine.executor()
    turn = executor.turn or math.inf
    learners = {one: engine.store().learner_of(one) or one for one in (*active, *waiting)}

    def spent(one: str, turn_left: float) -> float:
        gives_way = any(learners[other] != learners[one] for other in waiting)
        return min(turn_left, _left_of(one)) if gives_way else _left_of(one)

    left = [spent(one, executor.turn_left(one)) for one in active]
    own = [spent(one, turn) for one in waiting]
    return dict(zip(waiting, expected_waits(left, own, slots), strict=True))


def _left_of(run_id: str) -> float:
    try:
        run = engine.store().get(run_id)
        reader = cache.reader(str(run.folder))
        reader.update()
        return seconds_left(reader, run)
    except (RunError, KeyError, TypeError):
        return 0.0


def series_left(planned: Iterable[tuple[gpt.Preset, Run | None]], vocab_size: int) -> float | None:
    """Seconds that these recipes still take together, one after the other, by the speed of this
    machine; None before it is measured. Of a run that goes on only what is left of its steps.
    """
    speed = machine.probe()
    if speed is None:
        return None
    left = 0.0
    for preset, run in planned:
        told = run.recorded() if run else {"state": states.CREATED, "step": 0}
        begins_anew = told["state"] == states.FAILED
        done = 0.0 if begins_anew else min(1.0, told["step"] / preset.train.max_steps)
        left += (1 - done) * gpt.estimate_seconds(preset, vocab_size, speed)
    return left


def seconds_left(reader: RunReader, run: Run) -> float:
    """How long a run still has to train: at its speed so far, else as estimated beforehand."""
    spec, last = run.spec(), reader.last_step
    if last and last.get("step") and last.get("seconds"):
        return at_its_speed(reader, spec)
    speed = machine.probe()
    if speed is None:
        return 0.0
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
