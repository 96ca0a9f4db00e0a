"""Training in a Ray cluster: the same executor over workers that run on other machines.

    ray.py          this file: executor and pool       CLUSTER.md      how to set one up
    ray_line.py     the server's thread to it          ray_worker.py   a worker, seen from here
    ray_session.py  the connection                     ray_door.py     why it cannot be made
    ray_desk.py     in the cluster: orders and news    ray_trainer.py  in the cluster: trains
    ../mirror.py    a run folder in two places

Set up by EXPLORER_EXECUTOR=ray://head:10001. How many runs train at once follows from the cluster's
machines: a share of a GPU each as soon as there is one, else cores.
"""

import os
import time

from explorer.runs.executors.executor import RunExecutor
from explorer.runs.executors.pool import Pool, Worker
from explorer.runs.executors.ray_line import Line
from explorer.runs.executors.ray_worker import RayWorker, worker_of
from explorer.runs.run import Run, RunError
from explorer.runs.store import RunStore

GPU_SHARE, CORES = "EXPLORER_RAY_GPU_SHARE", "EXPLORER_RAY_CORES"


class RayExecutor(RunExecutor):
    """`address` is ray://HOST:PORT, or "local" for a cluster inside this machine; `slots` at most,
    however large it is."""

    def __init__(
        self,
        runs: RunStore,
        address: str,
        slots: int | None = None,
        warm: int = 1,
        save_every: float | None = None,
        turn: float | None = None,
    ) -> None:
        self._slots_at_most = slots
        needed = needs()
        self.line = line = Line(address, needed, self._on_message, self._on_exit, self._on_slots)
        super().__init__(runs, RayPool(line, warm, int(max(1, needed["cpu"]))), save_every, turn)
        line.start()

    @property
    def trouble(self) -> str:
        return self.line.trouble

    def _on_slots(self, slots: int) -> None:
        self.pool.slots = min(slots, self._slots_at_most or slots)
        self.look_again()


class RayPool(Pool):
    """Workers in the cluster. It has no slots until the cluster has answered."""

    def __init__(self, line: Line, warm: int, threads: int) -> None:
        super().__init__(slots=0, warm=warm, start=self._start_worker)
        self.line = line
        self._threads = threads

    def _start_worker(self) -> RayWorker:
        worker = RayWorker(self.line.post)
        worker.send(start=True)
        return worker

    def adopt(self, run: Run) -> bool:
        """Follow a run that a worker of an earlier server still trains."""
        name = worker_of(run)
        if name is None:
            return False
        worker = RayWorker(self.line.post, name)
        worker.ready, worker.run_id, worker.threads = True, run.id, self._threads
        worker.learner = run.spec().get("learner", "")
        worker.since = time.monotonic()  # its turn begins anew: when it began, nobody knows
        self.workers.append(worker)
        worker.send(adopt=str(run.folder))
        return True

    def share(self) -> int:
        return self._threads

    def wait(self, leaving: list[Worker]) -> None:
        if not self.line.trouble:
            super().wait(leaving)
        self.line.close()


def needs() -> dict[str, float]:
    """What one run takes of a machine; raises RunError for a setting that is no such number."""
    return {"gpu": _setting(GPU_SHARE, 0.25), "cpu": _setting(CORES, 1.0)}


def _setting(name: str, default: float) -> float:
    """A positive number from the environment."""
    given = os.environ.get(name, "")
    try:
        value = float(given or default)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1024:
        raise RunError(f"{name} is {given[:40]!r}: set it to a number from 0.01 to 1024.")
    return value
