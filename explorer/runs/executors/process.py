"""A worker process as its executor sees it: a pipe in, answers out, and how it ended in words.

The pipe is the lifeline: when this program ends, in whatever way, the system closes it and the
worker saves its run and leaves. No fork, no shared memory: the same on every system.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from explorer.runs.executors.gpus import SHARE, VISIBLE

PROJECT = Path(__file__).resolve().parents[3]
WORKER = [sys.executable, "-m", "explorer.runs.worker"]
# Threads that wait for each other should spin only briefly (read when torch is imported): with one
# other busy program on two cores, the default took gpt_mini from 16 to 128 ms a step, this to 67.
# Alone it costs nothing; a fifth of it (36 ms beside the busy program) takes 30 ms alone.
WAITING = {"GOMP_SPINCOUNT": "5000"}
LOG_LIMIT = 1_000_000  # bytes; a longer log of an earlier day is started afresh


class WorkerProcess:
    """One `python -m explorer.runs.worker`. Callbacks come from a thread of its own."""

    def __init__(
        self,
        log: Path,
        on_message: Callable[["WorkerProcess", dict[str, Any]], None],
        on_exit: Callable[["WorkerProcess", str], None],
        gpu: str = "",
        share: float = 0.0,
    ) -> None:
        """gpu: the only graphics processor that it may use; "": as this process. share: of that
        one's memory; see `gpus.limit_memory`."""
        self.ready = False
        self.run_id: str | None = None  # the run it has been given
        self.learner, self.since = "", 0.0
        self.threads = 0
        self.retired = False  # has announced that it leaves
        self._on_message, self._on_exit = on_message, on_exit
        self.gpu = gpu
        self._process = _start(log, {VISIBLE: gpu, SHARE: str(share)} if gpu else {})
        try:
            threading.Thread(target=self._listen, daemon=True).start()
        except RuntimeError:  # no thread is left: a process that nobody hears is none
            self._process.kill()
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def never_started(self) -> bool:
        return not self.ready

    def send(self, **message: Any) -> bool:
        """Pass a message -> whether the process could still be reached."""
        pipe = self._process.stdin
        assert pipe is not None, "the process was started with a pipe"
        try:
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except (OSError, ValueError):
            return False
        return True

    def dismiss(self) -> None:
        """Close the pipe: the process saves what it does and leaves."""
        with suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait for the end; after `seconds` the process is killed (its run loses little)."""
        try:
            self._process.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=5)

    def _listen(self) -> None:
        assert self._process.stdout is not None, "the process was started with a pipe"
        with self._process.stdout as answers:
            for line in answers:
                with suppress(ValueError):
                    self._on_message(self, json.loads(line))
        code = self._process.wait()
        self.dismiss()
        self._on_exit(self, how_it_ended(code))


def _start(log: Path, more: dict[str, str]) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    fresh = not log.exists() or log.stat().st_size > LOG_LIMIT
    paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    flags |= getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    with open(log, "wb" if fresh else "ab") as errors:
        return subprocess.Popen(
            WORKER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=WAITING | os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | more,
            creationflags=flags,
        )


def how_it_ended(code: int) -> str:
    """A process's exit code as a sentence for a person.

    >>> how_it_ended(-9)
    'The process was killed (perhaps out of memory).'
    """
    if code == -9:
        return "The process was killed (perhaps out of memory)."
    if code < 0:
        names = {s.value: s.name for s in signal.Signals}
        return f"The process was ended by signal {-code} ({names.get(-code, 'unknown')})."
    return f"The process ended unexpectedly (exit code {code}); worker.log may say more."
