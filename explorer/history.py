"""What was trained so far: the runs of this server with what a list shows of them.

Reads only the small files of each run (what to train, where it stands, what it is called), never
its events.
"""

import functools
import os
from dataclasses import dataclass
from typing import Any

from explorer import differences
from explorer.language import say
from explorer.runs import disk, labels, states
from explorer.runs.labels import Labels
from explorer.runs.run import Run, RunError
from explorer.runs.store import RunStore

UNREADABLE = (RunError, KeyError, TypeError, ValueError, AttributeError)
REMEMBERED = 20_000  # runs of which is known what `_marks` says


@dataclass(frozen=True)
class Entry:
    """One run in a list. Losses in nats per token; None before the first estimate."""

    run: Run
    page: str
    name: str
    state: str
    step: int
    max_steps: int
    train_loss: float | None
    val_loss: float | None
    best_val_loss: float | None
    best_step: int | None
    corpus: str
    sha256: str
    created: str
    spec: dict[str, Any]
    labels: Labels

    @property
    def kept(self) -> tuple[int, float | None]:
        """Step and validation loss of the model that the run has saved: its best, where it keeps
        that, else its newest."""
        if self.spec["train"].get("keep_best") and self.best_step is not None:
            return self.best_step, self.best_val_loss
        return self.step, self.val_loss

    @property
    def title(self) -> str:
        """★ if it has one, and the learner's own name or the preset's: plain text, not markup."""
        return "★ " * self.labels.star + (self.labels.name or say(self.name))


def entries(
    store: RunStore, most: int = 200, learner: str | None = None, dear: bool = False
) -> list[Entry]:
    """The newest runs, newest first; runs that cannot be read are passed over.

    learner: of this workspace only, None: of all. dear: also the older ones that train or wait, and
    as many as `most` of those that are paused, and of those that have a star or need one because
    they are to be cleaned away.
    """
    found = []
    for run in reversed(_listed(store, most, learner, dear)):
        try:
            found.append(entry(run))
        except UNREADABLE:
            continue
    return found


def passed_over(
    store: RunStore, found: list[Entry], learner: str | None = None, most: int = 200
) -> int:
    """How many runs `entries` left out of `found`, because they were written by a newer version of
    this program, or are damaged."""
    return max(0, len(_listed(store, most, learner, dear=True)) - len(found))


def _listed(store: RunStore, most: int, learner: str | None, dear: bool) -> list[Run]:
    runs = store.list(learner)
    older, newest = runs[:-most], runs[-most:]
    if not dear or not older:
        return newest
    announced = disk.announced(store.root)
    marks = {run.id: _marks_of(run) for run in older}
    busy = {i for i, (state, _) in marks.items() if state in states.ACTIVE}
    kept = [i for i, (_, has_star) in marks.items() if has_star or i in announced][:most]
    paused = [i for i, (state, _) in marks.items() if state == states.PAUSED][-most:]
    shown = busy.union(kept, paused)
    return [run for run in older if run.id in shown] + newest


def _marks_of(run: Run) -> tuple[str, bool]:
    """The state of a run, and whether it has a star."""
    folder = str(run.folder)
    return _marks(folder, _written(f"{folder}/status.json"), _written(f"{folder}/{labels.FILE}"))


@functools.lru_cache(maxsize=REMEMBERED)
def _marks(folder: str, status: tuple[int, int], named: tuple[int, int]) -> tuple[str, bool]:
    """The two files are read anew only when they were written: a board looks every two seconds."""
    run = Run(folder)
    return str(run.recorded()["state"]), labels.read(run.folder).star


def _written(path: str) -> tuple[int, int]:
    """When a file was written, and which one it is: two may be written in one tick of the clock."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def starred_first(found: list[Entry]) -> list[Entry]:
    """The same runs, those with a star before the others, else in the given order."""
    return sorted(found, key=lambda entry: not entry.labels.star)


def best_by_page(
    found: list[Entry], sha256: str, tokens: str = differences.CHARACTERS
) -> dict[str, Entry]:
    """For each page its run with the lowest validation loss on the text with this SHA-256.

    Only runs with these tokens (see `differences.tokenizer_of`), whose losses can be compared.
    Without those that saw the answers: a model without the mask has a low loss and knows nothing.
    """
    best: dict[str, Entry] = {}
    for entry in found:
        saw_answers = not entry.spec["model"].get("causal", True)
        if entry.sha256 != sha256 or differences.tokenizer_of(entry.spec) != tokens:
            continue
        if entry.best_val_loss is None or saw_answers:
            continue
        known = best.get(entry.page)
        if known is None or entry.best_val_loss < (known.best_val_loss or 0.0):
            best[entry.page] = entry
    return best


def entry(run: Run) -> Entry:
    """One run; raises one of UNREADABLE when it cannot be read."""
    spec, status = run.spec(), run.recorded()
    best = status.get("best_val_loss")
    return Entry(
        run=run,
        page=spec.get("page", ""),
        name=spec["name"],
        state=status["state"],
        step=int(status.get("step") or 0),
        max_steps=spec["train"]["max_steps"],
        train_loss=status.get("train_loss"),
        val_loss=status.get("val_loss"),
        best_val_loss=status.get("val_loss") if best is None else best,
        best_step=status.get("best_step"),
        corpus=spec["corpus"]["name"],
        sha256=spec["corpus"]["sha256"],
        created=spec["created"],
        spec=spec,
        labels=labels.read(run.folder),
    )
