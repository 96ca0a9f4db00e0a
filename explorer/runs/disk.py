"""A budget for the disk: when the runs outgrow it, old ones are cleaned, and announced before.

`plan` decides, from sizes and times alone; `Cleaning` looks, announces and removes. The oldest
ended runs go first: at first only their snapshots (all but the newest, so that every page still
shows the model), and when that is not enough, whole runs. Never a run with a star, one that can go
on (waiting, training, paused, interrupted), or one that ended less than the notice ago; and nothing
before the date in `cleaning.json`, where pages read it. The budget counts run folders and the texts
that learners brought; those that nobody reads go before any run (see `texts.py`).
"""

import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from explorer.runs import files, labels, states, texts
from explorer.runs.run import Run, RunError
from explorer.runs.store import RunStore
from explorer.runs.watch import seconds_of
from gpt.errors import GPTError

FILE = "cleaning.json"
NOTICE = 24.0  # hours between the announcement and the cleaning, if EXPLORER_CLEAN_NOTICE is silent
ENDED = (states.FINISHED, states.STOPPED, states.FAILED)
SNAPSHOTS, WHOLE = "snapshots", "run"  # what is cleaned of a run
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class DiskError(GPTError):
    """A budget that is not an amount."""


@dataclass(frozen=True)
class Size:
    """A run as the plan sees it. bytes: all of it; snapshots: those of it that may go; ended:
    seconds since 1970, None for a run that is not to be cleaned (it has a star, or can go on)."""

    run: str
    bytes: int
    snapshots: int = 0
    ended: float | None = None


@dataclass(frozen=True)
class Step:
    """What is cleaned of a run, and when (seconds since 1970)."""

    run: str
    what: str
    at: float


def plan(
    sizes: Sequence[Size],
    announced: Mapping[str, Step],
    budget: int | None,
    now: float,
    notice: float,
) -> list[Step]:
    """What has to go so that the runs fit into `budget` bytes; those with `at` ≤ now go now.

    notice: seconds that an announcement stands before it is carried out. An announcement that is
    not needed any more is not in the list. Where snapshots were announced and the whole run has to
    go, that is announced anew, after the snapshots have gone on their date.

    >>> runs = [Size("old", 60, 20, ended=0.0), Size("new", 60, 20, ended=5.0)]
    >>> [(step.run, step.what, step.at) for step in plan(runs, {}, 90, now=100.0, notice=10.0)]
    [('old', 'snapshots', 110.0), ('new', 'snapshots', 110.0)]
    """
    if budget is None:
        return []
    excess = sum(size.bytes for size in sizes) - budget
    ended = [size for size in sizes if size.ended is not None and size.ended + notice <= now]
    oldest = sorted(ended, key=lambda size: (size.ended, size.run))
    chosen: dict[str, str] = {}
    for size in oldest:
        if excess > 0 and size.snapshots:
            chosen[size.run] = SNAPSHOTS
            excess -= size.snapshots
    for size in oldest:
        if excess > 0:
            excess -= size.bytes - (size.snapshots if size.run in chosen else 0)
            chosen[size.run] = WHOLE
    return [_step(run, what, announced.get(run), now, notice) for run, what in chosen.items()]


def _step(run: str, what: str, known: Step | None, now: float, notice: float) -> Step:
    """What is chosen now beside what was announced, which is not held up by wanting more."""
    if known is not None and (known.what in (what, WHOLE) or known.at <= now):
        return Step(run, what if known.what == WHOLE else known.what, known.at)
    return Step(run, what, now + notice)


def budget_from(text: str | None) -> int | None:
    """An amount of disk in bytes; None for no limit. Raises DiskError.

    >>> budget_from("1.5 GB")
    1500000000
    """
    told = (text or "").strip().upper()
    if not told:
        return None
    number = told.rstrip("BKMGT").strip()
    unit = told[len(told.rstrip("BKMGT")) :]
    try:
        amount = float(number) * UNITS[unit]
        if not 0 < amount < 1e18:
            raise ValueError
    except (KeyError, ValueError):
        raise DiskError(
            f"EXPLORER_DISK_BUDGET is an amount such as 20GB or 500MB, got {told[:40]!r}."
        ) from None
    return int(amount)


def notice_from(text: str | None) -> float:
    """EXPLORER_CLEAN_NOTICE (hours) in seconds. Raises DiskError."""
    try:
        hours = float(text) if text and text.strip() else NOTICE
        if not 0 <= hours <= 24 * 366:
            raise ValueError
    except ValueError:
        raise DiskError(
            f"EXPLORER_CLEAN_NOTICE is a number of hours up to 8784, got {str(text)[:40]!r}."
        ) from None
    return hours * 3600


class Cleaning:
    """Keeps the runs below one folder within their budget (bytes; None: no limit)."""

    def __init__(self, runs: RunStore, budget: int | None, notice: float) -> None:
        self.store = runs
        self.budget = budget
        self.notice = notice
        self.total = 0  # bytes at the last look
        self.texts = 0  # removed by the last cleaning
        self._lock = threading.Lock()

    @classmethod
    def configured(cls, runs: RunStore) -> "Cleaning":
        """As EXPLORER_DISK_BUDGET and EXPLORER_CLEAN_NOTICE say; raises DiskError."""
        budget = budget_from(os.environ.get("EXPLORER_DISK_BUDGET"))
        return cls(runs, budget, notice_from(os.environ.get("EXPLORER_CLEAN_NOTICE")))

    def look(self, now: float | None = None) -> list[Step]:
        """What is to be cleaned and when; changes nothing."""
        now = time.time() if now is None else now
        sizes = [size_of(run) for run in self.store.list()]
        kept = texts.size(self.store.root)
        self.total = sum(size.bytes for size in sizes) + kept
        left = None if self.budget is None else self.budget - kept
        return plan(sizes, announced(self.store.root), left, now, self.notice)

    def clean(self, now: float | None = None, at_once: bool = False) -> list[Step]:
        """Announce what has to go, remove what was announced long enough ago -> what was removed.

        at_once: waits for no announcement; stars and runs that can go on are safe all the same.
        """
        now = time.time() if now is None else now
        with self._lock:
            steps = self.look(now)
            self.texts = 0
            if self.budget is not None and self.total > self.budget:
                excess = self.total - self.budget
                runs, old = self.store.list(), now - self.notice
                self.texts = texts.drop(self.store.root, runs, old, excess)
            if self.texts:
                steps = self.look(now)
            due = [step for step in steps if at_once or step.at <= now]
            waiting = [step for step in steps if step not in due]
            announce(self.store.root, waiting)  # first: what fails below is announced anew
            return [step for step in due if self._remove(step)]

    def _remove(self, step: Step) -> bool:
        """Carry out one step, unless the run was starred or taken up in the meantime."""
        try:
            run = self.store.get(step.run)
            with run.owned():
                if not may_go(run):
                    return False
                if step.what == SNAPSHOTS:
                    for path in spare_snapshots(run):
                        path.unlink(missing_ok=True)
            if step.what == WHOLE:
                self.store.delete(step.run)
        except (OSError, GPTError):
            return False
        return True


def may_go(run: Run) -> bool:
    """Whether a run has ended for good and has no star."""
    return run.recorded()["state"] in ENDED and not labels.read(run.folder).star


def spare_snapshots(run: Run) -> list[Path]:
    """All snapshots but the newest: pages show that one as the model of the run."""
    return [path for _, path in run.snapshots()[:-1]]


def size_of(run: Run) -> Size:
    """How much disk a run takes, and since when it might be cleaned."""
    whole = sum(
        _bytes(Path(folder, name)) for folder, _, names in os.walk(run.folder) for name in names
    )
    spare = sum(map(_bytes, spare_snapshots(run)))
    ended = None
    if may_go(run):
        try:
            begun = run.spec().get("created")
        except RunError:
            begun = None
        ended = seconds_of(run.recorded().get("updated") or begun)
    return Size(run.id, whole, spare, ended)


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# --- what is announced -----------------------------------------------------------------------


def announced(root: Path) -> dict[str, Step]:
    """What pages may say: run id → what will be cleaned of it and when."""
    known = files.read_json(root / FILE) or {}
    found = {}
    for run, told in known.items():
        at = seconds_of(told.get("at")) if isinstance(told, dict) else None
        if at is not None and told.get("what") in (SNAPSHOTS, WHOLE):
            found[run] = Step(run, told["what"], at)
    return found


def still_to_come(run: Run, step: Step) -> bool:
    """Whether what was announced of a run may yet be done to it on that date: not where it has a
    star now, can go on, or went on since the last round and ended anew, which gives it longer."""
    try:
        looked = (run.folder.parent / FILE).stat().st_mtime
    except OSError:
        return False
    ended = seconds_of(run.recorded().get("updated"))
    return step.run == run.id and may_go(run) and (ended is None or ended <= looked)


def announce(root: Path, steps: Sequence[Step]) -> None:
    """Keep what will be cleaned, for the pages and for the next look."""
    if not steps and not (root / FILE).exists():
        return
    told = {step.run: {"what": step.what, "at": _iso(step.at)} for step in steps}
    files.write_json(root / FILE, told)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def free(root: Path) -> int:
    """Bytes that are left on the disk of the runs."""
    place = root
    while not os.path.exists(place) and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free
