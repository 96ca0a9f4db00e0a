"""What a training run tells while it goes on. `step` counts the optimizer updates done so far.

Losses are nats per token, times are seconds. All events but `Snapshot` are plain data.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class TrainState:
    """Everything that is needed to go on exactly: tensors by name, and plain JSON values."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]


@dataclass(frozen=True)
class StepStats:
    """One optimizer update: the loss of its batch before the update, and how it went."""

    step: int
    loss: float
    learning_rate: float
    grad_norm: float  # length of the whole gradient, before clipping
    tokens_per_second: float
    seconds: float  # training time so far, without evaluations


@dataclass(frozen=True)
class Evaluating:
    """An evaluation in progress: `done` of `total` chunks. For progress bars, not worth storing."""

    step: int
    done: int
    total: int


@dataclass(frozen=True)
class Evaluation:
    """Both losses, estimated over `eval_iters` batches of each split.

    Where the text is a toy task, also the share of `problems` held-out problems that are answered
    rightly: always the same ones (see gpt/problems.py).
    """

    step: int
    train_loss: float
    val_loss: float
    seconds: float
    exact_match: float | None = None
    problems: int = 0


@dataclass(frozen=True)
class Sample:
    """What the model writes after `prompt` at this step, always with the same random draws."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True)
class Snapshot:
    """A moment worth keeping. Valid until the next event is asked for; copy or save it before.

    `best` says that the validation loss has never been lower, `asked` that the caller asked for
    this one with `send("snapshot")`.
    """

    step: int
    best: bool
    val_loss: float | None
    weights: Callable[[], dict[str, Tensor]] = field(repr=False, compare=False)
    state: Callable[[], TrainState] = field(repr=False, compare=False)
    asked: bool = False


@dataclass(frozen=True)
class Finished:
    """The end. `reason` is "completed", "early_stop" or "diverged"; `message` says it in words."""

    step: int
    reason: str
    message: str
    train_loss: float | None
    val_loss: float | None
    best_step: int | None
    best_val_loss: float | None
    seconds: float


Event = StepStats | Evaluating | Evaluation | Sample | Snapshot | Finished
