"""The EXPLORER_* variables of whoever starts a server, and what is wrong with them.

Each is read where it is used, where a value that it cannot have counts as none. Here all of them
are looked at together, so that no mistake is silent: the server says it on stderr and in its log
when it starts, Home and the class page say it to those who can do something about it. What nothing
works without, the folder of the runs and the executor, is refused by `engine.start`.
"""

import os
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from urllib.parse import urlsplit

from explorer import classroom
from explorer.classroom import rules
from explorer.runs import disk
from explorer.runs.executors import pool
from explorer.runs.store import RunStore
from gpt.errors import GPTError

NAMES = (
    "CLASS", "URL", "SLOTS", "TURN_MINUTES", "TEACHER_KEY", "RUNS", "DISK_BUDGET", "CLEAN_NOTICE",
    "MODELS", "EXECUTOR", "RAY_GPU_SHARE", "RAY_CORES",
)  # fmt: skip
PREFIX = "EXPLORER_"
LONGEST = 300  # characters of an address; a QR code has no room for some thousands
ALIKE = 0.8  # of two names, so that one is probably meant for the other


class VariableError(GPTError):
    """A variable that cannot be what it says."""


def mistakes() -> list[str]:
    """A sentence for each variable that is set to what it cannot be."""
    root = RunStore().root
    checks: list[Callable[[], object]] = [
        classroom.told,
        classroom.turn_minutes,
        lambda: rules.told_key(root),
        pool.told_slots,
        lambda: disk.budget_from(os.environ.get("EXPLORER_DISK_BUDGET")),
        lambda: disk.notice_from(os.environ.get("EXPLORER_CLEAN_NOTICE")),
        url,
        _models,
    ]
    named = [name.removeprefix(PREFIX) for name in sorted(os.environ) if name.startswith(PREFIX)]
    found = []
    for check in checks + [partial(_check_name, name) for name in named]:
        try:
            check()
        except GPTError as error:
            found.append(str(error))
    return found


def url() -> str:
    """EXPLORER_URL without a slash at its end, "" when it is not set. Raises VariableError."""
    told = os.environ.get("EXPLORER_URL", "").strip().rstrip("/")
    if told and not _is_address(told):
        raise VariableError(
            f"EXPLORER_URL is an address such as https://gpt.school.example, got {told[:40]!r}."
        )
    return told


def _is_address(told: str) -> bool:
    try:
        parts = urlsplit(told)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False
    plain = told.isprintable() and " " not in told and not (parts.query or parts.fragment)
    return named and plain and parts.scheme in ("http", "https") and len(told) <= LONGEST


def _models() -> None:
    told = os.environ.get("EXPLORER_MODELS", "")
    if told and not os.path.isdir(told):
        raise VariableError(f"EXPLORER_MODELS is {told[:80]!r}, and there is no such folder.")


def _check_name(name: str) -> None:
    for meant in get_close_matches(name, NAMES, n=1, cutoff=ALIKE):
        if meant != name:
            raise VariableError(f"There is no EXPLORER_{name}: it is called EXPLORER_{meant}.")
