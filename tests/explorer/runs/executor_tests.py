"""What every executor must do, whatever its workers are: a whole life, and all that cuts it short.

`test_local.py` and `test_ray.py` import these tests and give them their `executor`. What becomes of
runs when a server is killed differs, and is told in each.
"""

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

import gpt
from explorer.runs import RunReader, RunStore, job

PROJECT = Path(__file__).parents[3]
ENDED = ("finished", "failed", "interrupted", "stopped", "paused", "suspended")
LONG = 1_000_000  # steps: never reached


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
    """Whether it has told of this step, to be asked often: each time it reads what is new."""
    offset, reached = 0, False

    def look():
        nonlocal offset, reached
        events, offset = run.events(offset)
        reached = reached or any(e["kind"] == "step" and e["step"] >= step for e in events)
        return reached

    return look


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
    run = start(max_steps=LONG)
    for times, step in enumerate((3, 120, 333), start=1):
        tools.wait_for(reaches(run, step))
        executor.command(run.id, "pause")
        ended(run, "paused")
        tools.wait_for(lambda: not run.is_alive())  # it says so before it lets go of its lock
        size = (run.folder / "events.jsonl").stat().st_size
        gpt.load_checkpoint(run.checkpoint_path)
        assert (run.folder / "events.jsonl").stat().st_size == size, "a paused run wrote on"
        executor.command(run.id, "continue")
        tools.wait_for(lambda times=times: kinds(run).count("continued") == times)
    tools.wait_for(reaches(run, 600))
    executor.command(run.id, "stop")
    ended(run, "stopped")
    losses = tools.losses(run)
    assert {step: losses[step] for step in expected} == expected


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
    third.set_status(state="suspended")  # as a server does that ends; another one takes it up
    executor.command(third.id, "pause")
    assert third.status()["state"] == "paused"
    tools.wait_for(reaches(first, 1))
    assert not executor.submit(first.id)
    executor.command(first.id, "stop")
    tools.wait_for(lambda: executor.position(fourth.id) == 0)
    tools.wait_for(reaches(fourth, 1))
    assert [kind for kind in kinds(third) if kind != "queued"] == ["stopped", "paused"]
    assert kinds(first).count("started") == 1


def test_who_pauses_a_run_can_say_why(executor, start, ended, tools):
    """Its owner reads the reason where the state stands; it is gone when the run goes on."""
    first, waiting = start(max_steps=LONG), [start(max_steps=LONG) for _ in range(2)][1]
    executor.command(waiting.id, "pause", "The class is over.")
    tools.wait_for(reaches(first, 1))
    executor.command(first.id, "pause", "The class is over.")
    ended(first, "paused")
    for run in (first, waiting):
        assert run.status()["reason"] == "The class is over."
    executor.command(first.id, "continue")
    tools.wait_for(lambda: tools.state_of(first) == "training")
    assert not first.status()["reason"]
    executor.command(first.id, "pause")  # its owner, who knows
    ended(first, "paused")
    assert not first.status()["reason"]


def test_learners_take_turns(executor, start, tools):
    """Ann's three runs came first; Ben's one is next all the same."""
    first = [start(max_steps=LONG) for _ in range(2)]
    whose = [("ann", 0), ("ann", 1), ("ben", 0)]
    runs = {who: executor.store.create(tools.describe() | {"learner": who[0]}) for who in whose}
    for run in runs.values():
        executor.submit(run.id)
    order = [runs[who].id for who in (("ann", 0), ("ben", 0), ("ann", 1))]
    assert executor.waiting() == order
    assert [executor.position(run_id) for run_id in order] == [1, 2, 3]
    for run in [*runs.values(), *first]:
        executor.command(run.id, "stop")


def test_a_killed_process_takes_nothing_with_it(executor, start, tools, expected):
    """Its run goes on by itself from what was saved; the run beside it notices nothing."""
    other, run = start(max_steps=LONG), start(max_steps=LONG)
    tools.wait_for(reaches(run, 60))
    tools.wait_for(reaches(other, 1))
    pid = run.recorded()["pid"]
    os.kill(pid, signal.SIGKILL)
    tools.wait_for(lambda: "retried" in kinds(run))
    reader = RunReader(run)
    reader.update()
    tools.wait_for(reaches(run, 600))
    executor.command(run.id, "stop")
    tools.wait_for(lambda: tools.state_of(run) == "stopped")
    (told,) = [note for note in run.events()[0] if note.get("note") == "retried"]
    assert "killed" in told["reason"] and told["attempt"] == 1
    assert tools.state_of(other) == "training" and kinds(other).count("started") == 1
    losses = tools.losses(run)
    assert {step: losses[step] for step in expected} == expected
    reader.update()
    assert reader.curve(10**9)["step"].tolist() == list(range(1, len(losses) + 1))


def test_a_pause_asked_of_a_dying_process_is_kept(executor, start, tools):
    """Stopped in its tracks, it cannot obey any more; then it is killed. The run must not go on."""
    run = start(max_steps=LONG)
    tools.wait_for(reaches(run, 20))
    pid = run.recorded()["pid"]
    os.kill(pid, signal.SIGSTOP)
    executor.command(run.id, "pause")
    os.kill(pid, signal.SIGKILL)
    tools.wait_for(lambda: not executor.active())
    assert tools.state_of(run) == "paused" and "killed" in run.recorded()["reason"]
    executor.command(run.id, "continue")
    tools.wait_for(lambda: "continued" in kinds(run) or kinds(run).count("started") == 2)


def test_a_run_with_a_mistake_fails_with_its_sentence_and_is_not_tried_again(
    executor, tools, ended
):
    run = executor.store.create(tools.describe() | {"corpus": {"name": "no such text"}})
    executor.submit(run.id)
    ended(run)
    tools.wait_for(lambda: not executor.active())
    assert run.status()["state"] == "failed"
    assert "no such text" in run.status()["reason"]
    assert kinds(run) == ["queued", "failed"]
