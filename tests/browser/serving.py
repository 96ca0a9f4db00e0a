"""Servers for the browser tests: each on a free port of its own, and gone afterwards."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import gpt
from tests.gpt.helpers import machine_probe

ROOT = Path(__file__).parents[2]


class Server:
    """One `streamlit run` on a port of its own, or on `port`; it trains one run at a time.

    listen: where it listens; "": as the settings in `folder` say, or Streamlit's own.
    """

    def __init__(
        self,
        script: str,
        folder: Path,
        log: Path,
        port: int = 0,
        listen: str = "127.0.0.1",
        **environment: str,
    ) -> None:
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = log
        flags = [
            f"--server.port={self.port}",
            *([f"--server.address={listen}"] if listen else []),
            "--server.headless=true",
            "--server.fileWatcherType=none",
            "--browser.gatherUsageStats=false",
        ]
        with log.open("a") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", script, *flags],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "EXPLORER_SLOTS": "1", **environment},
                stdout=out,
                stderr=out,
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                pytest.fail(f"the server ended: {self.log.read_text()}")
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1),
            ):
                return
            time.sleep(0.1)
        pytest.fail(f"the server did not answer: {self.log.read_text()}")

    def listens_at(self) -> set[str]:
        """The addresses at which it can be reached."""
        found = psutil.Process(self.process.pid).net_connections(kind="tcp")
        return {line.laddr.ip for line in found if line.status == psutil.CONN_LISTEN}

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(timeout=40)


def measured(runs: Path) -> Path:
    """The folder `runs`, of a machine that was measured: else the first training process of a
    server begins with that, and it takes longer than most tests."""
    gpt.save_probe(runs / "machine.json", machine_probe(step=1e-3, op=5e-5, flop=2e-11))
    return runs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve(
    script: str,
    folder: Path,
    log: Path,
    port: int = 0,
    listen: str = "127.0.0.1",
    **environment: str,
) -> Iterator[Server]:
    """A server that is gone afterwards."""
    server = Server(script, folder, log, port, listen, **environment)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def app(runs: Path) -> Iterator[Server]:
    """The app, without network, with its runs in the folder `runs`."""
    settings = {"EXPLORER_RUNS": str(runs), "GPT_CACHE": str(runs / "nothing-fetched")}
    with serve("streamlit_app.py", ROOT, runs / "server.log", **settings) as server:
        yield server
