"""The store makes, lists, finds and deletes runs: the folders of `run.py`, all below one folder."""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from explorer.runs import files, labels, states
from explorer.runs.migrations import VERSION
from explorer.runs.run import HALF_WRITTEN, Run, RunBusy, RunError, now

LEAST_FREE = 200_000_000  # bytes of the disk that new runs and texts leave for those that train

_RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}-[0-9a-f]{20}")
_MOMENT, _TICK = "%Y%m%d-%H%M%S-%f-", timedelta(microseconds=1)


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

    def create(self, spec: Mapping[str, Any]) -> Run:
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
            files.write_json(partial / "status.json", {"state": states.CREATED, "updated": now()})
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

    def get(self, run_id: str) -> Run:
        """The run called `run_id`; raises RunError when there is none."""
        folder = self.root / run_id
        if not _RUN_ID.fullmatch(run_id) or not (folder / "run.json").exists():
            raise RunError(f"There is no run {run_id[:60]!r} here: it may have been deleted.")
        return Run(folder)

    def delete(self, run_id: str) -> None:
        """Remove a run for good; raises RunBusy while it waits or trains, LabelError if starred."""
        run = self.get(run_id)
        with run.owned():
            if run.recorded()["state"] in (states.QUEUED, states.SUSPENDED):
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
