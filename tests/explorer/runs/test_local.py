"""Training in processes of this machine: what all executors do, and what only they can."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import gpt
from explorer.runs import job
from explorer.runs.executors import pool, process
from explorer.runs.executors.executor import TURN_OVER
from explorer.runs.executors.local import LocalExecutor
from tests.explorer.runs.executor_tests import *  # noqa: F403
from tests.explorer.runs.executor_tests import LONG, PROJECT, kinds, reaches


def is_running(pid):
    """Whether a process exists and is more than a corpse that its parent has not yet looked at."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    "told, cores, free, slots",
    [
        ("", 8, 64e9, 2),
        ("", 2, 64e9, 2),
        ("", 1, 64e9, 1),
        ("", 8, 0.9e9, 1),
        ("", 12, 64e9, 3),
        ("", 64, 64e9, 16),
        ("", 64, 3.1e9, 5),
        ("5", 2, 1e9, 5),
        ("many", 8, 64e9, 2),
    ],
)
def test_slots_are_as_many_as_the_machine_has_room_for(monkeypatch, told, cores, free, slots):
    monkeypatch.setenv("EXPLORER_SLOTS", told)
    monkeypatch.setattr(pool.psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    assert pool.default_slots(cores) == slots


@pytest.fixture(scope="module")
def executor(tmp_path_factory, tools):
    """Two slots, shared by the tests: a new process takes seconds to get warm."""
    store = tools.store_at(tmp_path_factory.mktemp("runs"))
    local = LocalExecutor(store, slots=2, warm=2, save_every=0.2)
    yield local
    pids = [worker.pid for worker in local.pool.workers]
    local.close()
    assert not any(map(is_running, pids))


def test_a_second_executor_does_not_train_what_the_first_trains(executor, start, tools):
    run = start(max_steps=LONG)
    tools.wait_for(reaches(run, 1))
    second = LocalExecutor(executor.store, slots=1, warm=0)
    try:
        assert not second.submit(run.id)
        assert (second.active(), second.pool.workers) == ([], [])
        second.command(run.id, "stop")  # but it may steer it
        tools.wait_for(lambda: tools.state_of(run) == "stopped")
    finally:
        second.close()


def leave_memory(pid, most):
    """Let a process of this machine have `most` bytes more than it has (Linux)."""
    has = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (has + most, has + most))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits another process")
def test_a_run_without_memory_fails_alone_and_its_slot_is_free_again(executor, start, tools):
    """Its own mistake: said in one sentence, not tried again; the run beside it notices nothing."""
    other = start(max_steps=LONG)
    tools.wait_for(reaches(other, 1))
    tools.wait_for(lambda: any(w.ready and w.run_id is None for w in executor.pool.workers))
    (idle,) = (w.pid for w in executor.pool.workers if w.run_id is None)
    leave_memory(idle, 300_000_000)
    settings = {"batch_size": 128, "block_size": 256, "n_embd": 512, "n_head": 8, "eval_iters": 1}
    preset = gpt.PRESETS["gpt_mini"].with_settings(settings)
    recipe = {"model": preset.model.to_dict(), "train": preset.train.to_dict()}
    big = executor.store.create(tools.describe() | recipe)
    before = other.status()["step"]
    executor.submit(big.id)
    tools.wait_for(lambda: tools.state_of(big) == "failed")
    assert big.status()["reason"] == job.MEMORY
    assert kinds(big)[-1] == "failed" and "retried" not in kinds(big)
    tools.wait_for(reaches(other, before + 50))
    assert kinds(other).count("started") == 1
    small = start(max_steps=9)
    tools.wait_for(lambda: tools.state_of(small) == "finished")
    tools.wait_for(lambda: executor.active() == [other.id])
    assert not is_running(idle), "a fresh process took over"
    assert tools.state_of(big) == "failed"


SERVER = """
import sys, time
from explorer.runs import RunStore
from explorer.runs.executors.local import LocalExecutor
executor = LocalExecutor(RunStore(sys.argv[1]), slots=1, save_every=0.2)
executor.submit(sys.argv[2])
print(executor.pool.workers[0].pid, flush=True)
time.sleep(600)
"""


def test_a_run_outlives_a_killed_server_and_a_closed_one(tmp_path, tools, expected):
    store = tools.store_at(tmp_path)
    run, waiting = (store.create(tools.describe(max_steps=600, eval_iters=500)) for _ in range(2))
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), run.id], cwd=PROJECT, stdout=subprocess.PIPE
    ) as server:
        pid = int(server.stdout.readline())
        tools.wait_for(reaches(run, 20))
        assert is_running(pid)
        server.kill()
    tools.wait_for(lambda: not is_running(pid))
    assert tools.state_of(run) == "suspended"
    assert gpt.load_state(run.resume_path).meta["step"] == run.status()["step"]

    second = LocalExecutor(store, slots=1)  # goes on by itself
    second.submit(waiting.id)
    tools.wait_for(lambda: "continued" in kinds(run))
    pids = [worker.pid for worker in second.pool.workers]
    second.close()
    assert not any(map(is_running, pids))
    assert tools.state_of(waiting) == "queued"
    assert tools.state_of(run) == "suspended"

    run.set_status(state="queued")
    assert job.work(run, job.Signals())[0] == "finished"
    assert tools.losses(run) == expected


def test_a_process_that_never_starts_is_said_and_not_tried_for_ever(tmp_path, monkeypatch, tools):
    monkeypatch.setattr(process, "WORKER", [sys.executable, "-c", "raise SystemExit('broken')"])
    store = tools.store_at(tmp_path)
    run = store.create(tools.describe())
    local = LocalExecutor(store, slots=1)
    try:
        local.submit(run.id)
        tools.wait_for(lambda: tools.state_of(run) in ("failed", "interrupted"))
        assert "process" in run.status()["reason"]
        tools.wait_for(lambda: not local.pool.workers)
    finally:
        local.close()


def test_a_process_that_nobody_could_hear_is_ended(tmp_path, monkeypatch):
    def no_thread(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(process, "WORKER", [sys.executable, "-c", "import time; time.sleep(60)"])
    begun, popen = [], process.subprocess.Popen
    keep = lambda *args, **more: begun.append(popen(*args, **more)) or begun[0]  # noqa: E731
    monkeypatch.setattr(process.subprocess, "Popen", keep)
    monkeypatch.setattr(process.threading.Thread, "start", no_thread)
    with pytest.raises(RuntimeError, match="new thread"):
        process.WorkerProcess(tmp_path / "log", print, print)
    assert begun[0].returncode is not None
    begun[0].stdin.close()
    begun[0].stdout.close()


def test_a_long_run_gives_way_to_another_learner_and_goes_on_by_itself(tmp_path, tools):
    """A learner who leaves does not hold the only slot for ever."""
    executor = LocalExecutor(tools.store_at(tmp_path), slots=1, turn=0.4)
    try:
        ann = executor.store.create(tools.describe(max_steps=LONG) | {"learner": "ann"})
        executor.submit(ann.id)
        tools.wait_for(reaches(ann, 50))
        own = executor.store.create(tools.describe(max_steps=30) | {"learner": "ann"})
        executor.submit(own.id)
        tools.wait_for(reaches(ann, 700))  # who waits for herself takes no turn away
        assert tools.state_of(own) == "queued"
        ben = executor.store.create(tools.describe(max_steps=30) | {"learner": "ben"})
        executor.submit(ben.id)
        tools.wait_for(lambda: tools.state_of(ben) == "finished")
        tools.wait_for(lambda: tools.state_of(own) == "finished")
        before = ann.recorded()["step"]
        tools.wait_for(reaches(ann, before + 50))  # it is her turn again
        told = [e["reason"] for e in ann.events()[0] if e.get("note") == "queued"]
        # On a busy machine Ben, too, may train for a whole turn, and Ann give way to him again.
        assert told[:2] == ["", TURN_OVER] and set(told[1:]) == {TURN_OVER}
        steps = [e["step"] for e in ann.events()[0] if e["kind"] == "step"]
        assert steps == list(range(1, len(steps) + 1))
        executor.command(ann.id, "pause")
        tools.wait_for(lambda: tools.state_of(ann) == "paused" and not executor.active())
    finally:
        executor.close()
