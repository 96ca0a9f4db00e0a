"""A worker in the cluster as the server sees it, and the run in its hands.

Executor and pool know a `pool.Worker`: they read what it does and send it messages, which wait for
the line to the cluster. All else is the line's own, called in its thread alone: while a run trains
in the cluster its worker here holds the run's lock, and `remote.json` in the run's folder says
which worker it is, for the next server.
"""

import contextlib
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.runs import files, mirror
from explorer.runs.run import Run

OWNER_WAIT = 0.5  # seconds; who only looks at a run holds its lock for milliseconds
NOTE = "remote.json"


class RayWorker:
    """`post` passes its messages to the line; `name` is that of a worker that exists already."""

    def __init__(self, post: Callable[["RayWorker", dict[str, Any]], None], name: str = "") -> None:
        self.ready = False
        self.run_id: str | None = None
        self.learner, self.since = "", 0.0
        self.threads = 0
        self.retired = False
        self.never_started = False
        self.gone = threading.Event()
        self._post = post
        # Below: the line's own.
        self.name = name or uuid.uuid4().hex
        self.seen = 0  # the last message that was taken
        self.run: Run | None = None  # while it is owned
        self.probe_path = Path()
        self.base = 0  # where the run's events began when it was handed over
        self.parcel = ""  # which handing over this is
        self._asked: Any = None  # the command that was passed on last
        self._lock = contextlib.ExitStack()

    def send(self, **message: Any) -> bool:
        self._post(self, message)
        return not self.gone.is_set()

    def dismiss(self) -> None:
        self.send(leave=True)

    def wait(self, seconds: float) -> None:
        self.gone.wait(max(0.0, seconds))

    # The run in its hands ------------------------------------------------------------------------

    def own(self, run: Run) -> None:
        """Raises RunBusy when somebody else does."""
        self._lock.enter_context(run.owned(wait=OWNER_WAIT))
        self.run = run

    def pack(self, run: Run) -> dict[str, Any]:
        """An owned run, to be sent; from now on its events are those of the cluster."""
        self.base, self.parcel = _end_of_events(run), uuid.uuid4().hex
        self._asked = _stat(run)
        known = {"worker": self.name, "base": self.base, "parcel": self.parcel}
        files.write_json(run.folder / NOTE, known)
        return mirror.pack(run) | {"number": self.parcel}

    def adopt(self, run: Run) -> None:
        """Own a run that was packed by an earlier server; raises RunBusy."""
        known = files.read_json(run.folder / NOTE) or {}
        self.own(run)
        self.base, self.parcel = known.get("base", 0), known.get("parcel", "")

    def new_command(self) -> bytes | None:
        """What a page, of whatever server, has asked of the run since the last look."""
        if self.run is None or (stat := _stat(self.run)) == self._asked:
            return None
        try:
            control = (self.run.folder / "control.json").read_bytes()
        except OSError:
            return None
        self._asked = stat
        return control

    def let_go(self, follow: bool = False) -> None:
        """The run is nobody's. follow: it trains on, and the next server may take it back."""
        if self.run is not None:
            if not follow:
                with contextlib.suppress(OSError):
                    (self.run.folder / NOTE).unlink(missing_ok=True)
            self._lock.close()
            self.run = None


def worker_of(run: Run) -> str | None:
    """The name of the worker in the cluster that trains a run, as an earlier server noted it."""
    known = files.read_json(run.folder / NOTE)
    name = None if known is None else known.get("worker")
    return name if isinstance(name, str) else None


def _end_of_events(run: Run) -> int:
    """The size of the run's events, a torn last line closed off."""
    handle = files.open_for_append(run.folder / "events.jsonl")
    try:
        return os.fstat(handle).st_size
    finally:
        os.close(handle)


def _stat(run: Run) -> tuple[int, int] | None:
    try:
        stat = (run.folder / "control.json").stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino
