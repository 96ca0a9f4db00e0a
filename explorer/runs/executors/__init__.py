"""Who trains where: one small protocol, so that a page does not know what stands behind it.

    executor.py  queue, hand over, steer, take up again: the same for all
    local.py     workers are processes of this machine    pool.py  how many, who is free
    ray.py       workers are actors of a Ray cluster      choice.py  which of the two

Every executor works on run folders: what it did can be read there, and its end loses nothing. Three
rules hold for all of them. A second `submit` of a run that waits or trains changes nothing. A run
whose worker dies (killed, out of memory, a lost node) is queued again by itself and goes on from
its last saved state, see `retry.py`; a pause or stop that was asked for meanwhile is obeyed. A
run's own error makes it "failed", and is never tried again.
"""

from typing import Literal, Protocol

Command = Literal["pause", "continue", "step", "stop"]


class Executor(Protocol):
    """All calls return at once and may come from any thread."""

    def submit(self, run_id: str) -> bool:
        """Train a run, now or when its turn comes; goes on where it was left.

        False when there is nothing to do: it waits or trains already, or is finished. Raises
        RunError when there is no such run.
        """

    def command(self, run_id: str, command: Command, why: str = "") -> None:
        """Steer a run; each command is fine in every state. "step" makes one update and pauses.
        why: a sentence for its owner, where somebody else pauses or stops it."""

    def position(self, run_id: str) -> int | None:
        """0 while it has a slot, 1 for the next in the queue, None when it does not wait here."""

    def active(self) -> list[str]:
        """The runs that have a slot now."""

    def waiting(self) -> list[str]:
        """The runs that wait, next one first."""

    @property
    def slots(self) -> int:
        """How many runs can train at once."""

    @property
    def turn(self) -> float | None:
        """Seconds after which a run gives way to another learner's that waits; None: never."""

    def turn_left(self, run_id: str) -> float:
        """Seconds until the turn of a run that has a slot is over; ∞ where there are no turns."""

    @property
    def trouble(self) -> str:
        """Why nothing can train at the moment, as a sentence; empty while it can."""

    def close(self) -> None:
        """Save and suspend what trains, and leave nothing behind. The next executor goes on."""
