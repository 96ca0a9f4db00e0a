"""What became of the runs since the last look: begun, finished, failed, interrupted, …

Looks from outside, at the small status files alone, so it is the same for every executor, and sees
what a worker, another server or a crash left. Each look costs one listing of the folder and one
small file for each run that is not at rest. A state that lasted less than the time between two
looks is not seen, as a pause of a moment; how a new run ended always is.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from explorer.runs import states
from explorer.runs.run import Run, RunError
from explorer.runs.store import RunStore

RESTLESS = (states.CREATED, states.QUEUED, states.TRAINING, states.SUSPENDED)


@dataclass(frozen=True)
class Change:
    """A run that is in another state than at the last look. learner: the id of its workspace."""

    run: str
    learner: str
    state: str
    reason: str
    step: int


class RunWatch:
    """Follows all runs below one folder. One thread looks; any may ask what it saw."""

    def __init__(self, runs: RunStore) -> None:
        self.store = runs
        self.restless: dict[str, dict[str, Any]] = {}  # run id → its status
        self._seen: set[str] | None = None  # None before the first look

    def look(self, busy: Iterable[str] = ()) -> list[Change]:
        """The changes since the last look; the first one learns how things are, and tells which
        runs are not what their folder says: those that died with the program before this one.

        busy: the runs that an executor trains or lets wait, so that an old one which goes on is
        seen at once.
        """
        names, busy = set(self.store.names()), set(busy)
        first, seen = self._seen is None, self._seen or set()
        self._seen = names
        found = []
        for run_id in sorted({*self.restless, *(names - seen), *busy} & names):
            run = Run(self.store.root / run_id)
            status = run.status()
            before = run.recorded() if first else self.restless.get(run_id, {})
            if status["state"] != before.get("state"):
                found.append(_change(run, status))
            self.restless[run_id] = status
            if status["state"] not in RESTLESS and run_id not in busy:
                del self.restless[run_id]
        for gone in self.restless.keys() - names:
            del self.restless[gone]
        return found

    def in_state(self, *states: str) -> list[str]:
        """The runs that were in one of these states at the last look."""
        return [i for i, status in self._latest() if status["state"] in states]

    def oldest_wait(self, now: float | None = None) -> float:
        """Seconds since the run that waits longest was put into the queue; 0 when none waits."""
        now = time.time() if now is None else now
        queued = [status for _, status in self._latest() if status["state"] == states.QUEUED]
        since = [seconds_of(status.get("updated")) for status in queued]
        return max([0.0, *(now - at for at in since if at is not None)])

    def _latest(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self.restless.items())  # one step: the looking thread may change it


def _change(run: Run, status: dict[str, Any]) -> Change:
    try:
        learner = str(run.spec().get("learner") or "")
    except RunError:
        learner = ""
    reason = str(status.get("reason") or "")
    return Change(run.id, learner, status["state"], reason, int(status.get("step") or 0))


def seconds_of(moment: object) -> float | None:
    """ISO text as seconds since 1970; None when it is none.

    >>> seconds_of("1970-01-01T00:01:00+00:00")
    60.0
    """
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return None
