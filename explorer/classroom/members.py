"""A workspace for everyone, without signing up: a secret key, and what is public of it.

The key (192 random bits) opens the workspace; the learner's browser and personal link hold it. Run
folders hold only the id, from which nobody can find the key: a copy of the folder, or a look at
another's run, opens nothing. An account of an OpenID provider stands for a key where there is one.
"""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from explorer.runs import files, labels

KEY = re.compile(r"[A-Za-z0-9_-]{32}")
ID = re.compile(r"[0-9a-f]{20}")
SEEN_EVERY = 60.0  # seconds between two notes that somebody is there


@dataclass(frozen=True)
class Member:
    """What the class knows of a workspace; times in seconds since 1970."""

    id: str
    name: str = ""
    first: float = 0.0
    seen: float = 0.0

    @property
    def title(self) -> str:
        """Its name, or a short mark of it: plain text, not markup."""
        return self.name or f"guest {self.id[:4]}"


def new_key() -> str:
    return secrets.token_urlsafe(24)


def id_of(key: str) -> str:
    """The public id of the workspace that `key` opens."""
    return hashlib.sha256(f"workspace {key}".encode()).hexdigest()[:20]


def account_key(issuer: str, subject: str) -> str:
    """What stands for a key where a provider has said who somebody is."""
    return f"account {issuer} {subject}"


def read(root: Path, member: str) -> Member:
    """What is known of a workspace; one that never said anything has no name."""
    known = files.read_json(_path(root, member)) or {}
    times = {name: known.get(name) for name in ("first", "seen")}
    numbers = {name: float(x) for name, x in times.items() if isinstance(x, int | float)}
    try:
        name = labels.tidy("name", known.get("name", ""))
    except labels.LabelError:  # a file that was written by hand
        name = ""
    return Member(member, name, **numbers)


def note(root: Path, member: str, name: str | None = None) -> Member:
    """Keep that a workspace is in use, and its name if given; raises LabelError for a bad one."""
    known = read(root, member)
    now = time.time()
    if name is None and 0 <= now - known.seen < SEEN_EVERY:
        return known
    named = known.name if name is None else labels.tidy("name", name)
    new = Member(member, named, known.first or now, now)
    path = _path(root, member)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, {"name": new.name, "first": new.first, "seen": new.seen})
    return new


def everyone(root: Path) -> list[Member]:
    """All workspaces that were ever used here, by name."""
    ids = (path.stem for path in (root / "class" / "members").glob("*.json"))
    found = [read(root, member) for member in ids if ID.fullmatch(member)]
    return sorted(found, key=lambda member: (not member.name, member.title.casefold()))


def _path(root: Path, member: str) -> Path:
    return root / "class" / "members" / f"{member}.json"
