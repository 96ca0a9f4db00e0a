"""The server's line to a cluster, with a Desk of a few lines in place of Ray: what it does while
nobody answers."""

import json
import socket
import threading
from dataclasses import asdict

import pytest

import gpt
from explorer.runs import RunError
from explorer.runs.executors import ray_door, ray_line, ray_session
from explorer.runs.executors.ray import RayExecutor
from tests.explorer.runs.executor_tests import kinds
from tests.gpt.helpers import machine_probe


class Desk:
    """Has as many slots as told, and workers that are warm at once and take whatever comes."""

    def __init__(self):
        self.slots, self.away, self.tried, self.left = 2, None, 0, []
        self.speaks = threading.Event()
        self.speaks.set()

    def connect(self, address, user):
        self.tried += 1
        if self.away:
            raise self.away
        return self

    def probe(self, seconds):
        return json.dumps(asdict(machine_probe(seconds, 1e-5, 1e-11))).encode()

    def exchange(self, server, needs, orders, seen, timeout):
        self.speaks.wait()
        if self.away:
            raise self.away
        self.left += [name for _, name, order in orders if "leave" in order]
        news = {name: [(1, {"ready": True})] for name, number in seen.items() if number == 0}
        for _, name, order in orders:
            if "probe" in order:
                news[name] = [(2, {"probe": self.probe(1)})]
        return {"slots": self.slots, "news": news, "unknown": []}


@pytest.fixture
def desk(monkeypatch):
    desk = Desk()
    monkeypatch.setattr(ray_session, "connect", desk.connect)
    monkeypatch.setattr(ray_session, "disconnect", lambda user, failed=True: None)
    for name, value in {
        "ASK_EVERY": 0.01,
        "TRY_AGAIN": (0.01,),
        "GIVE_UP_AFTER": 0.1,
        "SILENT": 0.2,
    }.items():
        monkeypatch.setattr(ray_line, name, value)
    return desk


@pytest.fixture
def executor(desk, store, tools):
    store.root.mkdir(exist_ok=True)  # else the first run makes it
    executor = RayExecutor(store, "ray://head:10001")
    tools.wait_for(lambda: executor.slots == 2 and not executor.trouble)
    yield executor
    desk.away = RuntimeError("gone")  # or its workers would be waited for
    tools.wait_for(lambda: executor.trouble)
    executor.close()


def test_a_run_dies_once_with_its_cluster_however_long_that_is_away(desk, executor, tools):
    run = executor.store.create(tools.describe())
    executor.submit(run.id)
    tools.wait_for(lambda: run.is_alive())  # the line owns it
    run.set_status(state="training", step=7)
    desk.away = ConnectionError("no route")
    tools.wait_for(lambda: executor.waiting() == [run.id])
    tried = desk.tried
    tools.wait_for(lambda: desk.tried > tried + 30)
    assert kinds(run).count("retried") == 1 and run.recorded()["deaths"] == 1
    assert executor.slots == 0 and executor.position(run.id) == 1
    desk.away = None
    tools.wait_for(lambda: executor.active() == [run.id])


def test_what_is_wrong_is_said_until_it_is_right(desk, executor, tools):
    desk.away = ConnectionError("no route\nand much more")
    wrapped = "The cluster at ray://head:10001 cannot be used (no route); it is tried"
    tools.wait_for(lambda: executor.trouble.startswith(wrapped))
    desk.away = RunError("The cluster refuses this server's token.")
    tools.wait_for(lambda: executor.trouble == "The cluster refuses this server's token.")
    desk.away = None
    tools.wait_for(lambda: not executor.trouble)


def test_a_cluster_that_falls_silent_is_said_before_anything_fails(desk, executor, tools):
    desk.speaks.clear()
    tools.wait_for(lambda: executor.trouble)
    assert executor.trouble == "The cluster at ray://head:10001 has not answered for 0 seconds."
    desk.speaks.set()
    tools.wait_for(lambda: not executor.trouble)


def test_idle_workers_make_room_when_a_machine_goes(desk, executor, tools):
    """The run of a lost machine was handed to a process that waited for the core of an idle one."""
    first, second = (executor.store.create(tools.describe()) for _ in range(2))
    for run in (first, second):
        executor.submit(run.id)
    tools.wait_for(lambda: len(executor.active()) == 2)
    desk.slots = 1
    tools.wait_for(lambda: executor.slots == 1)
    assert not desk.left
    worker = next(w for w in executor.pool.workers if w.run_id == first.id)
    executor._on_message(worker, {"done": first.id, "state": "paused", "reason": ""})
    tools.wait_for(lambda: desk.left == [worker.name])
    assert executor.active() == [second.id]


def test_nobody_at_the_door():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"ray://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(RunError, match=rf"^Nobody answers at {address} \(Connection refused\)"):
        ray_door.knock(address)


def test_the_first_measurement_of_the_machine_stands(desk, executor, store, tools):
    """Two processes that get warm at once both measure, and the times of all pages would change."""
    speeds = store.root / "machine.json"
    tools.wait_for(speeds.exists)
    (worker,) = executor.pool.workers
    executor.line._take(worker, [(worker.seen + 1, {"probe": desk.probe(2)})])
    assert gpt.load_probe(speeds) == machine_probe(1, 1e-5, 1e-11)


def test_the_turn_of_a_run_that_is_taken_back_begins_anew(desk, store, tools):
    """It counted from the start of the machine: every run gave way after a restart of the server,
    and whoever waited was promised the next moment."""
    run = store.create(tools.describe())
    run.set_status(state="training")
    (run.folder / "remote.json").write_text('{"worker": "w", "base": 0, "parcel": "p"}')
    executor = RayExecutor(store, "ray://head:10001", turn=600.0)
    try:
        assert executor.active() == [run.id]
        assert 590 < executor.turn_left(run.id) <= 600
    finally:
        desk.away = RuntimeError("gone")
        tools.wait_for(lambda: executor.trouble)
        executor.close()
