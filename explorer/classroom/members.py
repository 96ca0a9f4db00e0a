"""A workspace for everyone, without signing up: a secret key, and what is public of it.

The key (192 random bits) opens the workspace; the learner's browser and personal link hold it. Run
folders hold only the id, from which nobody can find the key: a copy of the folder, or a look at
another's run, opens nothing. An account of an OpenID provider stands for a key where there is one.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from explorer.classroom.rules import ClassError
from explorer.language import say
from explorer.runs import files, labels

KEY = re.compile(r"[A-Za-z0-9_-]{32}")
ID = re.compile(r"[0-9a-f]{20}")
MOST = 2000  # names: whoever makes up keys fills no disk with them


@dataclass(frozen=True)
class Member:
    """What the class knows of a workspace."""

    id: str
    name: str = ""

    @property
    def title(self) -> str:
        """Its name, or a short mark of it: plain text, not markup."""
        return self.name or say("guest {mark}", mark=self.id[:4])


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
    try:
        return Member(member, labels.tidy("name", known.get("name", "")))
    except labels.LabelError:  # a file that was written by hand
        return Member(member)


def rename(root: Path, member: str, name: str) -> None:
    """Keep a name; raises LabelError for a bad one, ClassError for one too many, OSError when it
    cannot be written. Nothing is kept of those without a name: a visit alone writes nothing."""
    tidy, path = labels.tidy("name", name), _path(root, member)
    if not tidy:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() and sum(1 for _ in path.parent.iterdir()) >= MOST:
        raise ClassError(f"This server keeps {MOST} names, which is its limit: ask your teacher.")
    files.write_json(path, {"name": tidy})


def named(root: Path) -> dict[str, Member]:
    """All workspaces that were given a name, by their ids."""
    ids = (path.stem for path in (root / "class" / "members").glob("*.json"))
    return {member: read(root, member) for member in ids if ID.fullmatch(member)}


def _path(root: Path, member: str) -> Path:
    return root / "class" / "members" / f"{member}.json"
