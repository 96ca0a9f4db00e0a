"""The table of a class: right, and read at the price of what is new."""

import json

import pytest

import gpt
from explorer import cache
from explorer.classroom import board, members, tasks
from explorer.runs import labels
from explorer.runs.run import Run
from explorer.runs.store import RunStore


@pytest.fixture
def store(own_folders):
    return RunStore(own_folders / "runs")


def begin(store, learner, task="", **settings):
    preset = gpt.PRESETS["bigram"].with_settings(settings)
    spec = gpt.describe_run(preset, gpt.load_corpus("python_docs"), "cpu")
    return store.create(spec | {"page": "bigram", "learner": learner, "task": task})


def tell(run, *events):
    with open(run.folder / "events.jsonl", "a") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def test_a_row_says_whose_what_how_far_and_how_good(store):
    ann = members.id_of("ann")
    members.rename(store.root, ann, "Ann")
    run, other = begin(store, ann, max_steps=700), begin(store, members.id_of("ben"))
    run.set_status(state="training", step=50, train_loss=2.5, val_loss=2.75)
    other.set_status(state="queued")
    tell(run, {"kind": "step", "step": 50, "loss": 2.5, "tokens_per_second": 1e5})
    tell(run, {"kind": "sample", "step": 50, "prompt": " ", "text": "one\n" + "two " * 99})
    table = board.rows(
        board.entries(store), members.named(store.root), [other.id], {run.id: 3.9}, {}
    )
    first, second = table.to_dict("records")
    assert (first["learner"], first["what is different"]) == ("Ann", "max_steps 700")
    assert (first["state"], first["step"], first["of"]) == ("training", 50, 700)
    assert (first["training loss"], first["validation loss"], first["judged"]) == (2.5, 2.75, 3.9)
    assert first["tokens/s"] == 1e5 and first["sample"].startswith("one two two")
    assert len(first["sample"]) == board.SAMPLE
    assert second["learner"] == f"guest {members.id_of('ben')[:4]}" and second["place"] == 1


def test_those_that_train_come_first_then_the_queue_in_its_order(store):
    old, third, first, second, trains, new = (begin(store, "ann") for _ in range(6))
    for run in (first, second, third):
        run.set_status(state="queued")
    trains.set_status(state="training")
    with trains.owned():
        shown = board.entries(store, [first.id, second.id, third.id])
    expected = [trains, first, second, third, new, old]
    assert [entry.run.id for entry in shown] == [run.id for run in expected]


@pytest.mark.parametrize("state", ["training", "queued", "suspended", "paused"])
def test_an_old_run_that_can_be_steered_is_on_the_board_however_many_came_after(store, state):
    """It could not be stopped: two hundred newer ones had pushed it off the board."""
    old, over, *newer = (begin(store, "ann") for _ in range(5))
    over.set_status(state="finished")
    assert old.id not in {entry.run.id for entry in board.entries(store, most=2)}
    old.set_status(state=state)
    shown = [old.id, newer[2].id, newer[1].id]
    assert [entry.run.id for entry in board.entries(store, most=2)] == shown
    old.set_status(state="finished")
    assert [entry.run.id for entry in board.entries(store, most=2)] == shown[1:]


def test_the_number_of_dear_runs_cuts_off_none_that_trains(store):
    starred, trains, waits, *_ = (begin(store, "ann") for _ in range(4))
    labels.write(starred.folder, star=True)
    trains.set_status(state="training")
    waits.set_status(state="queued")
    assert len(board.entries(store, most=1)) == 4


def test_of_runs_that_are_paused_as_many_are_kept_as_the_board_has(store):
    """A learner may leave three hundred, and the board is drawn anew every two seconds."""
    *paused, newest = (begin(store, "ann") for _ in range(6))
    for run in paused:
        run.set_status(state="paused")
    shown = {newest.id, *(run.id for run in paused[2:])}  # the newest two, and two of the older
    assert {entry.run.id for entry in board.entries(store, most=2)} == shown


def test_a_look_at_old_runs_reads_only_what_was_written_since(store, monkeypatch):
    old, other, _ = (begin(store, "ann") for _ in range(3))
    board.entries(store, most=1)
    read, recorded = [], Run.recorded
    monkeypatch.setattr(Run, "recorded", lambda run: read.append(run.id) or recorded(run))
    board.entries(store, most=1)
    assert not {old.id, other.id} & set(read)
    old.set_status(state="finished")
    read.clear()
    board.entries(store, most=1)
    assert old.id in read and other.id not in read


def test_a_look_reads_only_the_events_of_runs_that_have_news(store, monkeypatch):
    """More runs than the cache holds readers: each look read the events of all from the start."""
    runs = [begin(store, "ann") for _ in range(3)]
    for run in runs:
        tell(run, {"kind": "step", "step": 1, "loss": 4.0, "tokens_per_second": 5.0})
    entries = board.entries(store)
    board.rows(entries, {}, [], {}, {})
    read, reader = [], cache.reader
    monkeypatch.setattr(cache, "reader", lambda folder: read.append(folder) or reader(folder))
    tell(runs[1], {"kind": "step", "step": 2, "loss": 4.0, "tokens_per_second": 7.0})
    table = board.rows(entries, {}, [], {}, {})
    assert read == [str(runs[1].folder)]
    assert sorted(table["tokens/s"]) == [5.0, 5.0, 6.0]


def test_the_board_tells_how_much_of_its_task_a_run_has_reached(store):
    told = {"title": "Warm up", "page": "bigram", "checks": [
        {"measure": "steps", "at_least": 50}, {"measure": "validation loss", "at_most": 2.6},
    ]}  # fmt: skip
    task = tasks.from_json(json.dumps(told))
    doing, outside = begin(store, "ann", task=task.code), begin(store, "ben")
    for run in (doing, outside):
        tell(run, {"kind": "step", "step": 50, "loss": 2.5})

    def shown():
        rows = board.rows(board.entries(store), {}, [], {}, {task.code: task})
        return dict(zip(rows["learner"], rows["task"], strict=True))

    ann, ben = (members.Member(learner).title for learner in ("ann", "ben"))
    assert shown() == {ann: "1 of 2 · Warm up", ben: ""}
    tell(doing, {"kind": "evaluation", "step": 50, "train_loss": 2.5, "val_loss": 2.55})
    assert shown() == {ann: "✓ Warm up", ben: ""}
