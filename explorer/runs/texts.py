"""The texts that learners brought, in `texts/` beside the runs: what they take, which nobody reads.

They count against the budget of the disk (see `disk.py`). Where it is exceeded, those go first that
no run learns from, that no task of a class names, and that nobody has taken up for as long as a
notice stands. They are not announced: whoever brought one still has it.
"""

from collections.abc import Iterable
from pathlib import Path

from explorer.runs import files
from explorer.runs.run import Run


def size(root: Path) -> int:
    """Bytes of all texts."""
    return sum(bytes_ for _, bytes_, _ in _found(root))


def unread(root: Path, runs: Iterable[Run], before: float) -> list[tuple[Path, int]]:
    """The texts, with their bytes, of no run, of no task, and not taken up since `before` (seconds
    since 1970), oldest first."""
    read = {_of(run) for run in runs} | _of_tasks(root)
    old = [(at, path, bytes_) for path, bytes_, at in _found(root) if at < before]
    return [(path, bytes_) for _, path, bytes_ in sorted(old) if path.stem not in read]


def drop(root: Path, runs: Iterable[Run], before: float, excess: int) -> int:
    """Remove unread texts until `excess` bytes are free -> how many went."""
    gone = 0
    for path, bytes_ in unread(root, runs, before):
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess, gone = excess - bytes_, gone + 1
    return gone


def _found(root: Path) -> list[tuple[Path, int, float]]:
    """Each text with its bytes and when it was taken up last."""
    found = []
    for path in (root / "texts").glob("*.txt"):
        try:
            about = path.stat()
        except OSError:  # gone in the meantime
            continue
        found.append((path, about.st_size, about.st_mtime))
    return found


def _of(run: Run) -> str:
    """The SHA-256 of what a run learns from, of a newer program's run, too; "" if none is said."""
    try:
        return str((files.read_json(run.folder / "run.json") or {})["corpus"]["sha256"])
    except (KeyError, TypeError):
        return ""


def _of_tasks(root: Path) -> set[str]:
    """The SHA-256s that lesson files name, also those of a newer program (see classroom/tasks.py);
    and the names of shipped texts, which are none."""
    kept = (root / "class" / "tasks").glob("*.json")
    return {str((files.read_json(path) or {}).get("text")) for path in kept}
