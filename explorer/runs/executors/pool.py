"""The workers of one executor: how many, who is free, how the cores are shared.

Knows workers and run ids, but nothing of run folders and queues. What a worker is, a process of
this machine or an actor in a cluster, is its executor's matter. Not locked: its executor calls it
under its own lock.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import psutil

import gpt
from explorer.runs import states
from explorer.runs.run import Run, RunError

CLOSE_WITHIN = 35.0  # seconds; a worker gives up by itself after 30
STARTS_AT_MOST = 3  # workers that never get warm, in a row: something is broken
# A worker that trains gpt_mini holds up to 330 MB (measured), torch included; larger models more.
WORKER_MEMORY = 600_000_000
GPU_WORKER_MEMORY = 2_500_000_000  # CUDA's libraries take most of it
CORES_PER_SLOT = 4  # a machine of 8 has 2 slots, one of 64 has 16
MOST_SLOTS = 256
LAST_WORDS = (states.FAILED, states.INTERRUPTED, states.SUSPENDED)  # after which a worker leaves


class Worker(Protocol):
    """What trains one run at a time. It answers its executor from a thread of its own, with
    `on_message(worker, {"ready": True})`, `on_message(worker, {"done": run id, "state": ...,
    "reason": ...})` and at last `on_exit(worker, reason)`."""

    ready: bool
    run_id: str | None  # the run it has been given
    learner: str
    since: float  # when, by the monotonic clock
    threads: int
    retired: bool  # has announced that it leaves

    @property
    def never_started(self) -> bool:
        """Whether it ended before it was warm, and through no fault of others."""

    def send(self, **message: Any) -> bool:
        """Pass a message (see worker.py) -> whether the worker could still be reached."""

    def dismiss(self) -> None:
        """Let it save what it does and leave."""

    def wait(self, seconds: float) -> None:
        """Wait for its end; after `seconds` it is killed."""


class Pool:
    """At most `slots` workers, `warm` of them (or all that are left) in reserve for a click."""

    def __init__(
        self,
        slots: int | None,
        warm: int,
        start: Callable[[], Worker],
        gpus: Mapping[str, int] | None = None,
    ) -> None:
        self.cores = gpt.available_cores()
        self.slots = default_slots(self.cores, gpus) if slots is None else slots
        self.warm = warm
        self.workers: list[Worker] = []
        self.failed_starts = 0
        self.no_start = ""  # why a worker that is wanted cannot be started; it is tried again
        self.closed = False
        self._start = start

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
        """Start workers for `waiting` runs as far as there are slots, and the reserve; what cannot
        be started now is left for the next time."""
        self.no_start = ""
        self._shrink()
        wanted = min(self.slots, len(self.active()) + max(self.warm, waiting))
        if self.closed or self.is_broken():
            return
        while sum(not worker.retired for worker in self.workers) < wanted:
            try:
                self.workers.append(self._start())
            except (OSError, RuntimeError) as error:  # no memory, handle or thread is left for it
                self.no_start = getattr(error, "strerror", None) or str(error)  # without paths
                return

    def _shrink(self) -> None:
        """Slots can go, with a machine of a cluster: the idle make room for who has a run."""
        live = [worker for worker in self.workers if not worker.retired]
        idle = [worker for worker in live if worker.run_id is None]
        for worker in idle[: max(0, len(live) - self.slots)]:
            worker.retired = True
            worker.dismiss()

    def adopt(self, run: Run) -> bool:
        """Take back a run that a worker of an earlier executor still trains -> whether there is
        such a worker. A process of this machine never outlives its executor."""
        return False

    def free(self) -> Worker | None:
        """A worker without a run, a warm one if there is; None when no slot is free."""
        idle = [w for w in self.workers if w.run_id is None and not w.retired]
        if self.closed or not idle or len(self.active()) >= self.slots:
            return None
        return max(idle, key=lambda worker: worker.ready)

    def give(self, worker: Worker, run_id: str, learner: str, **message: Any) -> None:
        """Hand a run over. A worker that cannot be reached has died: its exit is on its way."""
        worker.run_id, worker.learner = run_id, learner
        worker.since = time.monotonic()
        worker.threads = self.share()
        worker.send(threads=worker.threads, **message)
        self.share_cores()

    def release(self, worker: Worker, state: str) -> None:
        """A worker has ended its run in `state`."""
        worker.run_id = None
        worker.retired = state in LAST_WORDS
        self.share_cores()

    def forget(self, worker: Worker) -> None:
        """A worker has ended."""
        if worker in self.workers:
            self.workers.remove(worker)
        self.failed_starts += worker.never_started and not self.closed
        self.share_cores()

    def share_cores(self) -> None:
        """Tell the workers how many threads each may use, now that their number has changed."""
        for worker in self.workers:
            if worker.run_id is not None and worker.threads != self.share():
                worker.threads = self.share()
                worker.send(threads=worker.threads)

    def share(self) -> int:
        """The threads that each run may use now."""
        return max(1, self.cores // max(1, len(self.active())))

    def close(self) -> list[Worker]:
        """Start no more, and tell all workers to leave -> those to `wait` for, without the lock."""
        self.closed = True
        leaving, self.workers = self.workers, []
        for worker in leaving:
            worker.dismiss()
        return leaving

    def wait(self, leaving: list[Worker]) -> None:
        """Wait until these workers are gone; the last resort is to kill them."""
        deadline = time.monotonic() + CLOSE_WITHIN
        for worker in leaving:
            worker.wait(deadline - time.monotonic())


def default_slots(cores: int, gpus: Mapping[str, int] | None = None) -> int:
    """How many runs train at once: EXPLORER_SLOTS, else two, or one for every CORES_PER_SLOT cores
    where that is more; with graphics processors as many as have room there. Never more than cores
    or free memory allow: each would only be slower. gpus: as `gpus.find` makes it."""
    with contextlib.suppress(RunError):
        if told := told_slots():
            return told
    most = sum(gpus.values()) if gpus else max(2, cores // CORES_PER_SLOT)
    room = psutil.virtual_memory().available // (GPU_WORKER_MEMORY if gpus else WORKER_MEMORY)
    return int(max(1, min(most, cores, room)))


def told_slots() -> int | None:
    """EXPLORER_SLOTS, None when it is not set; raises RunError."""
    told = os.environ.get("EXPLORER_SLOTS", "").strip()
    if not told:
        return None
    if not (told.isdecimal() and len(told) < 10 and 1 <= int(told) <= MOST_SLOTS):
        raise RunError(
            f"EXPLORER_SLOTS is a whole number from 1 to {MOST_SLOTS}, got {told[:40]!r}: as many"
            " runs train at once as this machine has room for."
        )
    return int(told)
