"""What fits into the time a learner has: steps first, a smaller model only when it must be.

Uses `gpt.estimate_seconds`, the estimate that the training panel shows, so both agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpt.config import Preset
from gpt.timing import MachineProbe, estimate_seconds

MIN_STEPS = 500  # below, hardly anything is learnt and every size looks the same
MOST_STEPS = 200_000
MEASUREMENTS = 5  # at least so many points on the loss curve
SMALLEST = {"n_embd": 32, "n_layer": 1, "block_size": 16, "batch_size": 4, "eval_iters": 10}


@dataclass(frozen=True)
class Plan:
    """A recipe that fits, and what had to change for it: field → (wished, fitting)."""

    preset: Preset
    seconds: float  # by the estimate
    changed: Mapping[str, tuple[Any, Any]]


def fit_to_time(preset: Preset, vocab_size: int, probe: MachineProbe, seconds: float) -> Plan:
    """The longest training of `preset` within `seconds`, made smaller until MIN_STEPS fit in."""
    smaller = preset
    while _steps(smaller, vocab_size, probe, seconds) < MIN_STEPS:
        change = _shrink(smaller)
        if not change:
            break
        smaller = smaller.with_settings(change)
    steps = max(1, _steps(smaller, vocab_size, probe, seconds))
    planned = _for_steps(smaller, steps)
    return Plan(planned, estimate_seconds(planned, vocab_size, probe), _changes(preset, planned))


def _steps(preset: Preset, vocab_size: int, probe: MachineProbe, seconds: float) -> int:
    """The largest number of steps within `seconds`, 0 when not even one is; two digits are kept."""
    low, high = 0, MOST_STEPS
    while low < high:  # the estimate grows with the steps
        middle = (low + high + 1) // 2
        if estimate_seconds(_for_steps(preset, middle), vocab_size, probe) <= seconds:
            low = middle
        else:
            high = middle - 1
    unit = 10 ** max(0, len(str(low)) - 2)
    return low // unit * unit


def _for_steps(preset: Preset, steps: int) -> Preset:
    """`preset` with so many steps, measured and warmed up in a way that suits them."""
    train = preset.train
    return preset.with_settings(
        {
            "max_steps": steps,
            "eval_interval": min(train.eval_interval, max(1, steps // MEASUREMENTS)),
            "warmup_steps": min(train.warmup_steps, steps // MEASUREMENTS),
        }
    )


def _shrink(preset: Preset) -> dict[str, Any]:
    """Halve what is furthest above its smallest useful value; {} when nothing is left to halve."""
    now = preset.model.to_dict() | preset.train.to_dict()
    name = max(SMALLEST, key=lambda field: now[field] / SMALLEST[field])
    if now[name] <= SMALLEST[name]:
        return {}
    half = max(now[name] // 2, SMALLEST[name])
    if name == "n_embd":  # every head keeps the same share
        half = max(1, half // preset.model.n_head) * preset.model.n_head
    return {name: half} if half < now[name] else {}


def _changes(before: Preset, after: Preset) -> dict[str, tuple[Any, Any]]:
    old = before.model.to_dict() | before.train.to_dict()
    new = after.model.to_dict() | after.train.to_dict()
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}
