"""What a class takes home: a table of its runs, and the files of each, in one zip.

The files are made by this module as a program, in a process of its own: each run takes a third of a
second of plain Python, for which every page of the server would wait.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from explorer import engine
from explorer.classroom import board, members, tasks
from explorer.history import Entry
from explorer.panels import export
from explorer.runs.run import Run
from gpt.errors import GPTError

LARGEST = 500_000_000  # bytes; what does not fit any more is named instead
PROJECT = Path(__file__).parents[3]


def archive_of(entries: Sequence[Entry], judged: Mapping[str, float]) -> bytes:
    """A zip with runs.csv and a folder for each run that has a model. judged: bits per character,
    by run."""
    root = engine.store().root
    table = board.rows(entries, members.named(root), [], judged, tasks.by_code(root))
    table = table.drop(columns="place")
    table.insert(0, "id", [entry.run.id for entry in entries])
    folders = [str(entry.run.folder) for entry in entries if entry.run.checkpoint_path]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "class.zip")
        with _opened(path, "w") as archive:
            archive.writestr("runs.csv", table.map(_harmless).to_csv(index=False))
        program = [sys.executable, "-m", __name__, str(path)]
        told = "\n".join([str(root), *folders])
        subprocess.run(program, input=told, text=True, cwd=PROJECT, check=True)
        return path.read_bytes()


def _harmless(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula, as text: names come from learners."""
    is_formula = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if is_formula else cell


def _opened(path: Path, mode: Any) -> zipfile.ZipFile:
    return zipfile.ZipFile(path, mode, zipfile.ZIP_DEFLATED, compresslevel=1)


def add_files(path: Path, root: str, folders: Sequence[str]) -> None:
    """Put the files of the runs in `folders` into the zip at `path`. root: of the class."""
    missing: list[str] = []
    known = members.named(Path(root))
    with _opened(path, "a") as archive:
        for folder in folders:
            run = Run(folder)
            place = f"{_of_whom(run, known)}{run.id}"
            for offer in export.OFFERS:
                room = path.stat().st_size < LARGEST
                missing += _add(archive, place, run, offer, room)
        archive.writestr("missing.txt", "\n".join(missing) + "\n" if missing else "Nothing.\n")


def _of_whom(run: Run, known: Mapping[str, members.Member]) -> str:
    """How the folder of a run begins, for who looks for somebody's; "" for a guest. Names come from
    learners: of theirs only letters and digits stay."""
    with contextlib.suppress(GPTError):
        if learner := known.get(str(run.spec().get("learner"))):
            return re.sub(r"\W+", "-", f"{learner.name} ").lstrip("-")
    return ""


def _add(
    archive: zipfile.ZipFile, place: str, run: Run, offer: export.Offer, room: bool
) -> list[str]:
    """Write one file of a run to the folder `place`, if there is room -> why it is not there."""
    name = f"run-{run.id[:15]}"
    with contextlib.suppress(GPTError):
        name = f"{run.spec().get('preset', 'run')}-{run.id[:15]}"
    file = f"{place}/{name}{offer.ending}"
    if not room:
        return [f"{file}: the archive has {LARGEST / 1e6:.0f} MB already, and holds no more"]
    try:
        archive.writestr(file, offer.make(run.folder, name))
    except (GPTError, OSError) as error:
        return [f"{file}: {error}"]
    return []


if __name__ == "__main__":
    with contextlib.suppress(AttributeError):  # Windows has no `nice`
        os.nice(10)
    class_root, *run_folders = sys.stdin.read().splitlines()
    add_files(Path(sys.argv[1]), class_root, run_folders)
