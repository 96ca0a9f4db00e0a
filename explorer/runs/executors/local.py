"""Training on this machine: as many processes as there are slots, warm before they are needed."""

from explorer.runs.executors.executor import RunExecutor
from explorer.runs.executors.pool import Pool
from explorer.runs.executors.process import WorkerProcess
from explorer.runs.store import RunStore


class LocalExecutor(RunExecutor):
    """`slots` processes at most (None: two, or what the cores allow), `warm` of them in reserve."""

    def __init__(
        self,
        runs: RunStore,
        slots: int | None = None,
        warm: int = 1,
        save_every: float | None = None,
        turn: float | None = None,
    ) -> None:
        log = runs.root / "workers.log"
        start = lambda: WorkerProcess(log, self._on_message, self._on_exit)  # noqa: E731
        super().__init__(runs, Pool(slots, warm, start), save_every, turn)
