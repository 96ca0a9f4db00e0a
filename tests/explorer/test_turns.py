"""When a waiting run's turn comes: the same for all who ask, and reckoned once."""

import math

import pytest

import gpt
from explorer import engine, turns
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from explorer.runs.waiting import expected_waits
from tests.gpt.helpers import machine_probe


@pytest.mark.parametrize(
    ("left", "own", "slots", "starts"),
    [
        ([10, 30], [100, 5, 5], 2, [10, 30, 35]),
        ([], [7, 7, 7], 2, [0, 0, 7]),
        ([4], [], 1, []),
        ([], [7, 7], 0, [math.inf, math.inf]),  # a cluster without a machine
    ],
)
def test_each_starts_when_the_first_slot_is_free(left, own, slots, starts):
    assert expected_waits(left, own, slots) == starts


class Busy:
    """An executor with one slot, taken, and a line before it."""

    slots = 1

    def __init__(self, active, waiting, turn=None, held=0.0):
        self.active, self.waiting, self.turn = lambda: active, lambda: waiting, turn
        self.turn_left = lambda run_id: math.inf if turn is None else turn - held


@pytest.fixture
def line(own_folders, monkeypatch):
    """Three runs of the same size: the first trains, two wait."""
    runs = RunStore(own_folders / "runs")
    spec = gpt.describe_run(gpt.PRESETS["bigram"], gpt.load_corpus("python_docs"), "cpu")
    made = [runs.create(spec | {"page": "bigram"}) for _ in range(3)]
    gpt.save_probe(runs.root / "machine.json", machine_probe(step=1e-3, op=5e-5, flop=2e-11))
    monkeypatch.setattr(engine, "store", lambda: runs)
    ids = [run.id for run in made]
    monkeypatch.setattr(engine, "executor", lambda: Busy(ids[:1], ids[1:]))
    return made


def test_the_second_in_line_waits_twice_as_long(line):
    first, second = (turns.wait_of(run.id) for run in line[1:])
    assert first > 0 and second == pytest.approx(2 * first)
    assert turns.wait_of(line[0].id) is None, "it does not wait"


def test_a_turn_is_over_for_others_alone_and_counts_down(line, monkeypatch):
    training, *waiting = [run.id for run in line]
    whole = turns.wait_of(waiting[0])

    def wait(held):
        turns._waits.clear()
        busy = Busy([training], waiting, turn=whole / 2, held=held)
        monkeypatch.setattr(engine, "executor", lambda: busy)
        return turns.wait_of(waiting[0])

    assert wait(0.0) == whole / 2 and wait(whole / 4) == whole / 4
    monkeypatch.setattr(engine.store(), "learner_of", lambda run_id: "ann")
    assert wait(0.0) == whole, "nobody gives way to a run of their own"


def test_a_class_that_waits_reads_each_run_once(line, monkeypatch):
    """Thirty pages that each looked at all runs before theirs kept a core busy."""
    read, spec = [], Run.spec
    monkeypatch.setattr(Run, "spec", lambda run: read.append(run.id) or spec(run))
    for _ in range(30):
        assert all(turns.wait_of(run.id) for run in line[1:])
    assert sorted(read) == sorted(run.id for run in line)


def test_a_turn_after_a_run_on_a_device_that_was_not_measured_is_not_known(line, monkeypatch):
    """It was reckoned with the speed of the device that was."""
    first, *waiting = line
    other = engine.store().create(first.spec() | {"device": "cuda"})
    busy = Busy([other.id], [run.id for run in waiting])
    monkeypatch.setattr(engine, "executor", lambda: busy)
    assert [turns.wait_of(run.id) for run in waiting] == [None, None]
    busy.turn, busy.turn_left = 60.0, lambda run_id: 60.0
    turns._waits.clear()
    assert turns.wait_of(waiting[0].id) == 60.0, "its turn ends, however long it is"


def test_nobody_promises_a_turn_where_nothing_can_train(line, monkeypatch):
    executor = Busy([], [run.id for run in line])
    executor.slots = 0
    monkeypatch.setattr(engine, "executor", lambda: executor)
    assert turns.wait_of(line[0].id) is None
