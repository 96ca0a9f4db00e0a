"""What a run survives, by really killing: its process, and all of the server at once.

(A server that is killed alone, or closed, is in tests/explorer/runs/test_local.py.)
"""

import os
import re
import signal
import time
from pathlib import Path

import pytest

import gpt
from explorer.runs import Run, RunReader
from explorer.runs.retry import saved_step
from tests.browser.serving import ROOT, Server, measured, serve
from tests.browser.visiting import SOON, Visit, status, wait_state, wait_step


def workers_of(server: Server) -> list[int]:
    """The training processes that this server started (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            parent = int(re.search(r"PPid:\s+(\d+)", (entry / "status").read_text()).group(1))
        except (OSError, AttributeError):
            continue
        if b"explorer.runs.worker" in command and parent == server.process.pid:
            found.append(int(entry.name))
    return found


def gone(pid: int, seconds: float = 40) -> bool:
    """Whether a process ends in time. While one of its threads still does, it holds its files and
    their locks, though its first thread may be a zombie already."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            told = Path(f"/proc/{pid}/status").read_text()
            if "\nState:\tZ" in told and "\nThreads:\t1\n" in told:
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_killed_workers_and_killed_servers_lose_nothing(browser, tmp_path):
    """kill -9 of the worker, of everything at once, and an ordered end: the run goes on by itself
    from what was saved last, and the page of before shows it."""
    runs, log = measured(tmp_path / "runs"), tmp_path / "server.log"
    with serve("streamlit_app.py", ROOT, log, EXPLORER_RUNS=str(runs)) as server:
        tab = Visit(browser).open(server, "bigram?bigram_max_steps=20000")
        tab.button("Train").click(timeout=SOON)
        run_id = tab.run_id()
        wait_state(runs, run_id, "training")
        tab.wait_text("Training.")
        killed = status(runs, run_id)
        os.kill(killed["pid"], signal.SIGKILL)
        tab.wait_text("killed")  # the reason, in words
        tab.wait_text("goes on by itself")
        assert not tab.page.get_by_text("Interrupted.").count()
        run = Run(runs / run_id)
        while saved_step(run) <= 0:  # its first evaluation saves it
            wait_step(runs, run_id, run.recorded()["step"] + 1)
        address = tab.page.url.removeprefix(server.address + "/")
        os.kill(server.process.pid, signal.SIGSTOP)  # it must not see its processes die
        workers = workers_of(server)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        tab.leave()
        server.stop(signal.SIGKILL)
        assert workers and all(gone(pid) for pid in workers)
        assert run.recorded()["state"] == "training", "nobody was left to say a last word"
        assert run.status()["state"] == "interrupted"
        saved, reached = saved_step(run), run.recorded()["step"]
    with serve("streamlit_app.py", ROOT, log, EXPLORER_RUNS=str(runs)) as server:
        tab = Visit(browser).open(server, address)
        wait_step(runs, run_id, reached + 1)  # by itself
        tab.button("Pause").wait_for(timeout=SOON)
        tab.wait_text("goes on by itself")
        workers = workers_of(server)
        assert workers
        tab.close()
        server.stop(signal.SIGTERM)
        assert all(gone(pid) for pid in workers)  # none is left behind
    assert status(runs, run_id)["state"] == "suspended"
    continued = [e["step"] for e in run.events()[0] if e.get("note") == "continued"]
    assert continued[-1] == saved > 0
    whole(run)


def whole(run: Run) -> None:
    """No step is missing or told twice, and everything that was saved loads."""
    reader = RunReader(run)
    reader.update()
    steps = reader.curve(10**9)["step"].tolist()
    assert steps == list(range(1, len(steps) + 1))
    for _, path in run.snapshots():
        gpt.read_weights(path)
    gpt.load_checkpoint(run.checkpoint_path)
    assert gpt.load_state(run.resume_path).meta["step"] == run.recorded()["step"]
