"""A run is a folder: the store makes, lists and finds them, a `Run` reads and steers one.

    run.json       what to train, written once       status.json   where it stands
    control.json   what a page asked last            events.jsonl  what happened, one JSON a line
    lock           held by the process that trains   checkpoint/   the model, ready to load
    snapshots/     weights by step                   resume/       everything to go on exactly
    labels.json    name, star, group: see labels.py    remote.json  who trains it in a cluster

Whoever holds the lock owns the run and may write its status and events; everybody else only reads
and asks. A lock dies with its process, so a run is alive exactly as long as its lock is held, and
`status()` tells the truth even after `kill -9`. Training itself is in `job.py`.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from explorer.runs import files, labels, migrations
from explorer.runs.migrations import VERSION
from gpt.errors import GPTError

CREATED, QUEUED, TRAINING = "created", "queued", "training"
PAUSED, STOPPED, SUSPENDED = "paused", "stopped", "suspended"
INTERRUPTED, FAILED, FINISHED = "interrupted", "failed", "finished"
ACTIVE = (QUEUED, TRAINING, SUSPENDED)  # it trains, or will without a click
OPEN_END = (PAUSED, STOPPED, INTERRUPTED)  # it can go on
STATES = (CREATED, *ACTIVE, *OPEN_END, FAILED, FINISHED)
RETRIED = "retried"  # a note, not a state: its worker died, it goes on by itself
COMMANDS = ("run", "pause", "step", "stop")
HALF_WRITTEN = 60.0  # seconds, after which nobody writes a small file any more
LEAST_FREE = 200_000_000  # bytes of the disk that new runs and texts leave for those that train
TAIL_BYTES = 4096  # enough of the events' end to see how a run ended
GONE = "The program that trained this run ended without a word."
VANISHED = f"{GONE} Continue takes it up again."
FULL = "The disk is full. What was saved before is kept: free some space, then continue."

_RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}-[0-9a-f]{20}")
_MOMENT, _TICK = "%Y%m%d-%H%M%S-%f-", timedelta(microseconds=1)
_TEXT_PATH = re.compile(r"texts/[0-9a-f]{64}\.txt")
_probe = threading.Lock()  # two threads that probe one lock would each take the other for its owner


class RunError(GPTError):
    """A run is missing, damaged, busy, or of a version that this program cannot read."""


class RunBusy(RunError):
    """Another process owns the run."""


def now() -> str:
    """The time as ISO text in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class RunStore:
    """All runs below one folder (EXPLORER_RUNS, or checkpoints/runs)."""

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        chosen = root or os.environ.get("EXPLORER_RUNS") or Path("checkpoints", "runs")
        self.root = Path(os.path.expanduser(chosen)).absolute()
        self._learners: dict[str, str] = {}  # run id → whose it is, which never changes

    def check(self) -> None:
        """Make the folder, if need be; raises RunError when no file can be made in it."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
                return  # it can be read, and some of it deleted
            raise RunError(
                f"Runs cannot be kept in {str(self.root)[:200]} ({error.strerror}): set"
                " EXPLORER_RUNS to a folder that this program may write to."
            ) from None

    def create(self, spec: Mapping[str, Any]) -> "Run":
        """Make the folder of a new run and return it; it appears whole or not at all.

        `spec` holds preset, model, train, corpus and, if wanted, name, page, device, threads,
        learner. A pasted corpus is given as {"name": ..., "text": ...}; the text is kept once.
        Raises RunError when the disk is nearly full.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._check_room()
        run_id = self._next_moment() + secrets.token_hex(10)
        complete = {"name": spec.get("preset", "run"), "page": "", "device": "auto"} | dict(spec)
        if "text" in complete.get("corpus", {}):
            complete["corpus"] = self.save_text(**complete["corpus"])
        complete |= {"version": VERSION, "id": run_id, "created": now()}
        partial = self.root / f".new-{run_id}"
        partial.mkdir()
        try:
            files.write_json(partial / "run.json", complete, durable=True)
            files.write_json(partial / "status.json", {"state": CREATED, "updated": now()})
            os.rename(partial, self.root / run_id)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return Run(self.root / run_id)

    def _next_moment(self) -> str:
        """The time as the beginning of an id, later than all ids here even if the clock was set
        back: whoever sorts runs by their ids sorts them in the order in which they were made."""
        moment = datetime.now(UTC).strftime(_MOMENT)
        newest = max((name[: len(moment)] for name in self.names()), default="")
        if newest >= moment:
            with contextlib.suppress(ValueError, OverflowError):  # an id that is no time
                moment = (datetime.strptime(newest, _MOMENT) + _TICK).strftime(_MOMENT)
        return moment

    def names(self) -> "list[str]":
        """The ids of all folders that look like runs, in order."""
        try:
            return sorted(filter(_RUN_ID.fullmatch, os.listdir(self.root)))
        except OSError:
            return []

    def list(self, learner: str | None = None) -> "list[Run]":
        """All runs, or those of one learner, oldest first; half-made and foreign folders are passed
        over. Of a run that was listed before no file is read: pages ask at every click."""
        owners = [(name, self.learner_of(name)) for name in self.names()]
        found = [name for name, who in owners if who is not None and learner in (None, who)]
        return [Run(self.root / name) for name in found]

    def learner_of(self, run_id: str) -> str | None:
        """Whose run it is: "" when its description does not say, None when it has none."""
        known = self._learners.get(run_id)
        if known is not None:
            return known
        path = self.root / run_id / "run.json"
        spec = files.read_json(path)
        if spec is None:  # perhaps a copy that is not complete yet: nothing to remember
            return "" if path.exists() else None
        return self._learners.setdefault(run_id, str(spec.get("learner") or ""))

    def get(self, run_id: str) -> "Run":
        """The run called `run_id`; raises RunError when there is none."""
        folder = self.root / run_id
        if not _RUN_ID.fullmatch(run_id) or not (folder / "run.json").exists():
            raise RunError(f"There is no run {run_id[:60]!r} here: it may have been deleted.")
        return Run(folder)

    def delete(self, run_id: str) -> None:
        """Remove a run for good; raises RunBusy while it waits or trains, LabelError if starred."""
        run = self.get(run_id)
        with run.owned():
            if run.recorded()["state"] in (QUEUED, SUSPENDED):
                raise RunBusy(f"Run {run_id} waits for its turn to train: stop it first.")
            if labels.read(run.folder).star:
                raise labels.LabelError("A starred run is not deleted: take its star away first.")
            hidden = self.root / f".deleted-{run_id}"
            with contextlib.suppress(OSError):  # Windows keeps a folder whose lock is open
                os.rename(run.folder, hidden)
        self._learners.pop(run_id, None)
        shutil.rmtree(hidden if hidden.exists() else run.folder, ignore_errors=True)
        self._sweep()

    def _sweep(self) -> None:
        """Remove what processes left that were killed while they made or deleted a run."""
        made = [left for left in self.root.glob(".new-*") if files.age_of(left) > HALF_WRITTEN]
        for left in [*made, *self.root.glob(".deleted-*")]:
            shutil.rmtree(left, ignore_errors=True)

    def save_text(self, text: str, name: str = "pasted", **more: Any) -> dict[str, Any]:
        """Keep a pasted text under its SHA-256, once -> the `corpus` part of a spec.

        Raises RunError when the disk is nearly full.
        """
        data = text.encode("utf-8", errors="surrogatepass")
        sha256 = hashlib.sha256(data).hexdigest()
        path = f"texts/{sha256}.txt"
        (self.root / "texts").mkdir(parents=True, exist_ok=True)
        if (self.root / path).exists():
            os.utime(self.root / path)  # taken up anew: `texts.py` counts from here
        else:
            self._check_room()
            files.write_bytes(self.root / path, data, durable=True)
        return more | {"name": name, "sha256": sha256, "characters": len(text), "path": path}

    def _check_room(self) -> None:
        """Raise RunError while the disk has too little room for anything new."""
        free = shutil.disk_usage(self.root).free
        if free < LEAST_FREE:
            raise RunError(
                f"Nothing new is begun here: the disk has {free / 1e6:.0f} MB left of the"
                f" {LEAST_FREE / 1e6:.0f} MB that must stay free. Delete some runs, or make room."
            )


class Run:
    """One run folder. Light: holds no open file and no copy of what is on disk."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.id = self.folder.name

    def spec(self) -> dict[str, Any]:
        """What to train (run.json); raises RunError when it is missing, damaged or too new."""
        spec = files.read_json(self.folder / "run.json")
        if spec is None:
            raise RunError(f"The description of run {self.id} (run.json) is missing or damaged.")
        if migrations.version_of(spec) is None:
            raise RunError(migrations.too_new(self.id, spec))
        return migrations.migrate(spec, "spec")

    def text(self) -> str | None:
        """The pasted text this run learns from, or None when its corpus is known by name."""
        path = self.spec().get("corpus", {}).get("path")
        if path is None:
            return None
        if not _TEXT_PATH.fullmatch(str(path)):
            raise RunError(f"The text of run {self.id} must lie in texts/, got {path!r}.")
        try:
            data = (self.folder.parent / path).read_bytes()
        except OSError:
            raise RunError(f"The text of run {self.id} ({path}) is no longer there.") from None
        return data.decode("utf-8", errors="surrogatepass")

    # Where it stands ----------------------------------------------------------------------------

    def recorded(self) -> dict[str, Any]:
        """status.json as its owner left it, without asking whether the owner still lives."""
        known = files.read_json(self.folder / "status.json") or {}
        if migrations.version_of(known) is None:
            return {"state": FAILED, "reason": migrations.too_new(self.id, known), "step": 0}
        if known.get("state") not in STATES or not isinstance(known.get("step", 0), int):
            known = self._inferred()  # missing, damaged, or written by hand
        return {"state": CREATED, "reason": "", "step": 0} | migrations.migrate(known, "status")

    def _inferred(self) -> dict[str, Any]:
        """Where a run without a status stands: one of the command line, which keeps none."""
        path = self.folder / "events.jsonl"
        size = path.stat().st_size if path.exists() else 0
        events, _, _ = files.read_lines(path, max(0, size - TAIL_BYTES))
        steps = [event["step"] for event in events if isinstance(event.get("step"), int)]
        if not steps:
            return {}
        inferred = {"state": STOPPED, "step": steps[-1], "serial": 0}
        if events[-1].get("kind") == "finished":
            told = {key: events[-1].get(key) for key in ("train_loss", "val_loss")}
            inferred |= {"state": FINISHED, "reason": events[-1].get("message", "")} | told
        return inferred

    def status(self) -> dict[str, Any]:
        """Where the run stands, truthfully: {"state", "reason", "step", "updated", ...}.

        "asked" is a command which the worker has not yet obeyed, so that a page can say
        "pausing"; None otherwise.
        """
        status = self.recorded()
        if status["state"] == TRAINING and not self.is_alive():
            status = self.recorded()  # it may have ended well between the two looks
            if status["state"] == TRAINING:
                status |= {"state": INTERRUPTED, "reason": VANISHED}
        asked = self.asked() if status["state"] == TRAINING else {}
        unheard = asked.get("serial", 0) > status.get("serial", 0) and asked.get("command") != "run"
        return status | {"asked": asked.get("command") if unheard else None}

    def is_alive(self) -> bool:
        """Whether some process owns the run at this moment."""
        try:
            with _probe, self.owned():
                return False
        except RunBusy:
            return True

    @contextlib.contextmanager
    def owned(self, wait: float = 0.0) -> Iterator[None]:
        """Own the run; raises RunBusy when another owner does not let go within `wait` seconds."""
        if not self.folder.is_dir():  # deleted meanwhile: the lock would make the folder again
            raise RunError(f"There is no run {self.id} here: it may have been deleted.")
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=wait, poll_interval=0.005)
        except Timeout:
            raise RunBusy(f"Run {self.id} is being trained by another process.") from None
        try:
            yield
        finally:
            lock.release()

    def set_status(self, **changes: Any) -> None:
        """Update status.json. Only for the owner of the run."""
        left = files.read_json(self.folder / "status.json") or {}
        if migrations.version_of(left) is None:
            raise RunError(migrations.too_new(self.id, left))
        known = self.recorded() | changes | {"version": VERSION, "updated": now()}
        for key, value in known.items():
            if isinstance(value, float) and not math.isfinite(value):
                known[key] = None  # JSON has no word for NaN
        files.write_json(self.folder / "status.json", known)

    def sweep(self) -> None:
        """Remove the half-written files that killed workers left. Only for the owner of the run."""
        for name in ("checkpoint", "snapshots", "resume"):
            for partial in (self.folder / name).glob(".*"):
                partial.unlink(missing_ok=True)
        for partial in self.folder.glob(".*.json.*"):
            own = partial.name.startswith((".status.", ".environment."))
            if own or files.age_of(partial) > HALF_WRITTEN:  # pages write some at this moment
                with contextlib.suppress(OSError):
                    partial.unlink()

    def note(self, what: str, reason: str = "", **more: Any) -> None:
        """Append a note (queued, continued, interrupted, ...) to the events. For the owner."""
        line = {"kind": "note", "note": what, "reason": reason, "at": now()} | more
        handle = files.open_for_append(self.folder / "events.jsonl")
        try:
            files.write_all(handle, json.dumps(line).encode() + b"\n")
        finally:
            os.close(handle)

    # What was asked -----------------------------------------------------------------------------

    def control(self, command: str) -> None:
        """Ask the worker to "run", "pause", "step" (one update, then pause) or "stop"."""
        if command not in COMMANDS:
            raise RunError(f"There is no command {command!r}: use one of {', '.join(COMMANDS)}.")
        serial = self.asked().get("serial", 0) + 1
        files.write_json(self.folder / "control.json", {"command": command, "serial": serial})

    def asked(self) -> dict[str, Any]:
        """The last command: {"command", "serial"}, or an empty dictionary."""
        control = files.read_json(self.folder / "control.json") or {}
        known = control.get("command") in COMMANDS and isinstance(control.get("serial"), int)
        return control if known else {}

    # What came of it ----------------------------------------------------------------------------

    def events(self, after_offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Events after a byte offset -> (events, new offset). Damaged lines are left out.

        After "continued" at step k, later steps are written again (see RunReader, which counts
        damaged lines as well).
        """
        return files.read_lines(self.folder / "events.jsonl", after_offset)[:2]

    def snapshots(self) -> list[tuple[int, Path]]:
        """Saved weights by step: sorted (step, path of a safetensors file)."""
        found = (self.folder / "snapshots").glob("*.safetensors")
        return sorted((int(path.stem), path) for path in found if path.stem.isdigit())

    @property
    def checkpoint_path(self) -> Path | None:
        """The folder to give to gpt.load_checkpoint, or None while none was saved whole."""
        folder = self.folder / "checkpoint"
        return folder if (folder / "config.json").exists() else None

    @property
    def resume_path(self) -> Path:
        """The file with everything needed to go on exactly (it may not be there yet)."""
        return self.folder / "resume" / "state.safetensors"
