"""What a disk, a clock and other versions do to run folders, and what is then read from them."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest

import gpt
from explorer import history
from explorer.runs import Run, RunError, RunReader, RunStore, files, job, labels, migrations, states
from explorer.runs import run as run_module
from explorer.runs import store as store_module

GARBAGE = {
    "half a line": b'{"kind":"step","step":9,"lo',
    "binary": bytes(range(256)) * 20,
    "NULs": bytes(4096),
    "megabytes of NULs": bytes(2_500_000),
    "brackets": b"[" * 100_000,
    "an object of another kind": b'{"kind":"note","note":"continued","step":null}',
}


def train(run):
    run.set_status(state=states.QUEUED)
    return job.work(run, job.Signals())


def curve(run):
    reader = RunReader(run)
    reader.update()
    return reader.curve()["step"].tolist()


def write_spec(run, **changes):
    spec = json.loads((run.folder / "run.json").read_text()) | changes
    (run.folder / "run.json").write_text(json.dumps(spec))


@pytest.fixture
def halfway(store, tools):
    """A run that was left after its 2nd step."""
    run = store.create(tools.describe(max_steps=20, eval_interval=5))
    run.control("step")
    while run.status()["step"] < 2:
        run.control("step")
        train(run)
    run.control("run")
    return run


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_a_damaged_end_of_the_events_loses_only_itself(halfway, garbage, tools):
    reader = RunReader(halfway)
    reader.update()
    with open(halfway.folder / "events.jsonl", "ab") as file:
        file.write(garbage)
    reader.update()
    assert reader.curve()["step"].tolist() == [1, 2]
    (halfway.folder / "status.json").unlink()
    assert halfway.status()["step"] in (0, 2)
    assert train(halfway)[0] == "finished"
    reader.update()
    late = RunReader(halfway)
    late.update()
    for one in (reader, late):
        assert one.curve()["step"].tolist() == list(range(1, 21))
        assert one.damaged_lines >= 1
        assert one.finished["step"] == 20


def test_an_end_that_was_cut_off_is_read_anew(halfway):
    """By hand, or from a backup: the reader must not wait at a place that is no longer there."""
    reader = RunReader(halfway)
    reader.update()
    path = halfway.folder / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if b'"kind":"step"' in line)
    path.write_bytes(b"".join(lines[:last]))
    assert reader.update()
    assert reader.curve()["step"].tolist() == [1]


@pytest.mark.parametrize("left", [b"", bytes(2000), b"\x10\0\0\0\0\0\0\0{}"])
def test_a_saved_state_that_does_not_load_costs_time_but_not_the_run(halfway, tools, left):
    before = tools.losses(halfway)
    halfway.resume_path.write_bytes(left)
    assert train(halfway)[0] == "finished"
    losses = tools.losses(halfway)  # fails where a step has another loss the second time
    assert sorted(losses) == list(range(1, 21)) and before.items() <= losses.items()
    told = [e["reason"] for e in halfway.events()[0] if e.get("note") == "continued"]
    assert told[-1] == job.BEGINS_AGAIN
    reader = RunReader(halfway)
    reader.update()
    assert reader.curve()["step"].tolist() == list(range(1, 21))


def test_a_copy_made_in_the_middle_of_training_is_a_backup(store, tools, tmp_path, monkeypatch):
    """Of a finished run and of one that trains at that moment: OPERATIONS.md says to just copy."""
    done, trained = (store.create(tools.describe(max_steps=20, eval_interval=5)) for _ in range(2))
    assert train(done)[0] == "finished"
    take = gpt.Recorder.take

    def copy_there(recorder, event):
        take(recorder, event)
        if getattr(event, "step", 0) == 12 and not (tmp_path / "backup").exists():
            shutil.copytree(store.root, tmp_path / "backup")

    monkeypatch.setattr(gpt.Recorder, "take", copy_there)
    assert train(trained)[0] == "finished"
    shutil.move(store.root, tmp_path / "lost")
    whole, half = RunStore(tmp_path / "backup").list()
    assert [whole.id, half.id] == [done.id, trained.id]
    assert (whole.status()["state"], whole.status()["step"]) == ("finished", 20)
    assert half.status()["state"] == "interrupted"
    assert 0 < gpt.load_state(half.resume_path).meta["step"] <= 12
    for run, known in ((whole, range(20, 21)), (half, range(1, 13))):
        gpt.load_checkpoint(run.checkpoint_path)
        steps = curve(run)
        assert len(steps) in known and steps == list(range(1, len(steps) + 1))
    assert train(half)[0] == "finished"
    assert curve(half) == curve(whole)
    assert tools.losses(half) == tools.losses(Run(tmp_path / "lost" / half.id))


def test_a_clock_set_back_changes_no_order(store, tools, monkeypatch):
    class Clock(datetime):
        moment = datetime(2026, 6, 1, 12, tzinfo=UTC)

        @classmethod
        def now(cls, tz=None):
            return cls.moment

    for module in (store_module, run_module):
        monkeypatch.setattr(module, "datetime", Clock)
    runs = []
    for back in (0, 1, 3650, 30, 0):
        monkeypatch.setattr(Clock, "moment", Clock.moment - timedelta(days=back))
        runs.append(store.create(tools.describe(max_steps=3)))
    assert [run.id for run in store.list()] == [run.id for run in runs]
    assert [entry.run.id for entry in history.entries(store)] == [run.id for run in runs[::-1]]
    os.utime(runs[0].folder / "run.json", (0, 0))
    runs[0].control("pause")
    os.utime(runs[0].folder / "control.json", (0, 0))
    assert train(runs[0])[0] == "paused"
    runs[0].control("run")
    assert train(runs[0])[0] == "finished"


def test_a_run_of_the_first_release_is_read_as_one_of_today(run, tools):
    """Its description had no tokenizer and no learner, its status no count of commands."""
    spec = json.loads((run.folder / "run.json").read_text())
    old = {key: spec[key] for key in ("preset", "model", "train", "corpus")}
    for version in ({}, {"version": 0}, {"version": 1}):
        (run.folder / "run.json").write_text(json.dumps(old | version))
        (run.folder / "status.json").write_text('{"state": "created", "step": 0}')
        read = run.spec()
        assert read["version"] == migrations.VERSION
        assert (read["tokenizer"], read["page"], read["learner"]) == (
            {"kind": "character"},
            "",
            "",
        )
        assert (run.recorded()["serial"], run.recorded()["version"]) == (0, migrations.VERSION)
        assert history.entry(run).name == "bigram"
    assert "tokenizer" not in json.loads((run.folder / "run.json").read_text()), "it was rewritten"
    assert train(run)[0] == "finished"


def test_every_migration_has_a_name_of_its_own():
    names = [migration.name for migration in migrations.MIGRATIONS]
    assert len(set(names)) == len(names) == migrations.VERSION


@pytest.mark.parametrize("version", [migrations.VERSION + 1, "two", -1, None])
def test_a_newer_run_is_refused_in_one_sentence_and_counted(store, run, tools, version):
    other = store.create(tools.describe(max_steps=3))
    write_spec(run, version=version)
    with pytest.raises(RunError, match=r"newer version .* update the program"):
        run.spec()
    found = history.entries(store)
    assert [entry.run.id for entry in found] == [other.id]
    assert history.passed_over(store, found) == 1
    state, reason = train(run)
    assert (state, "newer version" in reason) == ("failed", True)


def test_a_status_of_a_newer_program_is_refused_and_kept(run):
    told = json.dumps({"version": 99, "state": "training", "step": "far"})
    (run.folder / "status.json").write_text(told)
    status = run.status()
    assert status["state"] == "failed"
    assert "update the program" in status["reason"]
    with pytest.raises(RunError, match="update the program"):
        run.set_status(state=states.QUEUED)
    assert (run.folder / "status.json").read_text() == told


@pytest.mark.parametrize(
    "told", [{"state": "flying"}, {"state": ["training"]}, {"state": "stopped", "step": "far"}]
)
def test_a_status_that_means_nothing_counts_as_none(store, run, told):
    """A page looked up words for the state, the log counted the step: both ended in an error."""
    (run.folder / "status.json").write_text(json.dumps(told))
    assert (run.status()["state"], run.status()["step"]) == ("created", 0)
    assert [entry.state for entry in history.entries(store)] == ["created"]


def test_looking_at_a_deleted_run_does_not_make_it_again(store, run):
    store.delete(run.id)
    with pytest.raises(RunError, match="may have been deleted"), run.owned():
        pass
    assert not run.folder.exists()
    assert run.status()["state"] == "created"
    with pytest.raises(labels.LabelError):
        labels.write(run.folder, name="gone")


def test_what_killed_programs_left_half_done_is_cleaned_up(store, run, tools):
    (store.root / ".deleted-x" / "snapshots").mkdir(parents=True)
    for name in (".new-old", ".new-now"):  # the second is perhaps being made at this moment
        (store.root / name).mkdir()
        (store.root / name / "run.json").write_text("{")
    os.utime(store.root / ".new-old", (0, 0))
    (run.folder / ".status.json.1.2").write_text("{")
    (run.folder / ".control.json.1.2").write_text("{")  # perhaps of a page, at this moment
    (run.folder / ".labels.json.1.2").write_text("{")
    os.utime(run.folder / ".labels.json.1.2", (0, 0))
    run.sweep()
    store.delete(store.create(tools.describe()).id)
    assert sorted(p.name for p in store.root.glob(".*")) == [".new-now"]
    assert [p.name for p in run.folder.glob(".*")] == [".control.json.1.2"]


def test_the_events_file_is_closed_off_without_reading_it_all(tmp_path):
    """A long run has hundreds of megabytes of events."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"step": 1}\n{"st')
    for _ in range(2):
        log = gpt.record.EventLog(path)
        log.add({"step": 2})
        log.close()
    events, _, damaged = files.read_lines(path, 0)
    assert ([event["step"] for event in events], damaged) == ([1, 2, 2], 1)
    assert Run(tmp_path).events()[0] == events
