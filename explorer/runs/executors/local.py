"""Training on this machine: as many processes as there are slots, warm before they are needed."""

from explorer.runs.executors import gpus
from explorer.runs.executors.executor import RunExecutor
from explorer.runs.executors.pool import Pool
from explorer.runs.executors.process import WorkerProcess
from explorer.runs.store import RunStore


class LocalExecutor(RunExecutor):
    """`slots` processes at most (None: see `default_slots`), `warm` of them in reserve."""

    def __init__(
        self,
        runs: RunStore,
        slots: int | None = None,
        warm: int = 1,
        save_every: float | None = None,
        turn: float | None = None,
    ) -> None:
        self._log, self._gpus = runs.root / "workers.log", gpus.find()
        self._shared = turn is not None  # by learners: then each keeps to its share of memory
        pool = Pool(slots, warm, self._start, self._gpus)
        super().__init__(runs, pool, save_every, turn)

    def _start(self) -> WorkerProcess:
        """A process on the graphics processor that has least to do, if there is one."""
        used = [one.gpu for one in self.pool.workers if isinstance(one, WorkerProcess)]
        gpu = gpus.least_used(self._gpus, used)
        shares = gpus.shares(self._gpus, self.pool.slots) if self._shared else {}
        share = shares.get(gpu, 0.0)
        return WorkerProcess(self._log, self._on_message, self._on_exit, gpu, share)
