"""A run is a folder: made whole, found safely, told truthfully."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from explorer.runs import Run, RunBusy, RunError, RunStore, states
from explorer.runs import store as store_module

NOBODY = "20260101-000000-000000-" + "0" * 20
PAGE_IMPORTS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import explorer.runs, explorer.runs.executors.local, explorer.runs.worker
assert not {"torch", "streamlit"} & set(sys.modules), "a page would wait for them"
"""


def test_a_page_can_look_at_runs_before_torch_is_there():
    subprocess.run([sys.executable, "-c", PAGE_IMPORTS], cwd=Path(__file__).parents[3], check=True)


def test_a_run_appears_whole_with_a_sortable_name_nobody_can_guess(store, tools):
    runs = [store.create(tools.describe()) for _ in range(3)]
    assert [r.id for r in store.list()] == [r.id for r in runs]
    assert len({r.id[-20:] for r in runs}) == 3
    assert sorted(os.listdir(runs[0].folder)) == ["run.json", "status.json"]
    spec = store.get(runs[0].id).spec()
    assert (spec["version"], spec["id"], spec["preset"]) == (1, runs[0].id, "bigram")
    assert state_and_step(runs[0]) == ("created", 0)


def state_and_step(run):
    return run.status()["state"], run.status()["step"]


def test_a_learners_runs_are_listed_and_no_description_is_read_twice(store, tools, monkeypatch):
    """A server of a class lists thousands of runs at every click."""
    own = store.create(tools.describe() | {"learner": "ann"})
    copied = store.create(tools.describe() | {"learner": "ben"})
    whole = (copied.folder / "run.json").read_bytes()
    (copied.folder / "run.json").write_bytes(whole[:40])  # from a backup, not complete yet
    assert [run.id for run in store.list("ann")] == [own.id] and len(store.list()) == 2
    (copied.folder / "run.json").write_bytes(whole)
    assert [run.id for run in store.list("ben")] == [copied.id]
    monkeypatch.setattr(store_module.files, "read_json", lambda path: pytest.fail(f"{path} again"))
    assert [run.id for run in store.list("ann")] == [own.id] and len(store.list()) == 2


def test_a_run_that_cannot_be_written_leaves_nothing(store, tools):
    with pytest.raises(TypeError):
        store.create(tools.describe() | {"name": object()})
    assert store.list() == []
    assert os.listdir(store.root) == ["texts"]


def test_the_place_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "elsewhere"))
    assert RunStore().root == tmp_path / "elsewhere"
    assert RunStore().list() == []


def test_a_pasted_text_is_kept_once_under_its_hash(store, tools):
    first, second = (store.create(tools.describe()) for _ in range(2))
    assert len(os.listdir(store.root / "texts")) == 1
    corpus = first.spec()["corpus"]
    assert corpus == second.spec()["corpus"]
    assert corpus["path"] == f"texts/{corpus['sha256']}.txt"
    assert len(first.text()) == corpus["characters"]


@pytest.mark.parametrize("text", ["two\r\nlines\n", "é \N{SNOWMAN} 𝔘", "a lone \ud800"])
def test_texts_come_back_exactly(store, tools, text):
    run = store.create(tools.describe() | {"corpus": {"name": "mine", "text": text}})
    assert run.text() == text


@pytest.mark.parametrize("run_id", ["", "..", "../texts", "x" * 500, NOBODY])
def test_only_real_runs_are_found(store, tools, run_id):
    store.create(tools.describe())
    with pytest.raises(RunError, match="There is no run"):
        store.get(run_id)


def test_a_newer_version_is_refused_in_one_sentence(run):
    spec = run.spec() | {"version": 2}
    (run.folder / "run.json").write_text(json.dumps(spec))
    with pytest.raises(RunError, match=r"newer version .* update the program"):
        run.spec()


def test_a_text_outside_its_folder_is_refused(run):
    spec = run.spec()
    spec["corpus"]["path"] = "../../secrets.txt"
    (run.folder / "run.json").write_text(json.dumps(spec))
    with pytest.raises(RunError, match="must lie in texts/"):
        run.text()


def test_missing_pieces_are_tolerated(run):
    (run.folder / "status.json").unlink()
    assert run.status()["state"] == "created"
    assert run.events() == ([], 0)
    assert run.snapshots() == []
    assert run.checkpoint_path is None
    (run.folder / "status.json").write_text("{")
    assert run.status()["state"] == "created"
    (run.folder / "run.json").write_text("{")
    with pytest.raises(RunError, match="missing or damaged"):
        run.spec()


def test_a_run_of_the_command_line_has_no_status_and_is_still_understood(run):
    (run.folder / "status.json").unlink()
    with open(run.folder / "events.jsonl", "w") as file:
        for step in range(200):
            file.write(json.dumps({"kind": "step", "step": step, "loss": 2.0}) + "\n")
    assert state_and_step(run) == ("stopped", 199)
    with open(run.folder / "events.jsonl", "a") as file:
        file.write('{"kind": "finished", "step": 200, "message": "All done.", "val_loss": 1.5}\n')
    assert state_and_step(run) == ("finished", 200)
    assert (run.status()["reason"], run.status()["val_loss"]) == ("All done.", 1.5)


def test_a_run_that_says_training_but_has_no_owner_was_interrupted(run):
    """After kill -9 or a power cut nobody could correct status.json."""
    run.set_status(state=states.TRAINING, step=7)
    status = run.status()
    assert (status["state"], status["step"]) == ("interrupted", 7)
    assert "ended without a word" in status["reason"]
    with run.owned():
        assert Run(run.folder).status()["state"] == "training"
    assert run.recorded()["state"] == "training", "looking must not write"


def test_a_run_has_one_owner(run):
    with run.owned():
        assert run.is_alive()
        with pytest.raises(RunBusy, match="another process"), Run(run.folder).owned(wait=0.05):
            pass
    assert not run.is_alive()


def test_a_command_is_shown_until_it_is_obeyed(run):
    with pytest.raises(RunError, match="no command 'jump'"):
        run.control("jump")
    run.set_status(state=states.TRAINING, serial=0)
    run.control("pause")
    with run.owned():
        assert run.status()["asked"] == "pause"
        run.set_status(serial=1)
        assert run.status()["asked"] is None
        run.control("run")
        assert run.asked() == {"command": "run", "serial": 2}
        assert run.status()["asked"] is None, "going on is not worth a word"


def test_notes_are_events(run):
    run.note("interrupted", "The power failed.", step=3)
    (event,), offset = run.events()
    assert (event["kind"], event["note"], event["step"]) == ("note", "interrupted", 3)
    assert run.events(offset) == ([], offset)


def test_snapshots_are_sorted_by_step_and_strange_files_passed_over(run):
    folder = run.folder / "snapshots"
    folder.mkdir()
    for name in ("000500", "1000000", "000005", ".x"):
        (folder / f"{name}.safetensors").touch()
    assert [step for step, _ in run.snapshots()] == [5, 500, 1000000]


def test_deleting_spares_a_run_that_trains(store, run):
    with run.owned(), pytest.raises(RunBusy):
        store.delete(run.id)
    store.delete(run.id)
    assert store.list() == []
    assert os.listdir(store.root) == ["texts"]


def test_many_eyes_on_a_dead_run_all_see_the_truth(run):
    """Two pages that test one lock at the same moment must not take each other for its owner."""
    run.set_status(state=states.TRAINING, loss=float("nan"))
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: run.status()["state"], range(200)))
    assert set(seen) == {"interrupted"}
    assert run.status()["loss"] is None


def test_nothing_new_is_begun_on_a_disk_that_is_nearly_full(store, tools, monkeypatch):
    usage = shutil.disk_usage(Path(__file__))._replace(free=150_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(RunError, match="150 MB left of the 200 MB"):
        store.create(tools.describe())
    with pytest.raises(RunError, match="Delete some runs"):
        store.save_text("a text that is not here yet")
    assert not list((store.root / "texts").iterdir())
    assert store.list() == []
