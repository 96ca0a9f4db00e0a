"""One process at a time trains a run: whoever does holds the lock of its folder.

The same file and the same kind of lock as the pages' server takes (by the package filelock). The
system lets go of it when the process ends, in whatever way. A file system that knows no locks
guards nothing.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpt.errors import GPTError

LOCK = "lock"
WAIT = 1.0  # seconds; who only looks whether a run is being trained holds its lock for milliseconds
TAKEN = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own the run in `folder`, which is made if it is not there; raises GPTError when another
    process trains it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        until = time.monotonic() + WAIT
        while not _take(handle):
            if time.monotonic() > until:
                raise GPTError(
                    f"{folder} is being trained by another process: end that one first, or stop"
                    " the run on its page."
                )
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in TAKEN
    return True
