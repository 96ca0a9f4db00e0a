"""What really happens to runs: killed, out of disk, out of memory. EXPLORER_FAULTS=100: more kills.

The other faults, which need no process, are in test_damage.py; servers in test_two_servers.py.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import gpt
from explorer.runs import RunReader, RunStore, files, job
from explorer.runs.reader import size_of
from explorer.runs.states import FULL

PROJECT = Path(__file__).parents[3]
MOMENTS = int(os.environ.get("EXPLORER_FAULTS", "8"))
LONG = 1_000_000  # steps: never reached

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks and mounts")


@pytest.fixture(scope="module")
def nursery():
    """Ask a warm process to hurt another (see nursery.py)."""
    command = [sys.executable, str(Path(__file__).with_name("nursery.py"))]
    env = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        command, cwd=PROJECT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:

        def ask(do, **wish):
            process.stdin.write(json.dumps({"do": do} | wish).encode() + b"\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def test_killed_with_all_around_it_at_any_moment_a_run_is_whole_and_goes_on(
    nursery, store, tools, capsys
):
    """A run that saves every few steps, beside a page that clicks: both killed, time and again."""
    spec = tools.describe(max_steps=LONG, eval_interval=20)
    run, moment = store.create(spec), random.Random(4)
    torn: set[int] = set()  # where a line begins that a kill cut short
    writing, loaded = 0, Counter()
    for number in range(MOMENTS):
        when = {"delay": moment.random() * 0.1, "early": number % 4 == 3}
        writing += nursery("kill", folder=str(run.folder), **when)["writing"]
        assert [found.id for found in store.list()] == [run.id]
        assert run.status()["state"] == "interrupted"
        assert run.spec()["train"]["max_steps"] == LONG
        _, end, damaged = files.read_lines(run.folder / "events.jsonl", 0)
        assert damaged == len([start for start in torn if start < end]), "a whole line is damaged"
        torn |= {end} if end < size_of(run.folder / "events.jsonl") else set()
        if run.checkpoint_path:  # it may be killed before there is a first one
            gpt.load_checkpoint(run.checkpoint_path)
            loaded["checkpoints"] += 1
        if run.resume_path.exists():
            gpt.load_state(run.resume_path)
            loaded["states"] += 1
        for _, path in run.snapshots():
            assert gpt.read_weights(path)
            loaded["snapshots"] += 1
    reader = RunReader(run)
    reader.update()
    steps = reader.curve(10**9)["step"].tolist()
    assert len(steps) > MOMENTS // 2
    assert steps == list(range(1, len(steps) + 1)), "a step is missing or told twice"
    other, killed = store.create(spec), tools.losses(run)
    nursery("undisturbed", folder=str(other.folder), step=max(killed))  # also what is told again
    calm = tools.losses(other)
    assert {step: calm[step] for step in killed} == killed
    run.sweep()
    assert not list(run.folder.glob("*/.*"))
    if MOMENTS > 50:  # enough that some must have hit the middle of a file
        assert writing > 0 and all(loaded[name] for name in ("checkpoints", "states", "snapshots"))
        with capsys.disabled():
            print(f"\n{MOMENTS} kills, {writing} files half written, {len(torn)} lines torn,")
            print(", ".join(f"{n} {name} loaded" for name, n in loaded.items()))
            print(f"{len(steps)} steps with the losses of a calm run, 0 runs lost")


def test_a_full_disk_stops_a_run_and_room_lets_it_go_on(nursery, tmp_path, store, tools):
    """On a tmpfs of 600 kB in mounts of its own; looked at while not a byte can be written."""
    spec = tools.describe(max_steps=400, eval_interval=20)
    (tmp_path / "small").mkdir()
    told = nursery("disk", folder=str(tmp_path / "small"), spec=spec)
    if "skip" in told:
        pytest.skip(told["skip"])
    assert told["first"] == ["interrupted", FULL]
    assert told["full"]["state"] == "interrupted"
    assert len(told["full"]["listed"]) == 1
    assert told["create"] == "OSError"
    assert not [name for name in told["left"] if name.startswith(".new")]
    assert told["again"][0] == "finished"
    calm = store.create(spec)
    calm.set_status(state="queued")
    job.work(calm, job.Signals())
    assert dict(told["losses"]) == tools.losses(calm)


def test_a_run_without_memory_says_so_and_harms_no_other(nursery, store, tools):
    preset = gpt.PRESETS["gpt_mini"].with_settings(
        {"batch_size": 128, "block_size": 256, "eval_iters": 1, "n_embd": 512, "n_head": 8}
    )
    recipe = {"model": preset.model.to_dict(), "train": preset.train.to_dict()}
    big, small = store.create(tools.describe() | recipe), store.create(tools.describe(max_steps=9))
    told = nursery("memory", folder=str(big.folder), more=300_000_000)
    assert told == {"ended": ["failed", job.MEMORY]}
    assert big.status()["reason"] == job.MEMORY
    told = nursery("memory", folder=str(small.folder), more=300_000_000)
    assert told["ended"][0] == "finished"
    assert RunStore(store.root).get(big.id).status()["state"] == "failed"
