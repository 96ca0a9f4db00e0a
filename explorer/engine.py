"""What the server has one of: PyTorch, loaded behind the first page, and the training processes.

`start()` returns at once; the page is drawn while torch is imported in a thread and the first
training process warms up. The server itself never trains: it reads run folders, draws, and runs
small forward passes, for which one thread is enough (more would only get in each other's way).
"""

import atexit
import contextlib
import functools
import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator

from explorer import classroom, housekeeping, server_log, variables
from explorer.housekeeping import Housekeeping
from explorer.runs.executors.choice import CHOICE, check_choice, choose
from explorer.runs.executors.executor import RunExecutor
from explorer.runs.store import RunStore

HEAD_START = 0.4  # seconds in which the first page's shell has the processor to itself

_loaded = threading.Event()
_starting = threading.Lock()
_one_executor, _one_keeper = threading.Lock(), threading.Lock()
_started = False


def start() -> None:
    """Begin to load torch and to warm up the training processes, once in the server's life.
    Raises RunError when EXPLORER_EXECUTOR names nothing that can train, or EXPLORER_RUNS no folder
    for runs."""
    global _started
    with _starting:
        if not _started:
            check_choice(os.environ.get(CHOICE, ""))
            store().check()
            _started = True
            threading.Thread(target=_load, name="load-torch", daemon=True).start()


def wait() -> None:
    """Return when torch is there. Pages call it before they touch a model."""
    start()
    _loaded.wait()


def is_ready() -> bool:
    return _loaded.is_set()


@functools.cache
def store() -> RunStore:
    """The runs of this server: EXPLORER_RUNS, or checkpoints/runs."""
    return RunStore()


def executor() -> RunExecutor:
    """What trains for this server: its own processes, or a cluster (EXPLORER_EXECUTOR)."""
    with _one_executor:
        return _executor()


@functools.cache
def _executor() -> RunExecutor:
    return choose(store(), os.environ.get(CHOICE, ""), classroom.turn_seconds())


def housekeeper() -> Housekeeping:
    """The thread that logs what becomes of the runs and keeps to the disk."""
    with _one_keeper:
        return housekeeping.begin(store(), busy)


def busy() -> list[str]:
    """The runs that train or wait."""
    return [*executor().active(), *executor().waiting()]


def close() -> None:
    """End in order: what trains is saved and suspended, and logged."""
    atexit.unregister(close)
    if not _started:
        return
    executor().close()
    housekeeper().end()


def _load() -> None:
    time.sleep(HEAD_START)
    housekeeper()
    _say_mistakes()
    executor()  # its processes are the slow part: they get warm beside this one
    atexit.register(close)
    try:
        # Read when torch is loaded. Each run of a page has a thread of its own, and without this
        # its first few products wait 10 to 15 ms each for helpers that they do not need.
        with environment(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1"):
            import torch

        import gpt

        torch.set_num_threads(1)
        for name in gpt.__all__:  # import all of it here, not under a learner's first click
            getattr(gpt, name)
        gc.collect()
        gc.freeze()  # what is loaded now stays: later collections need not look at it
    finally:
        _loaded.set()


def _say_mistakes() -> None:
    """What is wrong with the EXPLORER_* variables, for whoever reads the terminal or the log."""
    for sentence in variables.mistakes():
        print(sentence, file=sys.stderr, flush=True)
        server_log.note("setting.wrong", logging.WARNING, reason=sentence)


@contextlib.contextmanager
def environment(**settings: str) -> Iterator[None]:
    """Environment variables for a moment: training processes begin without them."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
