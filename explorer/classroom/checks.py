"""How far a run is with its task: read from its folder, for its learner and for the board."""

import contextlib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gpt
from explorer import cache
from explorer.classroom.tasks import Task
from explorer.language import message
from explorer.runs.reader import size_of
from explorer.runs.run import Run

MOST = 1_000  # runs whose measures are remembered

ANOTHER = message(
    "This run does not count for the task: it was begun outside it, or on another text. Train anew."
)
SAW_ANSWERS = message(
    "This run has no mask and sees the answers: its losses do not count for the task."
)


def reason_against(task: Task, spec: Mapping[str, Any]) -> str:
    """Why a run, or a part of what it measured, does not count for a task; "" when all does."""
    if spec.get("task") != task.code:
        return ANOTHER
    return SAW_ANSWERS if _chose_to_see(task, spec) else ""


def measured(run: Run, task: Task) -> dict[str, float]:
    """What is known of a run and counts for a task: measure → value, as its training found it."""
    spec = run.spec()
    if spec.get("task") != task.code:
        return {}
    size = size_of(run.folder / "events.jsonl")
    known = _measures(run.folder, size, run.checkpoint_path is not None)
    return {n: x for n, x in known.items() if "loss" not in n or not _chose_to_see(task, spec)}


def reached(run: Run, task: Task) -> int:
    """How many checks of a task hold for a run."""
    known = measured(run, task)
    return sum(check.holds(known.get(check.measure)) is True for check in task.checks)


def _chose_to_see(task: Task, spec: Mapping[str, Any]) -> bool:
    """Whether the learner, and not the task, took the mask away."""
    return not task.is_locked("causal") and not spec["model"].get("causal", True)


@functools.lru_cache(maxsize=MOST)
def _measures(folder: Path, size: int, has_model: bool) -> dict[str, float]:
    """All that is known of a run whose events have this size: only those that train grow."""
    reader = cache.reader(str(folder))
    reader.update()
    losses = [e for e in reader.evaluations if e.get("val_loss") is not None]
    found: dict[str, float] = {"steps": float((reader.last_step or {}).get("step", 0))}
    if losses:
        found["validation loss"] = min(float(e["val_loss"]) for e in losses)
        found["training loss"] = float(losses[-1]["train_loss"])
    if has_model:
        with contextlib.suppress(gpt.GPTError):  # a damaged model: said where it is used
            read = gpt.read_config(folder / "checkpoint")
            preset = gpt.Preset.from_dict(read["preset"])
            parts = gpt.parameters_by_component(preset.model, read["vocab_size"])
            found["parameters"] = float(sum(parts.values()))
    return found
