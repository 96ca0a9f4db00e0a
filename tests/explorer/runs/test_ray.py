"""Training in a Ray cluster of two machines, both of them this one.

The tests of `executor_tests` come first; then one thing after another dies: a process, a machine,
the server, the head.
"""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

if os.environ.get("EXPLORER_CLUSTER_TESTS") != "1":
    pytest.skip(
        "they want the machine alone: EXPLORER_CLUSTER_TESTS=1 runs them", allow_module_level=True
    )
pytest.importorskip("ray", reason="Ray is not installed (requirements-cluster.txt)")
pytest.importorskip("grpc", reason="ray[client] is not installed (requirements-cluster.txt)")

from ray._private.authentication_test_utils import reset_auth_token_state
from ray.exceptions import ActorDiedError, ActorUnavailableError

from explorer.runs import RunStore
from explorer.runs.executors import ray_desk, ray_door
from explorer.runs.executors.ray import RayExecutor
from explorer.runs.executors.ray_line import FORGOTTEN, LOST
from tests.explorer.runs.executor_tests import *  # noqa: F403
from tests.explorer.runs.executor_tests import LONG, PROJECT, kinds, reaches
from tests.explorer.runs.ray_cluster import HERE, SETTINGS, Cluster

# A thread of gRPC's own, on a channel that was just closed; nothing of it reaches the run.
pytestmark = pytest.mark.filterwarnings(
    "ignore:(?s)Exception in thread.*Channel closed!:pytest.PytestUnhandledThreadExceptionWarning"
)

# Presses 200 commands, each of which the cluster takes a quarter of a second to hear.
del test_two_browsers_pressing_everything_at_once_change_no_loss  # noqa: F821


@pytest.fixture(scope="module")
def cluster():
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    (folder / "token").write_text(secrets.token_hex(32))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(folder / "token"))
        # Ray read them when it was imported above, before they were there: it would come without
        # a token, be refused, and call that "ray client connection timeout".
        reset_auth_token_state()
        running = Cluster(folder)
        yield running
        running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def executor(cluster, tools, tmp_path_factory):
    runs = RunStore(tmp_path_factory.mktemp("runs"))
    began = time.monotonic()
    ray = RayExecutor(runs, cluster.address, warm=2, save_every=0.2)
    assert time.monotonic() - began < 0.5, "a page would have waited for the cluster"
    assert ray.trouble
    tools.wait_for(lambda: ray.slots == 2)
    yield ray
    workers = list(ray.pool.workers)
    ray.close()
    assert all(worker.gone.is_set() for worker in workers) and not ray.line.is_alive()


def last_step(run):
    return max(event.get("step", 0) for event in run.events()[0])


def why_retried(run):
    return [event["reason"] for event in run.events()[0] if event.get("note") == "retried"]


KNOCK = """
import sys
from explorer.runs import RunError
from explorer.runs.executors import ray_desk, ray_door
for address in sys.argv[1:]:
    try:
        ray_door.knock(address)
    except RunError as error:
        print(error)
"""


def test_a_wrong_token_or_port_is_one_sentence(cluster, executor, tmp_path):
    """In a process of its own, since Ray reads the token once."""
    (tmp_path / "token").write_text("0" * 64)
    wrong = os.environ | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    gcs = f"ray://{HERE}:{cluster.port}"
    script = [sys.executable, "-c", KNOCK, cluster.address, gcs]
    said = subprocess.run(script, cwd=PROJECT, env=wrong, capture_output=True, text=True)
    sentences = [ray_door.TOKEN.format(cluster.address), ray_door.STRANGER.format(gcs)]
    assert said.stdout.splitlines() == sentences


def test_a_lost_machine_takes_nothing_with_it(cluster, executor, start, tools):
    runs = start(max_steps=LONG), start(max_steps=LONG)
    for run in runs:
        tools.wait_for(reaches(run, 100))
    lost = cluster.machines[-1].pid
    on_it = [lost in [p.pid for p in psutil.Process(r.recorded()["pid"]).parents()] for r in runs]
    assert sorted(on_it) == [False, True], "one run on each machine"
    run, other = runs if on_it[0] else reversed(runs)
    cluster.switch_off()
    tools.wait_for(lambda: why_retried(run) == [ray_desk.NODE])
    assert kinds(other).count("started") == 1
    tools.wait_for(lambda: executor.slots == 1)
    executor.command(other.id, "stop")
    tools.wait_for(reaches(run, last_step(run) + 100))
    tools.losses(run)


def test_what_a_worker_died_of_is_asked_until_ray_knows():
    """Its machine was gone, and the page said now and then that the process had been killed."""
    unsure, sure = ActorUnavailableError("socket closed", None), ActorDiedError()
    answers = [unsure, sure]

    class Actor:
        tell = property(lambda self: self)

        def options(self, concurrency_group):
            return self

        async def remote(self, order):
            raise answers.pop(0)

    hand = ray_desk._Hand("server")
    hand.actor = Actor()
    assert asyncio.run(ray_desk._verdict(hand, unsure)) is sure and not answers


SERVER = """
import sys, time
from explorer.runs import RunStore
from explorer.runs.executors.ray import RayExecutor
executor = RayExecutor(RunStore(sys.argv[1]), sys.argv[3], save_every=0.2)
executor.submit(sys.argv[2])
time.sleep(600)
"""


@pytest.fixture(scope="module")
def left_behind(cluster, executor, tools, tmp_path_factory):
    """A run whose server has been killed, and the server that takes it back."""
    executor.close()  # makes room
    store = RunStore(tmp_path_factory.mktemp("two servers"))
    run = store.create(tools.describe(max_steps=LONG))
    script = [sys.executable, "-c", SERVER, str(store.root), run.id, cluster.address]
    with subprocess.Popen(script, cwd=PROJECT) as server:
        try:
            tools.wait_for(reaches(run, 20))
        finally:
            server.kill()
    second = RayExecutor(store, cluster.address, save_every=0.2)
    yield second, run
    second.close()


def test_a_killed_server_finds_its_run_still_training(left_behind, tools, expected):
    """Every event is there once, and the run itself noticed nothing."""
    second, run = left_behind
    assert second.position(run.id) == 0
    tools.wait_for(reaches(run, last_step(run) + 1000))
    assert kinds(run).count("started") == 1 and "continued" not in kinds(run)
    told = [event["step"] for event in run.events()[0] if event["kind"] == "step"]
    assert told == list(range(1, len(told) + 1))
    losses = tools.losses(run)
    assert {step: losses[step] for step in expected} == expected


def test_a_lost_head_takes_nothing_with_it(left_behind, cluster, tools):
    """The run goes on by itself in a new cluster at the same address. Meanwhile whatever a page
    asks is answered at once, and what waits keeps its place."""
    second, run = left_behind
    waiting = second.store.create(tools.describe(max_steps=LONG))
    cluster.stop()
    cluster.start(alone=True)  # takes seconds
    tools.wait_for(lambda: second.trouble)
    began = time.monotonic()
    second.submit(waiting.id)
    second.command(run.id, "continue")
    assert (second.position(run.id), second.waiting()) == (0, [waiting.id])
    assert time.monotonic() - began < 0.5, "a page would have waited for the cluster"
    tools.wait_for(lambda: why_retried(run))
    tools.wait_for(reaches(run, last_step(run) + 100))
    assert why_retried(run)[0] in (FORGOTTEN, LOST) and not second.trouble
    second.command(run.id, "stop")
    tools.wait_for(reaches(waiting, 1))
    told = tools.losses(run)
    assert sorted(told) == list(range(1, len(told) + 1))
