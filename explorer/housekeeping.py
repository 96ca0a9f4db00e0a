"""What a server does beside its pages: it logs what becomes of the runs, and keeps to the disk.

One thread in the server's life. It only looks at run folders (see `runs/watch.py`, `runs/disk.py`)
and asks the executor what is busy, so it is the same for every executor. A mistake of its own is
logged and never ends it.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable

from explorer import server_log
from explorer.runs import states
from explorer.runs.disk import Cleaning
from explorer.runs.store import RunStore
from explorer.runs.watch import Change, RunWatch
from gpt.errors import GPTError

LOOK_EVERY = 1.0  # seconds
CLEAN_EVERY = 3600.0  # seconds; the first time after CLEAN_FIRST
CLEAN_FIRST = 60.0
WORSE = {states.FAILED: logging.ERROR, states.INTERRUPTED: logging.WARNING}
BEGUN = {states.TRAINING: "begun", states.CREATED: "created"}  # else the state is the word


class Housekeeping:
    """Looks each second. busy: the runs that an executor trains or lets wait."""

    def __init__(self, runs: RunStore, busy: Callable[[], list[str]]) -> None:
        self.watch = RunWatch(runs)
        self.cleaning: Cleaning | None = None
        self._busy = busy
        self._ended = threading.Event()
        self._lock = threading.Lock()
        try:
            self.cleaning = Cleaning.configured(runs)
        except GPTError as error:  # nothing is cleaned on a guess
            server_log.note("cleaning.off", logging.ERROR, reason=str(error))

    def work(self) -> None:
        """Look until `end`."""
        next_cleaning = time.monotonic() + CLEAN_FIRST
        while not self._ended.is_set():
            try:
                self.look()
                if time.monotonic() >= next_cleaning:
                    next_cleaning = time.monotonic() + CLEAN_EVERY
                    self.clean()
            except Exception as error:
                server_log.note_error("housekeeping.error", error)
                self._ended.wait(60)
            self._ended.wait(LOOK_EVERY)

    def learn(self) -> None:
        """The first look: how the runs are, and which died with the program before this one."""
        try:
            for change in self.watch.look():
                _log(change)
        except Exception as error:  # no reason not to serve
            server_log.note_error("housekeeping.error", error)

    def look(self) -> None:
        """Log what changed."""
        with self._lock:
            for change in self.watch.look(self._busy()):
                _log(change)

    def clean(self) -> None:
        """Keep to the budget of the disk, if there is one."""
        if self.cleaning is None or self.cleaning.budget is None:
            return
        for step in self.cleaning.clean():
            server_log.note("run.cleaned", run=step.run, reason=step.what)
        if self.cleaning.texts:
            reason = f"{self.cleaning.texts} that no run or task reads"
            server_log.note("texts.cleaned", reason=reason)

    def end(self) -> None:
        """The last look, once."""
        if self._ended.is_set():
            return
        self._ended.set()
        self.look()  # what the executor's end made of the runs
        server_log.note("server.stop")


def _log(change: Change) -> None:
    server_log.note(
        f"run.{BEGUN.get(change.state, change.state)}",
        WORSE.get(change.state, logging.INFO),
        run=change.run,
        workspace=change.learner,
        reason=change.reason,
        step=change.step,
    )


@functools.cache
def begin(runs: RunStore, busy: Callable[[], list[str]]) -> Housekeeping:
    """Start it, once in the server's life, before an executor changes what it finds."""
    server_log.begin(runs.root)
    server_log.note("server.start")
    keeper = Housekeeping(runs, busy)
    keeper.learn()
    threading.Thread(target=keeper.work, name="housekeeping", daemon=True).start()
    return keeper
