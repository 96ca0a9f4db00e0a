"""Who gives way, and what ends no look. The workers of the executor train nothing, so that a test
says when they obey."""

import contextlib
import shutil

import pytest

from explorer.runs import RunError, files, states
from explorer.runs.executors import executor as executor_module
from explorer.runs.executors.executor import RunExecutor
from explorer.runs.executors.pool import Pool
from explorer.runs.executors.ray_worker import RayWorker

TURN = 0.1


@pytest.fixture
def executor(store):
    pool = Pool(1, 0, lambda: RayWorker(lambda worker, message: None))
    executor = RunExecutor(store, pool, turn=TURN)
    yield executor
    pool.workers = []  # nobody to wait for
    executor.close()


@pytest.fixture
def ann(executor, tools):
    """A run that holds the only slot, and what lets it go."""
    run = executor.store.create(tools.describe() | {"learner": "ann"})
    executor.submit(run.id)
    with contextlib.ExitStack() as lock:
        lock.enter_context(run.owned())
        run.set_status(state=states.TRAINING)
        yield run, lock.close


@pytest.fixture
def ben(ann, executor, tools):
    """A run that waits for it."""
    run = executor.store.create(tools.describe() | {"learner": "ben"})
    executor.submit(run.id)
    return run


def asked(run):
    return run.asked()["command"]


def test_a_full_disk_ends_no_turns_for_good(ann, executor, tools, monkeypatch):
    """One error ended the thread, and whoever trained kept the slot until a restart."""
    tried, (run, _) = [], ann

    def full(*_, **__):
        tried.append(1)
        raise OSError(28, "No space left on device")

    ben = executor.store.create(tools.describe() | {"learner": "ben"})
    executor.submit(ben.id)
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_json", full)
        tools.wait_for(lambda: tried)
    tools.wait_for(lambda: asked(run) == "pause")


def test_a_click_on_continue_does_not_keep_the_slot(ann, ben, executor, tools):
    run, obey = ann
    tools.wait_for(lambda: asked(run) == "pause")
    for command in ("continue", "pause", "continue"):
        executor.command(run.id, command)
        assert asked(run) == "pause"
    obey()
    run.set_status(state=states.PAUSED, serial=run.asked()["serial"])
    (worker,) = executor.pool.workers
    executor._on_message(worker, {"done": run.id, "state": states.PAUSED, "reason": ""})
    assert executor.active() == [ben.id] and executor.waiting() == [run.id]
    assert asked(run) == "run", "it goes on by itself"


def test_another_servers_continue_makes_nobody_exempt(ann, ben, tools):
    run, _ = ann
    for _ in range(3):
        tools.wait_for(lambda: asked(run) == "pause")
        run.control("run")
    tools.wait_for(lambda: asked(run) == "pause")


def test_the_end_of_a_turn_is_no_answer_to_a_stop(ann, ben, executor, tools):
    """The owner's click came first; the run would have gone on by itself."""
    run, _ = ann
    executor.command(run.id, "stop")
    tools.wait_for(lambda: executor.turn_left(run.id) == 0)
    with pytest.raises(AssertionError):
        tools.wait_for(lambda: asked(run) != "stop", seconds=2 * TURN)


def test_a_run_whose_worker_dies_at_the_end_of_its_turn_goes_on(ann, ben, executor, tools):
    run, die = ann
    tools.wait_for(lambda: asked(run) == "pause")
    die()
    (worker,) = executor.pool.workers
    executor._on_exit(worker, "killed")
    assert run.recorded()["state"] == states.QUEUED and asked(run) == "run"


@pytest.fixture
def troubled(store, monkeypatch):
    """An executor that looks often, and what its next attempts meet: errors, or none (False)."""
    monkeypatch.setattr(executor_module, "STRANGERS_EVERY", 0.05)
    meets = {"list": [], "start": []}

    def first(what, then):
        def attempt(*args):
            if error := meets[what] and meets[what].pop(0):
                raise error
            return then(*args)

        return attempt

    monkeypatch.setattr(type(store), "list", first("list", type(store).list))
    pool = Pool(1, 0, first("start", lambda: RayWorker(lambda worker, message: None)))
    executor = RunExecutor(store, pool)
    yield executor, meets
    pool.workers = []
    executor.close()


def test_one_look_that_fails_is_not_the_last(troubled, tools):
    """Of runs that another server has left."""
    executor, meets = troubled
    meets["list"] += [OSError(28, "No space left on device"), RunError("gone")]
    tools.wait_for(lambda: not meets["list"])
    left = executor.store.create(tools.describe())
    left.set_status(state=states.SUSPENDED)
    tools.wait_for(lambda: executor.active() == [left.id])


@pytest.mark.parametrize(
    "error", [OSError(12, "Cannot allocate memory"), RuntimeError("can't start new thread")]
)
def test_a_process_for_which_there_is_no_room_now_is_said_and_started_later(troubled, tools, error):
    executor, meets = troubled
    meets["start"] += [error] * 20
    run = executor.store.create(tools.describe())
    assert executor.submit(run.id) and executor.waiting() == [run.id]
    assert (getattr(error, "strerror", None) or str(error)) in executor.trouble
    tools.wait_for(lambda: executor.active() == [run.id])
    assert executor.trouble == ""


def test_a_waiting_run_whose_folder_is_gone_holds_nobody_up(troubled, tools):
    executor, _ = troubled
    first, gone, second = (executor.store.create(tools.describe()) for _ in range(3))
    for run in (first, gone, second):
        executor.submit(run.id)
    shutil.rmtree(gone.folder)
    (worker,) = executor.pool.workers
    first.set_status(state=states.FINISHED)
    executor._on_message(worker, {"done": first.id, "state": states.FINISHED, "reason": ""})
    assert executor.active() == [second.id] and executor.waiting() == []
