"""Training in real processes: a whole life, and everything that can cut it short."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import gpt
from explorer.runs import RunReader, RunStore, job
from explorer.runs.executors import process
from explorer.runs.executors.local import LocalExecutor

PROJECT = Path(__file__).parents[3]
ENDED = ("finished", "failed", "interrupted", "stopped", "paused", "suspended")
LONG = 1_000_000  # steps: never reached


def is_running(pid):
    """Whether a process exists and is more than a corpse that its parent has not yet looked at."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module")
def executor(tmp_path_factory):
    """Two slots, shared by the tests: a new process takes seconds to get warm."""
    local = LocalExecutor(
        RunStore(tmp_path_factory.mktemp("runs")), slots=2, warm=2, save_every=0.2
    )
    yield local
    pids = [worker.pid for worker in local.pool.workers]
    local.close()
    assert not any(map(is_running, pids))


@pytest.fixture
def start(executor, tools):
    """Make and submit a run; whatever still trains or waits at the end is stopped."""
    started = []

    def start_run(**settings):
        run = executor.store.create(tools.describe(**settings))
        started.append(run)
        assert executor.submit(run.id)
        return run

    yield start_run
    for run in started:
        executor.command(run.id, "stop")
    tools.wait_for(lambda: not executor.active())


@pytest.fixture
def ended(tools):
    def wait(run, *states):
        return tools.wait_for(lambda: tools.state_of(run) in (states or ENDED))

    return wait


def reaches(run, step):
    return lambda: any(e["kind"] == "step" and e["step"] >= step for e in run.events()[0])


def kinds(run):
    return [event.get("note") or event["kind"] for event in run.events()[0]]


@pytest.fixture(scope="module")
def expected(tools, tmp_path_factory):
    """The losses of a run that nothing interrupts."""
    store = RunStore(tmp_path_factory.mktemp("undisturbed"))
    run = store.create(tools.describe(max_steps=600))
    run.set_status(state="queued")
    job.work(run, job.Signals())
    return tools.losses(run)


def test_the_life_of_a_run(executor, start, ended, tools):
    run = start(max_steps=600)
    ended(run)
    status = run.status()
    assert (status["state"], status["outcome"], status["step"]) == ("finished", "completed", 600)
    told = kinds(run)
    assert told[:5] == ["queued", "started", "evaluation", "sample", "snapshot"]
    assert told[-6:] == ["step", "evaluation", "sample", "snapshot", "finished", "finished"]
    assert [e["step"] for e in run.events()[0] if e["kind"] == "step"] == list(range(1, 601))
    assert [step for step, _ in run.snapshots()][-3:] == [200, 500, 600]
    model, tokenizer, _ = gpt.load_checkpoint(run.checkpoint_path)
    assert gpt.generate(model, tokenizer, "g", max_new_tokens=3, seed=1)
    tools.wait_for(lambda: not executor.active())
    assert not executor.submit(run.id), "a finished run has nothing left to do"
    assert executor.position(run.id) is None


def test_pausing_changes_no_loss(executor, start, ended, tools, expected):
    run = start(max_steps=600)
    for step in (3, 120, 333):
        tools.wait_for(reaches(run, step))
        executor.command(run.id, "pause")
        ended(run)
        if tools.state_of(run) == "finished":
            break
        tools.wait_for(lambda: not run.is_alive())  # it says so before it lets go of its lock
        size = (run.folder / "events.jsonl").stat().st_size
        gpt.load_checkpoint(run.checkpoint_path)
        assert (run.folder / "events.jsonl").stat().st_size == size, "a paused run wrote on"
        executor.command(run.id, "continue")
    ended(run, "finished")
    assert kinds(run).count("continued") >= 1
    assert tools.losses(run) == expected


def test_a_single_step_is_one_update(executor, start, ended, tools, expected):
    run = executor.store.create(tools.describe(max_steps=600))
    for step in (1, 2, 3):
        executor.command(run.id, "step")
        tools.wait_for(lambda step=step: run.status()["step"] == step)
        ended(run, "paused")
        assert sorted(tools.losses(run)) == list(range(1, step + 1))
    executor.command(run.id, "continue")
    tools.wait_for(reaches(run, 50))
    executor.command(run.id, "step")  # also in the middle of training: one more, then pause
    ended(run, "paused", "finished")
    executor.command(run.id, "continue")
    ended(run, "finished")
    assert tools.losses(run) == expected


def test_a_stopped_run_can_go_on(executor, start, ended, tools, expected):
    run = start(max_steps=600)
    tools.wait_for(reaches(run, 100))
    executor.command(run.id, "stop")
    ended(run)
    gpt.load_checkpoint(run.checkpoint_path)
    executor.submit(run.id)
    ended(run, "finished")
    assert tools.losses(run) == expected


def test_pause_and_continue_in_one_breath_leave_the_run_training(executor, start, tools):
    run = start(max_steps=LONG)
    for _ in range(5):
        executor.command(run.id, "pause")
        executor.command(run.id, "continue")
    step = run.status()["step"]
    tools.wait_for(reaches(run, step + 200))


def test_two_browsers_pressing_everything_at_once_change_no_loss(executor, ended, tools, expected):
    """Two runs, two hands on both: every command, in any order, a hundred times each."""
    runs = [executor.store.create(tools.describe(max_steps=600)) for _ in range(2)]

    def press(seed):
        hand = random.Random(seed)
        for _ in range(100):
            run, command = (
                hand.choice(runs),
                hand.choice(["pause", "continue", "step", "stop", None]),
            )
            executor.command(run.id, command) if command else executor.submit(run.id)
            time.sleep(hand.random() * 0.02)

    hands = [threading.Thread(target=press, args=(seed,)) for seed in (1, 2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    for run in runs:
        executor.command(run.id, "continue")
        ended(run, "finished")
        assert tools.losses(run) == expected
    tools.wait_for(lambda: not executor.active())


def test_the_queue_is_visible_and_can_be_left(executor, start, tools):
    first, second, third, fourth = (start(max_steps=LONG) for _ in range(4))
    runs = (first, second, third, fourth)
    assert [executor.position(r.id) for r in runs] == [0, 0, 1, 2]
    assert executor.waiting() == [third.id, fourth.id]
    assert not executor.submit(fourth.id), "a double click must change nothing"
    assert not executor.submit(first.id)
    executor.command(third.id, "stop")
    assert third.status()["state"] == "stopped"
    assert [executor.position(r.id) for r in runs] == [0, 0, None, 1]
    tools.wait_for(reaches(first, 1))
    assert not executor.submit(first.id)
    executor.command(first.id, "stop")
    tools.wait_for(lambda: executor.position(fourth.id) == 0)
    tools.wait_for(reaches(fourth, 1))
    assert kinds(third) == ["queued", "stopped"]
    assert kinds(first).count("started") == 1


def test_a_killed_process_interrupts_its_run_and_nothing_else(
    executor, start, ended, tools, expected
):
    other, run = start(max_steps=LONG), start(max_steps=LONG)
    tools.wait_for(reaches(run, 60))
    os.kill(run.recorded()["pid"], signal.SIGKILL)
    ended(run)
    tools.wait_for(lambda: "killed" in run.recorded()["reason"])
    assert tools.state_of(run) == "interrupted"
    assert tools.state_of(other) == "training"
    assert run.id not in executor.active(), "an interrupted run must not go on by itself"
    reader = RunReader(run)
    reader.update()
    executor.command(run.id, "continue")
    tools.wait_for(reaches(run, 600))
    executor.command(run.id, "stop")
    ended(run, "stopped")
    losses = tools.losses(run)
    assert {step: losses[step] for step in expected} == expected
    reader.update()
    assert reader.curve(10**9)["step"].tolist() == list(range(1, len(losses) + 1))


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


def test_a_run_with_a_mistake_fails_with_its_sentence(executor, tools, ended):
    run = executor.store.create(tools.describe() | {"corpus": {"name": "no such text"}})
    executor.submit(run.id)
    ended(run)
    assert run.status()["state"] == "failed"
    assert "no such text" in run.status()["reason"]


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
    store = RunStore(tmp_path)
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
    store = RunStore(tmp_path)
    run = store.create(tools.describe())
    local = LocalExecutor(store, slots=1)
    try:
        local.submit(run.id)
        tools.wait_for(lambda: tools.state_of(run) in ("failed", "interrupted"))
        assert "process" in run.status()["reason"]
        tools.wait_for(lambda: not local.pool.workers)
    finally:
        local.close()


NURSERY = """
import os, signal, sys, time
from explorer.runs import RunStore, job, worker
worker.warm_up()
run = RunStore(sys.argv[1]).list()[0]
for delay in map(float, sys.argv[2:]):
    run.set_status(state="queued")
    if (child := os.fork()) == 0:
        job.work(run, job.Signals(), save_every=0.01)
        os._exit(0)
    while run.recorded()["state"] == "queued":
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(run.status()["state"], flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to be quick")
def test_whenever_a_run_is_killed_its_checkpoint_loads_and_it_goes_on(tmp_path, tools):
    """Twelve kills at odd moments of a run that saves all the time."""
    store = RunStore(tmp_path)
    run = store.create(tools.describe(max_steps=LONG, eval_interval=20))
    delays = [str(0.02 + 0.017 * i) for i in range(12)]
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(tmp_path), *delays],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as nursery:
        for _ in delays:
            assert nursery.stdout.readline() == b"interrupted\n"
            if run.checkpoint_path:  # it may be killed before there is a first one
                gpt.load_checkpoint(run.checkpoint_path)
            nursery.stdin.write(b"\n")
            nursery.stdin.flush()
    reader = RunReader(run)
    reader.update()
    steps = reader.curve(10**9)["step"].tolist()
    assert steps == list(range(1, len(steps) + 1)), "a step is missing or told twice"
    assert len(steps) > 12
    run.sweep()
    assert not list(run.folder.rglob("*/.*"))
    assert tools.losses(run)
