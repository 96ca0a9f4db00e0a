"""Training in a Ray cluster: a head with a token, on this machine's loopback alone."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

if os.environ.get("EXPLORER_CLUSTER_TESTS") != "1":
    pytest.skip("they take a minute: EXPLORER_CLUSTER_TESTS=1 runs them", allow_module_level=True)
pytest.importorskip("ray", reason="Ray is not installed (requirements-cluster.txt)")
pytest.importorskip("grpc", reason="ray[client] is not installed (requirements-cluster.txt)")

from ray._private.authentication_test_utils import reset_auth_token_state

from explorer.runs import RunStore
from explorer.runs.executors.ray import RayExecutor
from tests.explorer.runs.executor_tests import *  # noqa: F403
from tests.explorer.runs.executor_tests import LONG, PROJECT, kinds, reaches

# Presses 200 commands, each of which the cluster takes a quarter of a second to hear.
del test_two_browsers_pressing_everything_at_once_change_no_loss  # noqa: F821


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Head:
    """A cluster of one machine, as CLUSTER.md sets it up, and further nodes of it."""

    def __init__(self, folder: Path, cpus: int) -> None:
        self.folder, self.processes = folder, []
        self.port, self.client_port = free_port(), free_port()
        self.address = f"ray://127.0.0.1:{self.client_port}"
        ports = [f"--port={self.port}", f"--ray-client-server-port={self.client_port}"]
        more = ["--include-dashboard=false", f"--num-cpus={cpus}", f"--temp-dir={folder}"]
        self.start("--head", *ports, *more)

    def start(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
        common = ["--node-ip-address=127.0.0.1", "--object-store-memory=80000000"]
        with open(self.folder / "log.txt", "a") as log:
            started = subprocess.Popen(
                [*command, *common, *arguments], stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(started)
        return started

    def stop(self) -> None:
        for started in reversed(self.processes):
            self.kill(started)

    @staticmethod
    def kill(started: subprocess.Popen) -> None:
        """A machine that is switched off: `ray start --block` and all that it started. (It does
        not listen to SIGTERM.) Workers leave when they miss it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait(timeout=10)


@pytest.fixture(scope="module")
def head():
    """Started once. Short paths: Ray makes sockets below them."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    (folder / "token").write_text(secrets.token_hex(32))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # an odd name: keeps 127.0.0.1 what it is
            # Ray's client server forks while gRPC's threads run; now and then the child hung.
            "GRPC_ENABLE_FORK_SUPPORT": "0",
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "10",
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_timeout_ms": "1000",
            "RAY_health_check_failure_threshold": "3",
        }.items():
            patch.setenv(name, value)
        # Ray read them when it was imported above, before they were there: it would come without
        # a token, be refused, and call that "ray client connection timeout".
        reset_auth_token_state()
        running = Head(folder, cpus=3)
        yield running
        running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def executor(head, tmp_path_factory):
    """Two of three slots; the third is for a second server."""
    runs = RunStore(tmp_path_factory.mktemp("runs"))
    began = time.monotonic()
    ray = RayExecutor(runs, head.address, slots=2, warm=2, save_every=0.2)
    assert time.monotonic() - began < 0.5, "a page would have waited for the cluster"
    assert ray.trouble
    while not ray.pool.slots:
        assert time.monotonic() - began < 60, ray.trouble
        time.sleep(0.05)
    yield ray
    workers = list(ray.pool.workers)
    ray.close()
    assert all(worker.gone.is_set() for worker in workers) and not ray.line.is_alive()


SERVER = """
import sys, time
from explorer.runs import RunStore
from explorer.runs.executors.ray import RayExecutor
executor = RayExecutor(RunStore(sys.argv[1]), sys.argv[3], slots=1, save_every=0.2)
executor.submit(sys.argv[2])
time.sleep(600)
"""


def test_a_killed_server_finds_its_run_still_training(tmp_path, tools, head, expected):
    """Every event is there once, and the run itself noticed nothing."""
    store = RunStore(tmp_path)
    run = store.create(tools.describe(max_steps=LONG))
    script = [sys.executable, "-c", SERVER, str(tmp_path), run.id, head.address]
    with subprocess.Popen(script, cwd=PROJECT) as server:
        tools.wait_for(reaches(run, 20))
        server.kill()
    steps = run.recorded()["step"]
    time.sleep(1)  # nobody listens
    second = RayExecutor(store, head.address, slots=1)
    try:
        assert second.position(run.id) == 0
        tools.wait_for(reaches(run, steps + 1000))
        second.command(run.id, "stop")
        tools.wait_for(lambda: tools.state_of(run) == "stopped")
        assert kinds(run).count("started") == 1 and "continued" not in kinds(run)
        told = [event["step"] for event in run.events()[0] if event["kind"] == "step"]
        assert told == list(range(1, len(told) + 1))
        losses = tools.losses(run)
        assert {step: losses[step] for step in expected} == expected
    finally:
        second.close()
