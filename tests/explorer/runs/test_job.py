"""What a job says when it may not train, and when it fails: one sentence, and what was saved."""

import errno

import pytest

import gpt
from explorer.runs import RunError, job, states


@pytest.fixture
def queued(run):
    run.set_status(state=states.QUEUED)
    return run


def test_a_run_is_trained_and_recorded(queued, tools):
    assert job.work(queued, job.Signals()) == ("finished", "All 20 steps are done.")
    status = queued.status()
    assert (status["step"], status["outcome"], status["pid"]) == (20, "completed", None)
    assert sorted(tools.losses(queued)) == list(range(1, 21))
    model, _, card = gpt.load_checkpoint(queued.checkpoint_path)
    assert not model.training
    assert card["run"] == queued.id


def test_a_run_keeps_the_tokenizer_that_it_was_made_with(store, tools):
    spec = tools.describe(max_steps=4) | {"tokenizer": {"kind": "bpe", "vocab_size": 270}}
    run = store.create(spec)
    run.set_status(state=states.QUEUED)
    assert job.work(run, job.Signals())[0] == "finished"
    model, tokenizer, _ = gpt.load_checkpoint(run.checkpoint_path)
    assert tokenizer.kind == "bpe" and model.vocab_size == tokenizer.vocab_size == 270


@pytest.mark.parametrize("state", ["paused", "stopped", "finished", "created"])
def test_a_run_that_does_not_wait_is_left_alone(run, state):
    """It was taken out of the queue, or trained by another server, after it was handed over."""
    run.set_status(state=state)
    before = run.recorded()
    assert job.work(run, job.Signals()) == ("declined", "")
    assert run.recorded() == before


def test_a_run_that_somebody_else_owns_is_left_alone(queued, monkeypatch):
    monkeypatch.setattr(job, "OWNER_WAIT", 0.05)
    before = queued.recorded()
    with queued.owned():
        assert job.work(queued, job.Signals()) == ("busy", "")
    assert queued.recorded() == before


def test_a_command_given_before_the_first_step_is_obeyed(queued):
    queued.control("pause")
    assert job.work(queued, job.Signals()) == ("paused", "")
    assert queued.status()["asked"] is None


def test_a_pause_is_obeyed_in_the_middle_of_an_evaluation(queued, monkeypatch, tools):
    take = gpt.Recorder.take

    def pause_there(recorder, event):
        if isinstance(event, gpt.Evaluating) and event.step == 20 and event.done == 1:
            queued.control("pause")
        take(recorder, event)

    monkeypatch.setattr(gpt.Recorder, "take", pause_there)
    assert job.work(queued, job.Signals())[0] == "paused"
    assert "finished" not in [e["kind"] for e in queued.events()[0]]
    queued.control("run")
    queued.set_status(state=states.QUEUED)
    monkeypatch.setattr(gpt.Recorder, "take", take)
    assert job.work(queued, job.Signals())[0] == "finished"
    assert sorted(tools.losses(queued)) == list(range(1, 21))


FAILURES = [
    (OSError(errno.ENOSPC, "No space left on device"), "interrupted", "disk is full"),
    (RuntimeError("I/O error: No space left on device (os error 28)"), "interrupted", "full"),
    (MemoryError(), "failed", "not enough memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "failed", "memory"),
    (gpt.TextError("The text is too short."), "failed", "The text is too short."),
    (ZeroDivisionError("oops"), "failed", "worker.log"),
]


@pytest.mark.parametrize(("error", "state", "words"), FAILURES, ids=lambda v: str(v)[:20])
def test_a_failure_is_told_in_a_sentence_and_the_last_checkpoint_stays(
    queued, monkeypatch, error, state, words
):
    saves = []

    def save_twice(*args, save=gpt.record.save_state):
        saves.append(args)
        if len(saves) > 1:
            raise error
        save(*args)

    monkeypatch.setattr("gpt.record.save_state", save_twice)
    assert job.work(queued, job.Signals())[0] == state
    status = queued.status()
    assert status["state"] == state
    assert words in status["reason"]
    assert "\n" not in status["reason"]
    assert type(error).__name__ in (queued.folder / "worker.log").read_text()
    gpt.load_checkpoint(queued.checkpoint_path)
    assert gpt.load_state(queued.resume_path).meta["step"] == 0
    assert not queued.is_alive()


def test_a_disk_that_takes_nothing_at_all_does_not_hide_the_reason(queued, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("explorer.runs.files.write_bytes", full)
    monkeypatch.setattr("explorer.runs.files.write_all", full)
    assert job.work(queued, job.Signals()) == ("interrupted", states.FULL)


def test_another_text_under_the_same_name_is_refused(queued, monkeypatch, tools):
    spec = queued.spec()
    spec["corpus"]["sha256"] = "0" * 64
    with pytest.raises(RunError, match="not the one this run was made for"):
        job.load_corpus(queued, spec)
