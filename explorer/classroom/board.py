"""Every run of the class in a table: whose, what, how far, how good. Reads run folders only."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

import gpt
from explorer import cache, differences, frames, history
from explorer.classroom import checks
from explorer.classroom.members import Member
from explorer.classroom.tasks import Task
from explorer.history import Entry
from explorer.language import say
from explorer.runs.reader import size_of
from explorer.runs.run import Run
from explorer.runs.store import RunStore

MOST = 200  # of the newest runs on the board
RECENT = 100  # steps that a speed is the median of
SAMPLE = 90  # characters of a sample in the table
MEASURED = ["place", "validation loss", "judged", "training loss", "tokens/s"]  # or not yet
ORDER = {"training": 0, "queued": 1, "suspended": 1, "paused": 2}


class News(NamedTuple):
    """What the events of a run say by now: its speed (tokens a second), the beginning of its last
    sample, and its estimates, as many as a chart shows."""

    speed: float | None
    sample: str
    estimates: Sequence[Mapping[str, Any]]


def entries(store: RunStore, waiting: Sequence[str] = (), most: int = MOST) -> list[Entry]:
    """The newest runs of all workspaces, and the dear ones among the older (see `history.entries`):
    those that train first, then those of the queue `waiting` in its order, then all others, the
    newest first."""
    places = {run_id: place for place, run_id in enumerate(waiting)}

    def order(entry: Entry) -> tuple[int, int]:
        return ORDER.get(entry.state, 3), places.get(entry.run.id, 0)

    return sorted(history.entries(store, most, dear=True), key=order)


def how_many(store: RunStore) -> int:
    """Runs of all workspaces, those that no list shows too."""
    return len(store.list())


def rows(
    entries: Sequence[Entry],
    members: Mapping[str, Member],
    waiting: Sequence[str],
    judged: Mapping[str, float],
    handed_out: Mapping[str, Task],
) -> pd.DataFrame:
    """Columns learner, state, place, page, task (how much of it is reached), step, of, validation
    loss (nats per token), judged (bits per character, see fairness), training loss, what is
    different, text, run, tokens/s, sample. handed_out: the tasks of this server, by code.
    """
    places = {run_id: place for place, run_id in enumerate(waiting, 1)}
    table = pd.DataFrame([_row(entry, members, places, judged, handed_out) for entry in entries])
    return table.astype(dict.fromkeys(table.columns.intersection(MEASURED), float))


def _row(
    entry: Entry,
    members: Mapping[str, Member],
    places: Mapping[str, int],
    judged: Mapping[str, float],
    handed_out: Mapping[str, Task],
) -> dict[str, Any]:
    news = news_of(entry.run)
    return {
        "learner": learner(entry, members),
        "state": entry.state,
        "place": places.get(entry.run.id),
        "page": entry.page,
        "task": reached(entry, handed_out),
        "step": entry.step,
        "of": entry.max_steps,
        "validation loss": entry.val_loss,
        "judged": judged.get(entry.run.id),
        "training loss": entry.train_loss,
        "what is different": ", ".join(changed(entry.spec)),
        "text": entry.corpus,
        "run": entry.title,
        "tokens/s": news.speed,
        "sample": news.sample,
    }


def news_of(run: Run) -> News:
    return _news(str(run.folder), size_of(run.folder / "events.jsonl"))


@functools.lru_cache(maxsize=20 * MOST)
def _news(folder: str, size: int) -> News:
    """Of a run whose events have this size. Only the few runs that train grow: without this, each
    look would read the events of all anew."""
    reader = cache.reader(folder)
    reader.update()
    samples = reader.samples[-1:]
    text = " ".join(samples[0]["text"].split()) if samples else ""
    return News(reader.speed(RECENT), text[:SAMPLE], frames.thin(reader.evaluations))


def reached(entry: Entry, handed_out: Mapping[str, Task]) -> str:
    """How far a run is with the task that it was begun in: "✓ Warm up", "1 of 2 · Warm up"."""
    task = handed_out.get(str(entry.spec.get("task") or ""))
    if task is None or not task.checks:
        return task.title if task else ""
    done, all = checks.reached(entry.run, task), len(task.checks)
    so_far = "✓" if done == all else say("{done} of {all} ·", done=done, all=all)
    return f"{so_far} {task.title}"


def learner(entry: Entry, members: Mapping[str, Member]) -> str:
    """The name of the workspace that a run belongs to."""
    owner = str(entry.spec.get("learner") or "")
    known = members.get(owner)
    return known.title if known else Member(owner).title if owner else "–"


def changed(spec: Mapping[str, Any]) -> list[str]:
    """In what a run differs from the preset that it began with: "n_layer 2" and so on."""
    preset = gpt.PRESETS.get(spec.get("preset", ""))
    tokens = differences.tokenizer_of(spec)
    told = [] if tokens == differences.CHARACTERS else [tokens]
    if preset is None:
        return told
    usual = preset.model.to_dict() | preset.train.to_dict()
    own = dict(spec["model"]) | dict(spec["train"])
    return told + [
        f"{name} {differences.show(own[name])}"
        for name, value in usual.items()
        if name in own and own[name] != value and not _is_idle(name, own)
    ]


def _is_idle(name: str, settings: Mapping[str, Any]) -> bool:
    """Whether a setting does nothing here, so that nobody need know of it."""
    return name == "feed_forward_multiple" and not settings.get("feed_forward")
