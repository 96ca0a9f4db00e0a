"""Two servers on one folder: no run is trained twice at once, and one takes over from the other."""

import subprocess
import sys
from pathlib import Path

import pytest

import gpt
from explorer.runs import RunBusy, RunReader, executors
from explorer.runs.executors.local import LocalExecutor
from gpt.cli_owner import owned

PROJECT = Path(__file__).parents[3]
LONG = 1_000_000  # steps: never reached
SERVER = """
import sys, time
from explorer.runs import RunStore
from explorer.runs.executors.local import LocalExecutor
executor = LocalExecutor(RunStore(sys.argv[1]), slots=1, save_every=0.1)
for line in sys.stdin:
    print(executor.submit(line.strip()), executor.pool.workers[0].pid, flush=True)
"""


@pytest.fixture
def watchful(monkeypatch):
    """Servers that look at each other's runs often."""
    for name in ("local", "executor"):
        module = getattr(executors, name, None)
        if hasattr(module, "STRANGERS_EVERY"):
            monkeypatch.setattr(module, "STRANGERS_EVERY", 0.2)


def test_a_server_takes_over_what_a_killed_one_had(store, tools, watchful):
    """A run that was begun after both were there, and that both may have had in their queue."""
    mine = LocalExecutor(store, slots=1, warm=1, save_every=0.1)
    command = [sys.executable, "-c", SERVER, str(store.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    try:
        busy = store.create(tools.describe(max_steps=LONG))
        mine.submit(busy.id)
        tools.wait_for(lambda: busy.status()["step"] > 1)  # else the other might begin it
        with subprocess.Popen(command, cwd=PROJECT, **pipes) as other:

            def submit_there(run):
                other.stdin.write(run.id.encode() + b"\n")
                other.stdin.flush()
                return other.stdout.readline().split()

            run = store.create(tools.describe(max_steps=LONG))
            done, _ = submit_there(run)
            assert done == b"True"
            tools.wait_for(lambda: run.status()["step"] > 1)
            owner = run.recorded()["pid"]
            mine.command(busy.id, "stop")  # now there is a free slot, and perhaps it waits here
            tools.wait_for(lambda: not mine.active())
            assert not mine.submit(run.id), "it trains at the other server"
            assert run.recorded()["pid"] == owner != mine.pool.workers[0].pid
            other.kill()
        reached = max(tools.losses(run))
        tools.wait_for(lambda: run.id in mine.active() or run.status()["state"] == "interrupted")
        if run.id not in mine.active():  # it does not go on by itself: a click does it
            mine.command(run.id, "continue")
        tools.wait_for(lambda: run.status()["step"] > reached + 100)
        mine.command(run.id, "stop")
        tools.wait_for(lambda: run.status()["state"] == "stopped")
        assert [e.get("note") for e in run.events()[0]].count("started") == 1
        steps = len(tools.losses(run))  # fails where a step has two losses
        reader = RunReader(run)
        reader.update()
        assert reader.curve(10**9)["step"].tolist() == list(range(1, steps + 1))
        gpt.load_checkpoint(run.checkpoint_path)
    finally:
        mine.close()


def test_what_the_command_line_trains_no_server_trains_or_deletes(store, tools):
    """`python -m gpt train … --resume RUN` holds the same lock, and keeps no status meanwhile."""
    run = store.create(tools.describe(max_steps=LONG))
    run.set_status(state="stopped", step=5)
    server = LocalExecutor(store, slots=1, warm=0)
    try:
        with owned(run.folder):
            for hand in (lambda: server.submit(run.id), lambda: server.command(run.id, "step")):
                with pytest.raises(RunBusy, match="perhaps the command line"):
                    hand()
            assert (server.active(), server.waiting(), server.pool.workers) == ([], [], [])
            with pytest.raises(RunBusy):
                store.delete(run.id)
        assert run.asked() == {}, "nothing is left to be obeyed later"
        assert server.submit(run.id), "it has ended"
    finally:
        server.close()
