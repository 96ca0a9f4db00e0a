"""Training on this machine: as many processes as there are slots, warm before they are needed.

A click costs one line down a pipe. One warm process is kept in reserve while there are free slots;
workers are used again after a clean end and replaced after any other. The truth about a run is in
its folder, guarded by its lock; this class only decides who starts next, so two executors on one
folder (two servers, a server and a script) share the work and cannot both train a run. It does not
retry: see the rules in `executors/__init__.py`. Leaves several machines to a cluster's executor.
"""

import atexit
import os
import threading
import time
from typing import Any

from explorer.runs import store
from explorer.runs.executors import Command
from explorer.runs.executors.process import WorkerProcess, how_it_ended
from explorer.runs.queue import RunQueue
from explorer.runs.store import Run, RunBusy, RunStore

CLOSE_WITHIN = 35.0  # seconds; a worker gives up by itself after 30
HANDED_AT_MOST = 2  # a run whose worker dies before it begins is handed to one more
STARTS_AT_MOST = 3  # workers that never get warm, in a row: something is broken
STRANGERS_EVERY = 1.0  # seconds between looks at runs that another process trains
LAST_WORDS = (store.FAILED, store.INTERRUPTED, store.SUSPENDED)  # after which a worker leaves

NO_WORKER = "The training process does not start; workers.log in the folder of the runs says why."


class LocalExecutor:
    """See `Executor`. One lock guards the queue and the list of workers; it is held for
    milliseconds (small files), never while training is waited for."""

    def __init__(
        self,
        runs: RunStore,
        slots: int | None = None,
        warm: int = 1,
        save_every: float | None = None,
    ) -> None:
        self.store = runs
        self.cores = available_cores()
        self.slots = slots or max(1, min(2, self.cores))
        self.warm = warm
        self.save_every = save_every
        self._lock = threading.RLock()
        self._queue = RunQueue()
        self._workers: list[WorkerProcess] = []
        self._handed: dict[str, int] = {}
        self._failed_starts = 0
        self._closing = threading.Event()
        self._fill()  # first of all: a process takes seconds to get warm
        strangers = self._recover()
        if strangers:
            threading.Thread(target=self._watch, args=(strangers,), daemon=True).start()
        atexit.register(self.close)

    # What pages call ----------------------------------------------------------------------------

    def submit(self, run_id: str) -> bool:
        return self._submit(self.store.get(run_id), "run")

    def command(self, run_id: str, command: Command) -> None:
        run = self.store.get(run_id)
        if command in ("continue", "step"):
            self._submit(run, "run" if command == "continue" else "step")
            return
        state = store.PAUSED if command == "pause" else store.STOPPED
        with self._lock:
            if run.recorded()["state"] not in (store.QUEUED, store.TRAINING):
                return
            run.control(command)
            self._queue.remove(run_id)
            try:  # not begun yet: it leaves the queue now; its worker, if it has one, declines
                with run.owned(wait=0.1):
                    if run.recorded()["state"] == store.QUEUED:
                        run.set_status(state=state, reason="", serial=run.asked()["serial"])
                        run.note(state)
            except RunBusy:
                pass  # being trained: its worker reads the command

    def position(self, run_id: str) -> int | None:
        with self._lock:
            if run_id in self.active():
                return 0
            return self._queue.position(run_id, self._learners())

    def active(self) -> list[str]:
        with self._lock:
            return [worker.run_id for worker in self._workers if worker.run_id is not None]

    def waiting(self) -> list[str]:
        with self._lock:
            return self._queue.order(self._learners())

    def close(self) -> None:
        atexit.unregister(self.close)
        self._closing.set()
        with self._lock:
            workers, self._workers = self._workers, []
        deadline = time.monotonic() + CLOSE_WITHIN
        for worker in workers:
            worker.dismiss()
        for worker in workers:
            worker.wait(deadline - time.monotonic())

    # Into the queue -----------------------------------------------------------------------------

    def _submit(self, run: Run, wish: str) -> bool:
        with self._lock:
            if run.id in self._queue:
                if wish == "step":
                    run.control(wish)
                return False
            try:
                with run.owned(wait=0.05):
                    state = run.recorded()["state"]
                    handed = state == store.QUEUED and run.id in self.active()
                    if state == store.FINISHED or handed:
                        return False
                    run.control(wish)
                    self._enqueue(run, state)
            except RunBusy:  # it trains; a pause that was asked for is taken back
                if wish == "step" or run.asked().get("command") != wish:
                    run.control(wish)
                return False
            self._dispatch()
            return True

    def _enqueue(self, run: Run, state: str) -> None:
        """Put a run, owned by the caller, into the queue and its folder's status."""
        self._handed.pop(run.id, None)
        self._failed_starts = 0
        if state != store.QUEUED:
            run.note(store.QUEUED)
        run.set_status(state=store.QUEUED, reason="")
        self._queue.push(run.id, run.spec().get("learner", ""))

    def _recover(self) -> list[Run]:
        """Take up what an earlier executor left -> the runs that another process trains."""
        strangers = []
        for run in self.store.list():
            state = run.recorded()["state"]
            if state in (store.QUEUED, store.SUSPENDED):
                self._take_up(run)
            elif state == store.TRAINING:
                try:
                    with run.owned():
                        self._settle(run, store.VANISHED)
                except RunBusy:
                    strangers.append(run)
        return strangers

    def _take_up(self, run: Run) -> None:
        """Queue a run that was left behind, with the command it had (perhaps a single step)."""
        with self._lock:
            try:
                with run.owned():
                    state = run.recorded()["state"]
                    if state in (store.QUEUED, store.SUSPENDED):
                        self._enqueue(run, state)
            except store.RunError:
                return  # busy, or a description that this program cannot read
            self._dispatch()

    def _watch(self, strangers: list[Run]) -> None:
        """Take over runs of another server when it suspends them, perhaps because it was killed."""
        while strangers and not self._closing.wait(STRANGERS_EVERY):
            for run in list(strangers):
                state = run.status()["state"]
                if state == store.SUSPENDED:
                    self._take_up(run)
                if state != store.TRAINING:
                    strangers.remove(run)

    # Out of the queue ---------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Hand waiting runs to workers as long as there are slots."""
        while len(self._queue) and not self._closing.is_set() and len(self.active()) < self.slots:
            self._fill()
            idle = [w for w in self._workers if w.run_id is None and not w.retired]
            if not idle:
                return
            worker = max(idle, key=lambda w: w.ready)
            run_id = self._queue.pop(self._learners())
            assert run_id is not None, "the queue was not empty"
            self._hand(worker, run_id)
        self._fill()

    def _hand(self, worker: WorkerProcess, run_id: str) -> None:
        run = Run(self.store.root / run_id)
        spec = run.spec()
        worker.run_id, worker.learner = run_id, spec.get("learner", "")
        self._handed[run_id] = self._handed.get(run_id, 0) + 1
        worker.threads = self._share()
        more = {} if self.save_every is None else {"save_every": self.save_every}
        worker.send(run=str(run.folder), threads=worker.threads, **more)
        # A worker that cannot be reached has died: its exit is on its way and settles the run.
        self._share_cores()

    def _share(self) -> int:
        return max(1, self.cores // max(1, len(self.active())))

    def _share_cores(self) -> None:
        """Tell the workers how many threads each may use, now that their number has changed."""
        for worker in self._workers:
            if worker.run_id is not None and worker.threads != self._share():
                worker.threads = self._share()
                worker.send(threads=worker.threads)

    def _learners(self) -> list[str]:
        return [w.learner or w.run_id for w in self._workers if w.run_id is not None]

    # Workers ------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start workers: one for every run that has or may get a slot, and the warm reserve."""
        with self._lock:
            wanted = min(self.slots, len(self.active()) + max(self.warm, len(self._queue)))
            broken = self._failed_starts >= STARTS_AT_MOST
            if broken or self._closing.is_set():
                return
            while sum(not worker.retired for worker in self._workers) < wanted:
                log = self.store.root / "workers.log"
                self._workers.append(WorkerProcess(log, self._on_message, self._on_exit))

    def _on_message(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        with self._lock:
            if message.get("ready"):
                worker.ready = True
                self._failed_starts = 0
            elif "done" in message and message["done"] == worker.run_id:
                self._release(worker, message)
                self._dispatch()

    def _release(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        """A worker has ended its run and is free."""
        run = Run(self.store.root / message["done"])
        worker.run_id = None
        worker.retired = message["state"] in LAST_WORDS
        self._handed.pop(run.id, None)
        self._share_cores()
        try:
            with run.owned():
                if run.recorded()["state"] == store.TRAINING:  # it could not even write its end
                    run.set_status(state=message["state"], reason=message["reason"], pid=None)
        except (OSError, RunBusy):
            return
        asked = run.asked()  # a click on "continue" while the run was being paused
        unheard = asked.get("serial", 0) > run.recorded().get("serial", 0)
        again = message["state"] in (store.PAUSED, store.STOPPED)
        if again and unheard and asked["command"] in ("run", "step"):
            self._submit(run, asked["command"])

    def _on_exit(self, worker: WorkerProcess, code: int) -> None:
        if worker.run_id is not None:
            self._settle_after(worker.run_id, code)
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
            self._failed_starts += not worker.ready and not self._closing.is_set()
            if self._failed_starts >= STARTS_AT_MOST:
                self._give_up()
            self._share_cores()
            self._dispatch()

    def _settle_after(self, run_id: str, code: int) -> None:
        """Say in the folder what became of a run whose process is gone."""
        run = Run(self.store.root / run_id)
        try:
            with self._lock, run.owned(wait=0.2):
                state = run.recorded()["state"]
                if state == store.QUEUED and self._handed.get(run_id, 0) < HANDED_AT_MOST:
                    self._queue.push(run_id, run.spec().get("learner", ""), first=True)
                elif state in (store.QUEUED, store.TRAINING):
                    self._settle(run, how_it_ended(code))
        except (OSError, store.RunError):
            pass  # somebody else owns it, or the disk is full: status() still tells the truth

    @staticmethod
    def _settle(run: Run, reason: str) -> None:
        """Mark an owned run as interrupted, once."""
        run.note(store.INTERRUPTED, reason, step=run.recorded()["step"])
        run.set_status(state=store.INTERRUPTED, reason=reason, pid=None)

    def _give_up(self) -> None:
        """No worker gets warm: tell every waiting run instead of trying for ever."""
        for run_id in self.waiting():
            self._queue.remove(run_id)
            run = Run(self.store.root / run_id)
            try:
                with run.owned(wait=0.2):
                    run.note(store.FAILED, NO_WORKER)
                    run.set_status(state=store.FAILED, reason=NO_WORKER)
            except (OSError, store.RunError):
                continue


def available_cores() -> int:
    """The CPU cores this process may use (fewer than the machine's in a container)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
