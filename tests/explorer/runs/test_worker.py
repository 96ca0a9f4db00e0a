"""The process that trains, without its process: what it does with the messages it is given."""

import io
import json
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

import gpt
from explorer.runs import worker
from explorer.runs.executors.local import LocalExecutor
from explorer.runs.executors.process import PROJECT, WORKER
from tests.gpt.helpers import machine_probe


class Listener:
    """A worker as its executor sees it, which only listens."""

    run_id, ready = None, False

    def __init__(self):
        self.heard = []

    def send(self, **message):
        self.heard.append(message)


def test_the_machine_is_measured_once_in_its_life(tmp_path, tools):
    store = tools.store_at(tmp_path)
    executor = LocalExecutor(store, slots=1, warm=0)
    try:
        first, second = Listener(), Listener()
        executor._on_message(first, {"ready": True})
        (store.root / "machine.json").unlink()
        executor._on_message(second, {"ready": True})
    finally:
        executor.close()
    assert (first.heard, second.heard) == ([], [{"probe": str(store.root / "machine.json")}])


@pytest.mark.parametrize(
    "error", [RuntimeError("can't allocate memory"), MemoryError(), OSError(28)]
)
def test_a_machine_that_cannot_be_measured_trains_all_the_same(
    tmp_path, monkeypatch, capsys, error
):
    """Out of memory, or of disk: the process would die of it, and so would the next one."""

    def fail(**_):
        raise error

    monkeypatch.setattr(gpt, "probe_machine", fail)
    process = worker.Worker(io.StringIO())
    assert process._handle({"probe": str(tmp_path / "machine.json")}), "it is fit for a run"
    assert "Traceback" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} <= {"machine.lock"}


def test_a_run_that_comes_while_the_machine_is_measured_goes_first(tmp_path, monkeypatch):
    process = worker.Worker(io.StringIO())
    begun = []

    def probe(prepare):
        for flops in (1e6, 2e6, 3e6):
            prepare(flops)
            begun.append(flops)
            process._receive({"run": "a run"})

    monkeypatch.setattr(gpt, "probe_machine", probe)
    wish = {"probe": str(tmp_path / "machine.json")}
    assert process._handle(wish)
    assert begun == [1e6], "the second training of the probe was not begun"
    assert [process.inbox.get(), process.inbox.get()] == [{"run": "a run"}, wish]


def test_one_process_measures_at_a_time_and_what_is_measured_stands(tmp_path, monkeypatch):
    """In a class the workers of the first clicks got warm together and measured each other."""
    begun = []
    monkeypatch.setattr(worker, "measure", lambda path, go_on: begun.append(path))
    process, path = worker.Worker(io.StringIO()), tmp_path / "machine.json"
    with FileLock(tmp_path / "machine.lock"):
        process._handle({"probe": str(path)})
    assert not begun and process.inbox.empty()
    process._handle({"probe": str(path)})
    assert begun == [path]
    gpt.save_probe(path, machine_probe(step=1e-3, op=5e-5, flop=2e-11))
    process._handle({"probe": str(path)})
    assert begun == [path]


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux only")
def test_when_the_memory_is_full_the_system_ends_a_training_process_first():
    """Not the web server, which all learners would lose."""
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as it:
        assert "ready" in json.loads(it.stdout.readline())
        assert Path(f"/proc/{it.pid}/oom_score_adj").read_text().strip() == "1000"
        it.stdin.close()
