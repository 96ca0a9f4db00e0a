"""The one writer of a run's events.jsonl: quick for the first, cheap for the many.

A tiny model makes thousands of steps a second; writing each line by itself would cost more than
training it. The first lines of a job go out at once, so that the page shows life; later step lines
go out together, about ten times a second. Results (evaluations, samples, notes) never wait.
"""

import dataclasses
import json
import math
import os
import time
from pathlib import Path
from typing import Any

from explorer.runs import files, store

EAGER_LINES = 20
PERIOD = 0.1  # seconds that a step line may wait


def as_line(kind: str, event: Any) -> dict[str, Any]:
    """A training event as a JSON object; numbers that JSON does not know (NaN, ∞) become null."""
    line: dict[str, Any] = {"kind": kind}
    for field in dataclasses.fields(event):
        if not field.name.startswith("_"):
            line[field.name] = _plain(getattr(event, field.name))
    return line


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


class EventLog:
    """Append JSON lines to a file; whole lines only reach the disk."""

    def __init__(self, path: Path) -> None:
        self._handle = files.open_for_append(path)
        self._waiting: list[str] = []
        self._eager = EAGER_LINES
        self._flushed = 0.0

    def add(self, line: dict[str, Any], urgent: bool = False) -> None:
        """Write a line now if it is urgent or among the first, else within PERIOD."""
        self._waiting.append(json.dumps(line, ensure_ascii=True, separators=(",", ":")))
        if urgent or self._eager > 0:
            self._eager -= 1
            self.flush()
        else:
            self.tick()

    def note(self, what: str, reason: str = "", **more: Any) -> None:
        """Write a note about the run itself (started, continued, paused, ...)."""
        line = {"kind": "note", "note": what, "reason": reason, "at": store.now()}
        self.add(line | more, urgent=True)

    def tick(self) -> None:
        """Give waiting lines their chance; called at events that write nothing themselves."""
        if time.monotonic() - self._flushed >= PERIOD:
            self.flush()

    def flush(self) -> None:
        """Hand all waiting lines to the system in one write."""
        self._flushed = time.monotonic()
        if self._waiting:
            data = "\n".join(self._waiting) + "\n"
            self._waiting.clear()
            files.write_all(self._handle, data.encode())

    def close(self) -> None:
        self.flush()
        os.close(self._handle)
