"""What holds for the class: whether it is frozen, who teaches it, and how much one may ask for.

Kept in `class/` beside the runs: `rules.json`, and `teacher.key`, which only the owner of the
server's files can read (or EXPLORER_TEACHER_KEY, which then stands for it).
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from explorer.runs import files
from gpt.errors import GPTError

# Runs of one learner that wait or train. The most that one press hands over is a sweep of page 11,
# 7 sizes under 3 budgets.
ACTIVE_AT_MOST = 24
RUNS_AT_MOST = 300  # of one learner, on a server of many
STARS_AT_MOST = 20  # of these: a run with a star is never cleaned away
KEY_AT_LEAST = 12  # characters of a teacher's key that somebody chose; ours has 96 random bits
AFTER_WRONG = 0.5  # seconds before a wrong key is answered


class ClassError(GPTError):
    """Something that a class page cannot do, in one sentence."""


@dataclass(frozen=True)
class Rules:
    """frozen: nobody may begin or continue a run. held: runs that the freeze paused. teachers:
    marks of workspaces that showed the teacher's key; another key makes them void."""

    frozen: bool = False
    held: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()


def read(root: Path) -> Rules:
    """The rules now; what is missing or damaged counts as not said."""
    known = files.read_json(root / "class" / "rules.json") or {}
    return Rules(
        frozen=known.get("frozen") is True,
        held=_texts(known.get("held")),
        teachers=_texts(known.get("teachers")),
    )


def change(root: Path, how: Callable[[Rules], Rules]) -> Rules:
    """Replace the rules by what `how` makes of them; of two changes at once none is lost, also
    of two servers."""
    with _writing(root):
        new = how(read(root))
        files.write_json(root / "class" / "rules.json", asdict(new), durable=True)
        return new


def _writing(root: Path) -> FileLock:
    """Held by whoever changes what lies in `class/`."""
    (root / "class").mkdir(parents=True, exist_ok=True)
    return FileLock(root / "class" / "lock")


def teacher_key(root: Path) -> str:
    """The key of the class page; made at the first look, in a file that only its owner reads."""
    if told := told_key(root):
        return told
    path = key_file(root)
    with _writing(root):
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                file.write(secrets.token_urlsafe(12) + "\n")
    return path.read_text(encoding="utf-8").strip()


def told_key(root: Path) -> str:
    """EXPLORER_TEACHER_KEY, "" when it is not set; raises ClassError for one that is too short."""
    told = os.environ.get("EXPLORER_TEACHER_KEY", "").strip()
    if 0 < len(told) < KEY_AT_LEAST:
        raise ClassError(
            f"EXPLORER_TEACHER_KEY has {len(told)} characters and could be guessed: use at least"
            f" {KEY_AT_LEAST}, or leave it out and read the key from {key_file(root)}."
        )
    return told


def is_teacher(root: Path, member: str) -> bool:
    """Whether a workspace has shown the key that holds now."""
    known = read(root).teachers
    try:
        return bool(known) and _mark(root, member) in known
    except ClassError:  # a key that could be guessed opens nothing
        return False


def make_teacher(root: Path, member: str, yes: bool = True) -> None:
    """Let a workspace see the board from now on, or no longer."""
    own = {_mark(root, member)}

    def with_own(rules: Rules) -> Rules:
        others = set(rules.teachers) - own
        return replace(rules, teachers=tuple(sorted(others | own if yes else others)))

    change(root, with_own)


def _mark(root: Path, member: str) -> str:
    return hashlib.sha256(f"{teacher_key(root)} {member}".encode()).hexdigest()[:20]


def key_file(root: Path) -> Path:
    return root / "class" / "teacher.key"


def is_teachers_key(root: Path, tried: str) -> bool:
    """Whether `tried` is the teacher's key; slow to say no."""
    # As bytes: compare_digest refuses text that is not ASCII.
    right = hmac.compare_digest(tried.strip().encode(errors="replace"), teacher_key(root).encode())
    if not right:
        time.sleep(AFTER_WRONG)
    return right


def _texts(value: Any) -> tuple[str, ...]:
    return (
        tuple(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else ()
    )
