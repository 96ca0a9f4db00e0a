"""How long a run may keep its slot while others wait for one.

A learner who presses Train and leaves would hold a slot for hours. So a run that has trained for a
whole turn is saved and goes to the end of the queue, if somebody else waits; it loses the second
that saving takes, and goes on by itself. Nobody waits: it stays.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path

from explorer.runs.executors.pool import Pool
from explorer.runs.run import Run


class Turns:
    """Whose turn is over. seconds: of a turn; None: runs keep their slots."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.ended: dict[str, int] = {}  # run id -> serial of the command that ended its turn

    def over(self, pool: Pool, queued: Mapping[str, str], root: Path) -> list[Run]:
        """The runs in `root` that give way now: as many as other learners wait for a slot, the one
        that has trained longest first. queued: run id -> learner, of those who wait."""
        if self.seconds is None or len(pool.active()) < pool.slots:
            return []
        now = time.monotonic()
        held = [w for w in pool.workers if w.run_id and now - w.since >= self.seconds]
        found: list[Run] = []
        for worker in sorted(held, key=lambda worker: worker.since):
            run = Run(root / str(worker.run_id))
            if run.asked().get("command", "run") != "run":
                continue  # it is about to halt already, for us or for its owner
            own = worker.learner or worker.run_id
            others = sum(learner != own for learner in queued.values())
            if others > len(found):
                found.append(run)
        return found

    def end(self, run: Run) -> None:
        """Let a run save and give way."""
        self.ended[run.id] = run.control("pause")

    def left(self, pool: Pool, run_id: str) -> float:
        """Seconds until the turn of a run ends that holds a slot; ∞ where there are no turns."""
        held = (w.since for w in pool.workers if w.run_id == run_id)
        if self.seconds is None:
            return math.inf
        return max(0.0, self.seconds - (time.monotonic() - next(held, time.monotonic())))

    def ended_by_us(self, run: Run) -> bool:
        """Whether a pause was the end of a turn, and nobody has asked for anything since."""
        serial = self.ended.pop(run.id, None)
        return serial is not None and run.asked().get("serial") == serial
