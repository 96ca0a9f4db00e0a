"""Follow a run at the price of what is new: the state of one events file, kept between looks.

A page that looks each second reads only the bytes added since, and sends at most `max_points`
points of a curve, however long the run. All step numbers are kept (8 bytes a value), the points
shown are chosen when asked. No torch, no drawing.
"""

import threading
from array import array
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.runs import files
from explorer.runs.run import Run

PIECE = 1_000_000  # bytes
HEAD = 512  # bytes by which a file is known again
COLUMNS = ("step", "loss", "learning_rate", "grad_norm", "tokens_per_second", "seconds")


class RunReader:
    """What the events of one run say so far. Safe to share between sessions.

    After `update()`: `evaluations`, `samples`, `snapshots`, `notes` (lists of events), `finished`
    (event or None), `last_step` (event or None), `damaged_lines`, `version` (grows with news).
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.version = 0
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        """Begin to read from the start of the file."""
        self.offset = 0
        self._head = b""
        self.damaged_lines = 0
        self.evaluations: list[dict[str, Any]] = []
        self.samples: list[dict[str, Any]] = []
        self.snapshots: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []
        self.finished: dict[str, Any] | None = None
        self.last_step: dict[str, Any] | None = None
        self._columns = {name: array("d") for name in COLUMNS}

    def update(self) -> bool:
        """Read what was added since the last call -> whether there was anything."""
        with self._lock:
            path = self.run.folder / "events.jsonl"
            before = self.version
            head = files.head(path, HEAD)
            if size_of(path) < self.offset or not head.startswith(self._head):
                self._forget()  # a damaged end was cut off, or the folder was used for another run
            self._head = head
            while True:  # in pieces: parsing a long run at once would keep other pages waiting
                start = self.offset
                events, self.offset, damaged = files.read_lines(path, start, PIECE)
                self.damaged_lines += damaged
                for event in events:
                    if isinstance(event.get("step", 0), int):
                        self._take(event)
                    else:
                        self.damaged_lines += 1
                self.version += bool(events)
                if self.offset - start < PIECE // 2 and size_of(path) - self.offset < PIECE:
                    return self.version > before

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("kind")
        if kind == "step":
            for name, column in self._columns.items():
                column.append(_number(event.get(name)))
            self.last_step = event
        elif kind == "finished":
            self.finished = event
        elif kind in ("evaluation", "sample", "snapshot"):
            _append(getattr(self, kind + "s"), event)
        elif kind == "note":
            self.notes.append(event)
            if event.get("note") == "continued":
                self._go_back_to(event.get("step", 0))

    def _go_back_to(self, step: int) -> None:
        """Forget what lies after the state from which a run went on: it is trained again."""
        keep = bisect_right(self._columns["step"], step)
        for column in self._columns.values():
            del column[keep:]
        steps = {name: column[-1] for name, column in self._columns.items() if column}
        self.last_step = steps | {"step": int(steps["step"])} if steps else None
        for events in (self.evaluations, self.samples, self.snapshots):
            events[:] = [event for event in events if event.get("step", 0) <= step]
        self.finished = None

    def speed(self, steps: int | None = None) -> float | None:
        """Tokens a second: the median of the last `steps`, None: of all. A single one says little:
        it may have waited for another program."""
        with self._lock:
            values = np.array(self._columns["tokens_per_second"])[-(steps or 0) :]
        known = values[np.isfinite(values)]
        return float(np.median(known)) if len(known) else None

    def curve(self, max_points: int = 500) -> dict[str, NDArray[np.float64]]:
        """The training curve as equally long columns (see COLUMNS), thinned to `max_points`.

        The first and last point stay, and of every stretch between them the lowest and highest
        loss, so that no spike is smoothed away. What was not measured is NaN.
        """
        with self._lock:
            columns = {name: np.array(values) for name, values in self._columns.items()}
        chosen = thin(columns["loss"], max_points)
        return {name: values[chosen] for name, values in columns.items()}


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def thin(values: NDArray[np.float64], max_points: int) -> NDArray[np.intp]:
    """Indices of at most `max_points` values: first, last, lowest and highest of each stretch.

    >>> thin(np.array([5.0, 1.0, 9.0, 3.0, 2.0, 4.0]), 4).tolist()
    [0, 1, 2, 5]
    """
    n = len(values)
    if n <= max_points:
        return np.arange(n)
    stretches = max(1, (max_points - 2) // 2)  # two points each, so at least 4 in all
    edges = np.linspace(1, n - 1, stretches + 1).astype(int)
    chosen = {0, n - 1}
    for start, stop in pairwise(edges):
        part = values[start:stop]
        known = np.where(np.isnan(part), np.inf, part)
        chosen |= {int(start + known.argmin())}
        known = np.where(np.isnan(part), -np.inf, part)
        chosen |= {int(start + known.argmax())}
    return np.array(sorted(chosen))


def _append(events: list[dict[str, Any]], event: dict[str, Any]) -> None:
    """Add a result; one of the same step is told again after a pause and takes its place."""
    if events and events[-1].get("step") == event.get("step"):
        events[-1] = event  # in one step: other sessions look at the list meanwhile
    else:
        events.append(event)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
