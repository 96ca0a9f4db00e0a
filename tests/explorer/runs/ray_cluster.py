"""A Ray cluster on this machine, as CLUSTER.md sets it up: a head and a second machine, one core
each, behind a token. They can be switched off and on again."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = "127.0.0.2"  # loopback; Ray takes 127.0.0.1 for a mistake, and this machine's name for it
SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's client server forks while gRPC's threads run; now and then the child hung.
    "GRPC_ENABLE_FORK_SUPPORT": "0",
    "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "10",
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1",  # seconds until a lost head is noticed
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


class Cluster:
    """`folder` holds the token and gets the logs; its path is short: Ray makes sockets below."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, client_port = _free_port(), _free_port()
        self.address = f"ray://{HERE}:{client_port}"
        self._head = [f"--port={self.port}", f"--ray-client-server-port={client_port}"]
        self._head += ["--head", "--include-dashboard=false", f"--temp-dir={folder}"]
        self.machines: list[subprocess.Popen] = []
        self.start()

    def start(self, alone: bool = False) -> None:
        """The head, and unless it is alone the second machine, as soon as the head listens."""
        self._start(*self._head)
        if alone:
            return
        until = time.monotonic() + 60
        while not _listens(self.port):
            assert time.monotonic() < until, (self.folder / "log.txt").read_text()
            time.sleep(0.1)
        self._start(f"--address={HERE}:{self.port}")

    def _start(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        common = [f"--node-ip-address={HERE}", "--object-store-memory=80000000"]
        with open(self.folder / "log.txt", "a") as log:
            started = subprocess.Popen(
                [*command, *common, *arguments], stdout=log, stderr=log, start_new_session=True
            )
        self.machines.append(started)

    def switch_off(self) -> None:
        """The machine that was started last: `ray start --block` and all that it started. (It does
        not listen to SIGTERM.) Workers leave when they miss it."""
        machine = self.machines.pop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(machine.pid, signal.SIGKILL)
        machine.wait(timeout=10)

    def stop(self) -> None:
        while self.machines:
            self.switch_off()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return probe.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HERE, port)) == 0
