"""What becomes of a run whose worker died: how often it is tried again, and when it is not."""

import pytest

from explorer.runs import job, retry, states


@pytest.fixture
def training(run):
    run.set_status(state=states.TRAINING, step=7, pid=1)
    return run


def die(run):
    again = retry.settle(run, "It died.")
    if again:
        run.set_status(state=states.TRAINING)
    return again


def test_it_is_tried_three_times_without_progress_and_then_waits_for_a_click(training):
    assert [die(training) for _ in range(4)] == [True, True, True, False]
    status = training.status()
    assert status["state"] == "interrupted"
    assert "It died." in status["reason"] and "3 times" in status["reason"]
    notes = [(event["note"], event.get("attempt")) for event in training.events()[0]]
    assert notes == [("retried", 1), ("retried", 2), ("retried", 3), ("interrupted", None)]


def test_a_step_further_begins_the_count_anew(training, monkeypatch):
    saved = iter([10, 10, 10, 20, 20, 20, 20])
    monkeypatch.setattr(retry, "saved_step", lambda run: next(saved))
    assert [die(training) for _ in range(7)] == [True] * 6 + [False]


@pytest.mark.parametrize(("command", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_what_was_asked_for_is_obeyed_though_its_worker_is_dead(training, command, state):
    training.control(command)
    assert not die(training)
    status = training.status()
    assert (status["state"], status["reason"], status["asked"]) == (state, "It died.", None)


def test_the_saved_step_is_read_without_torch(run):
    assert retry.saved_step(run) == -1
    run.set_status(state=states.QUEUED)
    job.work(run, job.Signals())
    assert retry.saved_step(run) == 20
    data = run.resume_path.read_bytes()
    for damaged in (b"", data[:40], b"\xff" * 100):
        run.resume_path.write_bytes(damaged)
        assert retry.saved_step(run) == -1
