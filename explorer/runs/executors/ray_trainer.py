"""The Trainer: one process in a Ray cluster, which trains one run after another.

It unpacks a run into a temporary folder of its machine, trains it there with the same `job.work` as
a process of the server's machine, and tells several times a second what is new in the folder.
"""

import os
import queue
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from explorer.runs import files, mirror
from explorer.runs.run import Run

FLUSH_EVERY = 0.2  # seconds between two looks of a Trainer at what is new
FLUSH_FIRST = 0.03  # the same in the first second, so that whoever watches sees life
PREFIX = "explorer-run-"  # of a Trainer's temporary folder


class Trainer:
    """One process in the cluster. `tell` may be called while `work` runs (a concurrency group)."""

    def __init__(self, threads: int = 1, memory_share: float = 0.0) -> None:
        self.threads, self.memory_share = threads, memory_share
        self.signals: Any = None  # job.Signals, when torch is there
        self.folder: Path | None = None  # of the run that is being trained
        self.parcel = ""  # its number
        self.control: dict[str, Any] = {}  # the last command, perhaps for a run that is to come
        self.leaving = False

    def warm(self) -> int:
        """Load all that the first step would wait for -> the process's number."""
        from explorer.runs import job, worker

        _sweep()
        worker.warm_up(self.memory_share)
        self.signals = job.Signals(threads=self.threads, leaving=self.leaving)
        return os.getpid()

    def tell(self, order: dict[str, Any]) -> None:
        """A command for the run that is being trained, or the wish to leave."""
        if "leave" in order:
            self.leaving = True
            if self.signals is not None:
                self.signals.leaving = True
            return
        self.control = order
        if self.folder is not None and order["parcel"] == self.parcel:
            files.write_bytes(self.folder / "control.json", order["control"])

    def probe(self) -> bytes:
        """How fast this machine trains, as machine.json holds it."""
        from explorer.runs import worker

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "machine.json"
            worker.measure(path)
            return path.read_bytes()

    def work(self, parcel: dict[str, Any], options: dict[str, Any]) -> Any:
        """Train a packed run and yield what is new, at last {"done": id, "state", "reason"}."""
        root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        try:
            run = mirror.unpack(parcel, root)
            self.folder, self.parcel = run.folder, parcel["number"]
            if self.control:
                self.tell(self.control)
            yield from self._work(run, options)
        finally:
            self.folder = None
            shutil.rmtree(root, ignore_errors=True)

    def _work(self, run: Run, options: dict[str, Any]) -> Any:
        from explorer.runs import job

        ended: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        watch = mirror.Watch(run.folder)

        def train() -> None:
            ended.put(job.work(run, self.signals, **options))

        threading.Thread(target=train, daemon=True).start()
        began, result = time.monotonic(), None
        while result is None:
            early = time.monotonic() - began < 1
            with suppress(queue.Empty):
                result = ended.get(timeout=FLUSH_FIRST if early else FLUSH_EVERY)
            if news := watch.look():
                yield news
        yield {"done": run.id, "state": result[0], "reason": result[1]}


def _sweep() -> None:
    """Remove the folders of Trainers that were killed on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists() and Path("/proc").exists():
            shutil.rmtree(folder, ignore_errors=True)
