"""A run is a folder; a `Run` reads and steers one.

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
import json
import math
import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from explorer.runs import files, migrations, states
from gpt.errors import GPTError

HALF_WRITTEN = 60.0  # seconds, after which nobody writes a small file any more
TAIL_BYTES = 4096  # enough of the events' end to see how a run ended

_TEXT_PATH = re.compile(r"texts/[0-9a-f]{64}\.txt")
_probe = threading.Lock()  # two threads that probe one lock would each take the other for its owner


class RunError(GPTError):
    """A run is missing, damaged, busy, or of a version that this program cannot read."""


class RunBusy(RunError):
    """Another process owns the run."""


def now() -> str:
    """The time as ISO text in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


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
            return {"state": states.FAILED, "reason": migrations.too_new(self.id, known), "step": 0}
        if known.get("state") not in states.STATES or not isinstance(known.get("step", 0), int):
            known = self._inferred()  # missing, damaged, or written by hand
        return {"state": states.CREATED, "reason": "", "step": 0} | migrations.migrate(
            known, "status"
        )

    def _inferred(self) -> dict[str, Any]:
        """Where a run without a status stands: one that the command line of an earlier version
        made, which kept none."""
        path = self.folder / "events.jsonl"
        size = path.stat().st_size if path.exists() else 0
        events, _, _ = files.read_lines(path, max(0, size - TAIL_BYTES))
        steps = [event["step"] for event in events if isinstance(event.get("step"), int)]
        if not steps:
            return {}
        inferred = {"state": states.STOPPED, "step": steps[-1], "serial": 0}
        if events[-1].get("kind") == "finished":
            told = {key: events[-1].get(key) for key in ("train_loss", "val_loss")}
            inferred |= {"state": states.FINISHED, "reason": events[-1].get("message", "")} | told
        return inferred

    def status(self) -> dict[str, Any]:
        """Where the run stands, truthfully: {"state", "reason", "step", "updated", ...}.

        "asked" is a command which the worker has not yet obeyed, so that a page can say
        "pausing"; None otherwise. "by" is who trains it, where that is no worker of a server.
        """
        status = self.recorded()
        if status["state"] == states.TRAINING and not self.is_alive():
            status = self.recorded()  # it may have ended well between the two looks
            if status["state"] == states.TRAINING:
                status |= {"state": states.INTERRUPTED, "reason": states.VANISHED}
        hears = status["state"] == states.TRAINING and not status.get("by")
        asked = self.asked() if hears else {}
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
        known = self.recorded() | changes | {"version": migrations.VERSION, "updated": now()}
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

    def control(self, command: str, why: str = "") -> int:
        """Ask the worker to "run", "pause", "step" (one update, then pause) or "stop" -> the
        serial of this command. why: a sentence for the run's owner, where somebody else asks."""
        if command not in states.COMMANDS:
            raise RunError(
                f"There is no command {command!r}: use one of {', '.join(states.COMMANDS)}."
            )
        serial = self.asked().get("serial", 0) + 1
        told = {"command": command, "serial": serial} | ({"why": why} if why else {})
        files.write_json(self.folder / "control.json", told)
        return serial

    def asked(self) -> dict[str, Any]:
        """The last command: {"command", "serial", perhaps "why"}, or an empty dictionary."""
        control = files.read_json(self.folder / "control.json") or {}
        known = control.get("command") in states.COMMANDS and isinstance(control.get("serial"), int)
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
        whole = all((folder / name).exists() for name in ("config.json", "model.safetensors"))
        return folder if whole else None

    @property
    def resume_path(self) -> Path:
        """The file with everything needed to go on exactly (it may not be there yet)."""
        return self.folder / "resume" / "state.safetensors"
