"""Two servers on one folder: no run is trained twice at once, and one takes over from the other."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import gpt
from explorer.runs import RunBusy, RunReader, executors, retry
from explorer.runs.executors.local import LocalExecutor
from gpt.cli_owner import owned

PROJECT = Path(__file__).parents[3]
LONG = 1_000_000  # steps: never reached
SERVER = """
import sys
from explorer.runs import RunStore, executors
from explorer.runs.executors.local import LocalExecutor
executors.executor.STRANGERS_EVERY = 600
executor = LocalExecutor(RunStore(sys.argv[1]), slots=1, save_every=0.1)
print("looked", flush=True)
for line in sys.stdin:
    print(executor.submit(line.strip()), flush=True)
"""


@pytest.fixture
def store(tmp_path, tools):
    return tools.store_at(tmp_path / "runs")


@pytest.fixture
def watchful(monkeypatch):
    """A server that often looks at what others left (the other one never does: it takes no run)."""
    monkeypatch.setattr(executors.executor, "STRANGERS_EVERY", 0.2)


def test_a_server_takes_over_what_died_with_another(store, tools, watchful):
    """A run that was begun after both were there, and that both may have had in their queue. The
    other server and its training process are killed together: neither says a last word."""
    command = [sys.executable, "-c", SERVER, str(store.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=PROJECT, **pipes) as other:
        mine = LocalExecutor(store, slots=1, warm=1, save_every=0.1)
        try:

            def submit_there(run):
                other.stdin.write(run.id.encode() + b"\n")
                other.stdin.flush()
                return other.stdout.readline()

            assert other.stdout.readline() == b"looked\n"  # it takes none that is there before
            busy = store.create(tools.describe(max_steps=LONG))
            mine.submit(busy.id)
            run = store.create(tools.describe(max_steps=LONG, eval_interval=50))
            assert submit_there(run) == b"True\n"
            tools.wait_for(lambda: busy.status()["step"] > 1)
            tools.wait_for(lambda: len(run.snapshots()) > 2 and retry.saved_step(run) > 0)
            owner = run.recorded()["pid"]
            mine.command(busy.id, "stop")  # now there is a free slot, and perhaps it waits here
            tools.wait_for(lambda: not mine.active())
            assert not mine.submit(run.id), "it trains at the other server"
            assert run.recorded()["pid"] == owner != mine.pool.workers[0].pid
            kill_together(other.pid, owner)
            other.wait()
            saved = retry.saved_step(run)
            tools.wait_for(lambda: run.id in mine.active())  # by itself
            tools.wait_for(lambda: run.status()["step"] > saved + 100)
            mine.command(run.id, "stop")
            tools.wait_for(lambda: run.status()["state"] == "stopped")
        finally:
            other.kill()
            mine.close()
    told = {event["note"]: event for event in run.events()[0] if event["kind"] == "note"}
    assert list(told) == ["queued", "started", "retried", "continued", "stopped"]
    assert told["continued"]["step"] == saved > 0
    steps = len(tools.losses(run))  # fails where a step has two losses
    reader = RunReader(run)
    reader.update()
    assert reader.curve(10**9)["step"].tolist() == list(range(1, steps + 1))
    for _, path in run.snapshots():
        gpt.read_weights(path)
    gpt.load_checkpoint(run.checkpoint_path)


def kill_together(server, worker):
    """Both at once: the server sees no worker die, the worker has no time to save."""
    os.kill(server, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    os.kill(server, signal.SIGKILL)


def test_what_the_command_line_trains_no_server_trains_or_deletes(store, tools):
    """`python -m gpt train … --resume RUN` holds the same lock, and says so in the status."""
    run = store.create(tools.describe(max_steps=LONG))
    server = LocalExecutor(store, slots=1, warm=0)
    wishes = ("continue", "step", "pause", "stop")
    hands = [lambda: server.submit(run.id), *(partial(server.command, run.id, w) for w in wishes)]
    try:
        with owned(run.folder):
            run.set_status(state="training", step=5, by="command line")
            assert run.status()["state"] == "training"
            for hand in hands:
                with pytest.raises(RunBusy, match="perhaps the command line"):
                    hand()
            assert (server.active(), server.waiting(), server.pool.workers) == ([], [], [])
            with pytest.raises(RunBusy):
                store.delete(run.id)
        assert run.asked() == {}, "nothing is left to be obeyed later"
        assert run.status()["state"] == "interrupted", "it was killed"
        server._recover()
        assert server.waiting() == server.active() == [], "whoever trained it there goes on there"
        for wish, state in (("pause", "paused"), ("stop", "stopped")):
            server.command(run.id, wish)  # of a page that has not seen it die: nobody is in the way
            assert run.recorded()["state"] == run.status()["state"] == state
            with owned(run.folder):
                run.set_status(state="training")
        assert server.submit(run.id)
        assert run.recorded()["by"] is None
    finally:
        server.close()
