"""Plain files that are written whole or not at all, and read without fuss.

Every small file of a run is replaced in one move, so a reader, a crash or a full disk never meets
half of one. Event files are only ever appended to; their reader takes complete lines and counts
the damaged ones. Knows nothing about runs.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

REPLACE_ATTEMPTS = 20  # Windows refuses to replace a file that somebody reads at the moment


def write_bytes(path: Path, data: bytes, durable: bool = False) -> None:
    """Replace `path` by `data` in one move; `durable` survives a power cut as well (slower)."""
    with replacing(path, durable) as partial:
        partial.write_bytes(data)


def write_json(path: Path, value: Any, durable: bool = False) -> None:
    """Replace `path` by readable JSON in one move."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    write_bytes(path, text.encode("utf-8", errors="backslashreplace") + b"\n", durable)


@contextlib.contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path to write; it becomes `path` at the end, or vanishes on an error."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{time.perf_counter_ns()}")
    try:
        yield partial
        if durable:
            sync(partial)
        patiently(lambda: os.replace(partial, path))
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def age_of(path: Path) -> float:
    """Seconds since a file or folder was written, by the clock of this machine; 0 if it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def sync(path: Path) -> None:
    """Ask the system to bring a file onto the disk now."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def patiently(action: Callable[[], Any]) -> Any:
    """Run a file operation again for a moment when another process has the file open (Windows)."""
    for attempt in range(REPLACE_ATTEMPTS):
        try:
            return action()
        except PermissionError:
            if os.name != "nt" or attempt == REPLACE_ATTEMPTS - 1:
                raise
            time.sleep(0.01)
    return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None when it is missing or damaged."""
    try:
        value = json.loads(patiently(path.read_bytes))
    except (OSError, ValueError, RecursionError):  # of JSON that is nested without end
        return None
    return value if isinstance(value, dict) else None


def head(path: Path, size: int) -> bytes:
    """The first bytes of a file; none where there is no file."""
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:
        return b""


def read_lines(path: Path, offset: int, limit: int = -1) -> tuple[list[dict[str, Any]], int, int]:
    """Read the JSON objects after byte `offset` -> (objects, new offset, damaged lines).

    `limit` is the most bytes to read (more than any line has); -1 reads to the end. A last line
    without its newline is still being written: it is left for the next call, unless it is longer
    than any line: then it is no line (a power cut may leave millions of NULs) and is passed over.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(limit)
    except OSError:
        return [], offset, 0
    end = data.rfind(b"\n") + 1
    if not end and len(data) == limit:
        return [], offset + limit, 1
    lines = [line for line in data[:end].split(b"\n") if line.strip()]
    objects = _parse(lines)
    return objects, offset + end, len(lines) - len(objects)


def _parse(lines: list[bytes]) -> list[dict[str, Any]]:
    try:  # one call for all lines is three times as quick; it fails if any line is damaged
        values = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        values = None
    if values is None or len(values) != len(lines):
        values = [_parse_one(line) for line in lines]
    return [value for value in values if isinstance(value, dict)]


def _parse_one(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):  # hundreds of brackets
        return None


def open_for_append(path: Path) -> int:
    """Open an event file -> file descriptor; a line torn by a crash is closed off first.

    Without the extra newline the first new event would be glued to the torn one and lost with it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o644)
    size = os.fstat(handle).st_size
    if size:
        os.lseek(handle, size - 1, os.SEEK_SET)
        if os.read(handle, 1) != b"\n":
            write_all(handle, b"\n")
    return handle


def write_all(handle: int, data: bytes) -> None:
    """Write all of `data`: one call nearly always, more when the disk takes only a part."""
    while data:
        data = data[os.write(handle, data) :]
