"""The worker processes of one machine: how many, who is free, how the cores are shared.

Knows processes and run ids, but nothing of run folders and queues. Not locked: its executor calls
it under its own lock.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.runs import store
from explorer.runs.executors.process import WorkerProcess

CLOSE_WITHIN = 35.0  # seconds; a worker gives up by itself after 30
STARTS_AT_MOST = 3  # workers that never get warm, in a row: something is broken
LAST_WORDS = (store.FAILED, store.INTERRUPTED, store.SUSPENDED)  # after which a worker leaves


class Pool:
    """At most `slots` workers, `warm` of them (or all that are left) in reserve for a click."""

    def __init__(
        self,
        slots: int | None,
        warm: int,
        log: Path,
        on_message: Callable[[WorkerProcess, dict[str, Any]], None],
        on_exit: Callable[[WorkerProcess, int], None],
    ) -> None:
        self.cores = available_cores()
        self.slots = slots or max(1, min(2, self.cores))
        self.warm = warm
        self.workers: list[WorkerProcess] = []
        self.failed_starts = 0
        self.closed = False
        self._start = lambda: WorkerProcess(log, on_message, on_exit)

    def active(self) -> list[str]:
        """The runs that workers have been given."""
        return [worker.run_id for worker in self.workers if worker.run_id is not None]

    def learners(self) -> list[str]:
        """Who holds a slot; a run that names nobody stands for itself."""
        return [w.learner or w.run_id for w in self.workers if w.run_id is not None]

    def is_broken(self) -> bool:
        """Whether it makes no sense to start yet another worker."""
        return self.failed_starts >= STARTS_AT_MOST

    def fill(self, waiting: int) -> None:
        """Start workers for `waiting` runs as far as there are slots, and the reserve."""
        wanted = min(self.slots, len(self.active()) + max(self.warm, waiting))
        if self.closed or self.is_broken():
            return
        while sum(not worker.retired for worker in self.workers) < wanted:
            self.workers.append(self._start())

    def free(self) -> WorkerProcess | None:
        """A worker without a run, a warm one if there is; None when no slot is free."""
        idle = [w for w in self.workers if w.run_id is None and not w.retired]
        if self.closed or not idle or len(self.active()) >= self.slots:
            return None
        return max(idle, key=lambda worker: worker.ready)

    def give(self, worker: WorkerProcess, run_id: str, learner: str, **message: Any) -> None:
        """Hand a run over. A worker that cannot be reached has died: its exit is on its way."""
        worker.run_id, worker.learner = run_id, learner
        worker.threads = self._share()
        worker.send(threads=worker.threads, **message)
        self.share_cores()

    def release(self, worker: WorkerProcess, state: str) -> None:
        """A worker has ended its run in `state`."""
        worker.run_id = None
        worker.retired = state in LAST_WORDS
        self.share_cores()

    def forget(self, worker: WorkerProcess) -> None:
        """A worker's process has ended."""
        if worker in self.workers:
            self.workers.remove(worker)
        self.failed_starts += not worker.ready and not self.closed
        self.share_cores()

    def share_cores(self) -> None:
        """Tell the workers how many threads each may use, now that their number has changed."""
        for worker in self.workers:
            if worker.run_id is not None and worker.threads != self._share():
                worker.threads = self._share()
                worker.send(threads=worker.threads)

    def _share(self) -> int:
        return max(1, self.cores // max(1, len(self.active())))

    def close(self) -> list[WorkerProcess]:
        """Start no more, and tell all workers to leave -> those to `wait` for, without the lock."""
        self.closed = True
        leaving, self.workers = self.workers, []
        for worker in leaving:
            worker.dismiss()
        return leaving

    @staticmethod
    def wait(leaving: list[WorkerProcess]) -> None:
        """Wait until these processes are gone; the last resort is to kill them."""
        deadline = time.monotonic() + CLOSE_WITHIN
        for worker in leaving:
            worker.wait(deadline - time.monotonic())


def available_cores() -> int:
    """The CPU cores this process may use (fewer than the machine's in a container)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
