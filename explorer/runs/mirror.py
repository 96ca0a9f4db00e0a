"""A run folder in two places: trained on one machine, kept on another.

The server packs a run (`pack`), a machine of the cluster unpacks and trains it there (`unpack`),
and looks every moment what is new in its copy (`Watch`): bytes appended to the events, files that
were written or removed. The server applies that to the real folder (`apply`), in an order in which
the folder can be trusted after every single move: snapshots before the events that name them,
events before the state that they led to, the status last. Applying twice changes nothing.

No network, no cluster, no torch in here.
"""

import os
import re
from pathlib import Path
from typing import Any

import gpt
from explorer.runs import files
from explorer.runs.run import Run, RunError

EVENTS = "events.jsonl"
GIVEN = ("run.json", "control.json", "status.json", "environment.json", "worker.log")
GIVEN_FOLDERS = ("checkpoint", "resume")
# What a machine of the cluster may change in a run's folder, in the order in which it is applied.
ORDER = [
    re.compile(pattern)
    for pattern in (
        r"snapshots/[0-9]+\.safetensors",
        r"events\.jsonl",
        r"(environment\.json|worker\.log)",
        r"checkpoint/[\w.-]+\.safetensors",
        r"checkpoint/[\w-][\w.-]*",
        r"resume/state\.safetensors",
        r"status\.json",
    )
]
News = dict[str, Any]  # "events": (offset, bytes), "files": {name: bytes}, "gone": [name]


def pack(run: Run) -> dict[str, Any]:
    """Everything that training `run` elsewhere needs; of snapshots only their sizes (they count
    against the run's limit)."""
    names = [name for name in GIVEN if (run.folder / name).exists()]
    for folder in GIVEN_FOLDERS:
        names += [f"{folder}/{path.name}" for path in _whole(run.folder / folder)]
    given = {name: (run.folder / name).read_bytes() for name in names}
    sizes = {p.name: p.stat().st_size for p in _whole(run.folder / "snapshots")}
    spec, text = run.spec(), _text(run)
    if text is not None:
        spec["corpus"]["path"] = path = f"texts/{spec['corpus']['sha256']}.txt"
        files_of_store = {path: text.encode("utf-8", errors="surrogatepass")}
    return {
        "id": run.id,
        "spec": spec,
        "files": given,
        "snapshots": sizes,
        "texts": files_of_store if text is not None else {},
    }


def _text(run: Run) -> str | None:
    """The text itself, also of a run that knows it by name: other machines may not have it. None
    when it cannot be had here either: the run will say so."""
    try:
        about = run.spec()["corpus"]
        if "sha256" not in about:
            return None
        text = run.text()
        return gpt.load_corpus(about.get("source", about["name"])).text if text is None else text
    except (gpt.GPTError, KeyError, OSError):
        return None


def unpack(parcel: dict[str, Any], root: Path) -> Run:
    """Lay a packed run out below `root`."""
    for path, data in parcel["texts"].items():
        _write(root / path, data)
    folder = root / parcel["id"]
    for name, data in parcel["files"].items():
        _write(folder / name, data)
    for name, size in parcel["snapshots"].items():
        _write(folder / "snapshots" / name, b"")
        os.truncate(folder / "snapshots" / name, size)  # a stand-in that takes no room
    files.write_json(folder / "run.json", parcel["spec"])
    return Run(folder)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_bytes(path, data)


def _whole(folder: Path) -> list[Path]:
    """The files of a folder that are not half-written."""
    return [path for path in sorted(folder.glob("*")) if not path.name.startswith(".")]


class Watch:
    """Sees what is new in a run's folder since the last look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offset = 0  # in the events
        self._known = {name: self._signature(name) for name in self._names()}

    def look(self) -> News:
        """What is new, read in an order in which events are never behind the files: an empty
        dictionary for nothing."""
        names = self._names()
        changed = self._changed(name for name in names if not name.startswith("snapshots/"))
        events = self._events()
        changed |= self._changed(name for name in self._names() if name.startswith("snapshots/"))
        gone = sorted(set(self._known) - set(self._names()))
        for name in gone:
            del self._known[name]
        news: News = {}
        if events:
            news["events"] = (self.offset - len(events), events)
        if changed:
            news["files"] = changed
        if gone:
            news["gone"] = gone
        return news

    def _events(self) -> bytes:
        """Whole lines only: what is shown elsewhere should not end in the middle of one."""
        try:
            with open(self.folder / EVENTS, "rb") as file:
                file.seek(self.offset)
                data = file.read()
        except OSError:
            return b""
        data = data[: data.rfind(b"\n") + 1]
        self.offset += len(data)
        return data

    def _names(self) -> list[str]:
        top = [self.folder / name for name in ("environment.json", "worker.log", "status.json")]
        found = [path for path in top if path.exists()]
        for folder in ("checkpoint", "snapshots", "resume"):
            found += _whole(self.folder / folder)
        return [path.relative_to(self.folder).as_posix() for path in found]

    def _signature(self, name: str) -> tuple[int, int, int] | None:
        try:
            stat = (self.folder / name).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _changed(self, names: Any) -> dict[str, bytes]:
        changed = {}
        for name in names:
            signature = self._signature(name)
            if signature is None or signature == self._known.get(name):
                continue
            try:
                changed[name] = (self.folder / name).read_bytes()
            except OSError:
                continue  # replaced or removed at this moment: the next look sees it
            self._known[name] = signature
        return changed


def apply(run: Run, base: int, news: News) -> None:
    """Bring what is `news` into the owned run's folder. base: where its events began there."""
    changed = dict(news.get("files", {}))
    if "events" in news:
        changed[EVENTS] = b""
    for name in sorted(changed, key=_rank):
        if name == EVENTS:
            offset, data = news["events"]
            _put(run.folder / EVENTS, base + offset, data)
        else:
            _write(run.folder / name, changed[name])
    for name in news.get("gone", []):
        _rank(name)
        (run.folder / name).unlink(missing_ok=True)


def _rank(name: str) -> int:
    for rank, pattern in enumerate(ORDER):
        if pattern.fullmatch(name):
            return rank
    raise RunError(f"The cluster may not write {name[:80]!r} into a run: check its machines.")


def _put(path: Path, place: int, data: bytes) -> None:
    """Write events where they belong: what was written before a crash is written over."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    try:
        if os.fstat(handle).st_size < place:
            raise RunError(f"Events of {path.parent.name} are missing before byte {place}.")
        os.lseek(handle, place, os.SEEK_SET)
        files.write_all(handle, data)
    finally:
        os.close(handle)
