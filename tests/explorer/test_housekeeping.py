"""What the server's own thread logs and cleans."""

import json
import time

import pytest

from explorer import housekeeping, server_log
from explorer.housekeeping import Housekeeping
from explorer.runs import RunStore, disk, states


@pytest.fixture
def store(own_folders):
    made = RunStore()
    server_log.begin(made.root)
    yield made
    server_log.end()


def lines(store):
    return [json.loads(line) for line in (store.root / "server.log").read_text().splitlines()]


def describe(**more):
    return {"corpus": {"name": "t", "text": "t"}, "model": {}, "train": {}} | more


def test_the_life_of_a_run_is_logged(store):
    keeper = Housekeeping(store, list)
    keeper.look()
    run = store.create(describe(learner="0a1b2c"))
    for state in (states.QUEUED, states.TRAINING, states.FAILED):
        with run.owned():
            run.set_status(state=state, reason="It broke." if state == states.FAILED else "")
            keeper.look()
    told = lines(store)
    assert [line["event"] for line in told] == ["run.queued", "run.begun", "run.failed"]
    assert {line["run"] for line in told} == {run.id}
    assert {line["workspace"] for line in told} == {"0a1b2c"}
    assert (told[-1]["level"], told[-1]["reason"]) == ("error", "It broke.")


def test_a_budget_that_is_no_amount_is_logged_and_cleans_nothing(store, monkeypatch):
    monkeypatch.setenv("EXPLORER_DISK_BUDGET", "plenty")
    Housekeeping(store, list).clean()
    (line,) = lines(store)
    assert (line["event"], line["level"]) == ("cleaning.off", "error")
    assert "such as 20GB" in line["reason"]


def test_what_is_cleaned_is_logged(store, monkeypatch):
    monkeypatch.setenv("EXPLORER_DISK_BUDGET", "1")
    monkeypatch.setenv("EXPLORER_CLEAN_NOTICE", "0")
    run = store.create(describe())
    run.set_status(state=states.FINISHED)
    keeper = Housekeeping(store, list)
    later = disk.seconds_of(run.recorded()["updated"]) + 1
    monkeypatch.setattr(time, "time", lambda: later)
    keeper.clean()
    (line,) = lines(store)
    assert (line["event"], line["run"], line["reason"]) == ("run.cleaned", run.id, "run")
    assert not run.folder.exists()


def test_a_clock_set_back_by_a_day_cleans_nothing_early(store, monkeypatch):
    """By that clock the run has not ended yet: what was announced of it is announced anew."""
    monkeypatch.setenv("EXPLORER_DISK_BUDGET", "1")
    monkeypatch.setenv("EXPLORER_CLEAN_NOTICE", "1")
    run = store.create(describe())
    run.set_status(state=states.FINISHED)
    text = store.root / store.save_text("that no run learns from")["path"]
    keeper, ended = Housekeeping(store, list), disk.seconds_of(run.recorded()["updated"])

    def clean(hours):
        monkeypatch.setattr(time, "time", lambda: ended + hours * 3600)
        keeper.clean()
        return disk.announced(store.root)

    assert clean(-24) == {} and text.exists()
    announced = clean(2)[run.id].at
    assert announced > ended and not text.exists()
    assert clean(2 - 24) == {} and run.folder.exists()
    assert clean(3.1)[run.id].at > announced and run.folder.exists()
    clean(4.2)
    assert not run.folder.exists()
    assert [line["event"] for line in lines(store)] == ["texts.cleaned", "run.cleaned"]


def test_a_mistake_of_its_own_does_not_end_it(store, monkeypatch):
    keeper = Housekeeping(store, list)
    looks = []

    def look():
        looks.append(1)
        if len(looks) == 1:
            raise ZeroDivisionError("strange")
        keeper._ended.set()

    monkeypatch.setattr(keeper, "look", look)
    monkeypatch.setattr(keeper._ended, "wait", lambda seconds: None)
    monkeypatch.setattr(housekeeping, "CLEAN_FIRST", 0.0)
    keeper.work()
    assert len(looks) == 2
    assert [line["event"] for line in lines(store)] == ["housekeeping.error"]
