"""Runs of other versions of this program: older ones are read as today's, newer ones refused.

A run folder stays as it was written: what is missing is filled in each time it is read, so a
program that is set back to its old version still finds its own runs. Add a step at the end of
MIGRATIONS for every change that an older program would misunderstand; its place is its version.
Events need none: a line without a field has no value there (a gap in the curve).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Migration:
    """Brings run.json and status.json from the version before to the next one."""

    name: str
    spec: Callable[[dict[str, Any]], dict[str, Any]]
    status: Callable[[dict[str, Any]], dict[str, Any]]


def _described_in_full(spec: dict[str, Any]) -> dict[str, Any]:
    """The first releases knew neither tokenizers nor learners; the command line named no page."""
    absent = {"name": spec.get("preset", "run"), "page": "", "device": "auto", "learner": ""}
    return absent | {"tokenizer": {"kind": "character"}, "threads": 0, "created": ""} | spec


def _counted_commands(status: dict[str, Any]) -> dict[str, Any]:
    """A status without `serial` has heard no command yet; without `pid` nobody trains it."""
    return {"serial": 0, "pid": None} | status


MIGRATIONS = [Migration("described in full", _described_in_full, _counted_commands)]
VERSION = len(MIGRATIONS)

TOO_NEW = (
    "Run {run} was written by a newer version of this program (format {version}; this one reads up"
    " to {most}): update the program to open it."
)


def version_of(told: dict[str, Any]) -> int | None:
    """The version of a run.json or status.json; None for one that this program cannot read.

    The first releases wrote 1, but no `tokenizer`: such a description counts as version 0.
    """
    version = told.get("version", 0)
    if not isinstance(version, int) or not 0 <= version <= VERSION:
        return None
    return 0 if "model" in told and "tokenizer" not in told else version


def too_new(run_id: str, told: dict[str, Any]) -> str:
    """The sentence for a run whose `version_of` is None."""
    return TOO_NEW.format(run=run_id, version=str(told.get("version"))[:20], most=VERSION)


def migrate(told: dict[str, Any], what: str) -> dict[str, Any]:
    """`told` as this version would have written it; `what` is "spec" or "status"."""
    version = version_of(told)
    assert version is not None, "a newer run is refused before"
    for migration in MIGRATIONS[version:]:
        told = getattr(migration, what)(told)
    return told | {"version": VERSION}
