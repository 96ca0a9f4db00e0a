"""Two processes train one model: the same run as one process with both batches.

Real processes of torchrun's, over gloo. They take seconds to import torch, so they are few, and one
start of them does most of the trainings (`parallel_runs.py`).
"""

import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import gpt
from gpt import cli, cli_train, parallel
from gpt.errors import ConfigError
from gpt.parallel import Group, process_group
from tests.gpt import parallel_runs
from tests.gpt.helpers import MODEL, TEXT, start

ROOT = Path(gpt.__file__).parent.parent
# Small steps: after hundreds of large ones a difference in the last bit has grown, and nobody knows
# how many there are before Ctrl-C is heard.
SETTINGS = ["n_embd=16", "eval_iters=2", "sample_tokens=5", "optimizer=muon", "learning_rate=1e-5"]
COMMAND = ["train", "blocks", "--corpus", "times.txt"]
COMMAND += [word for setting in SETTINGS for word in ("--set", setting)]
EXACT = ["bigram", "tied", "muon"]  # without dropout, and tame


@contextlib.contextmanager
def torchrun(*arguments, folder):
    """Two processes of `python arguments`, started and ended as a person would."""
    launcher = [sys.executable, str(ROOT / "tests/gpt/at_home.py"), "--nproc_per_node=2"]
    with subprocess.Popen(
        [*launcher, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()  # and with it what it started


def lines_of(folder, kind):
    path = folder / "events.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if line["kind"] == kind]


# --- several trainings, by the library ---------------------------------------------------------


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes trained, and what stdout and stderr said."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "times.txt").write_text(TEXT)
    half = ["--set", "batch_size=4", "--steps", "10", "--out", "run"]
    runs = ["-m", "tests.gpt.parallel_runs", str(folder), *COMMAND, *half]
    with torchrun(*runs, folder=folder) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return folder, out, err


@pytest.fixture(scope="module")
def told(two):
    """What each of the two processes was told in the library's runs."""
    return [json.loads((two[0] / f"{rank}.json").read_text()) for rank in (0, 1)]


def near(value):
    return pytest.approx(value, rel=1e-5) if isinstance(value, float) else value


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_are_one_with_the_whole_batch(two, told, name):
    first = told[0]
    alone, model = parallel_runs.run(name)
    assert len(first[name]) == len(alone)
    for mine, theirs in zip(alone, first[name], strict=True):
        assert mine == [theirs[0], {key: near(value) for key, value in theirs[1].items()}]
    theirs = gpt.read_weights(two[0] / f"0.{name}")
    for weight, mine in gpt.weights_of(model).items():
        torch.testing.assert_close(theirs[weight], mine, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", parallel_runs.RUNS)
def test_both_processes_are_told_the_same_and_have_the_same_weights(two, told, name):
    """To the last bit: otherwise one might stop where the other goes on, and waits for ever."""
    first, second = told
    assert first[name] == second[name]
    assert (two[0] / f"0.{name}").read_bytes() == (two[0] / f"1.{name}").read_bytes()


@pytest.mark.parametrize(("name", "reason"), [("early stop", "early_stop"), ("diverged",) * 2])
def test_both_agree_when_to_end(told, name, reason):
    kind, end = told[0][name][-1]
    assert (kind, end["reason"]) == ("Finished", reason) and end["step"] < 60


def test_each_process_drops_something_else(told):
    drops = [mask for rank in told for mask in rank["masks"]]
    assert len(drops) == 6 and all(0 < sum(mask) < len(mask) for mask in drops)
    assert len({str(mask) for mask in drops}) == 6


def test_a_resumed_run_goes_on_to_the_same_losses_with_dropout_too(told):
    losses = [e["loss"] for kind, e in told[0]["dropout"] if kind == "StepStats"]
    assert [rank["resumed"] for rank in told] == [losses[3:]] * 2


# --- the command line --------------------------------------------------------------------------


def test_two_processes_make_one_run_and_say_so_once(two):
    folder, out, err = two
    (line,) = out.splitlines()
    result = json.loads(line)
    assert (result["run"], result["steps"], result["processes"]) == ("run", 10, 2)
    assert err.count("All 10 steps are done.") == 1
    assert json.loads((folder / "run" / "run.json").read_text())["train"]["batch_size"] == 8
    assert [line["step"] for line in lines_of(folder / "run", "step")] == list(range(1, 11))
    assert gpt.load_checkpoint(folder / "run" / "checkpoint")[2]["step"] == 10


def test_ctrl_c_ends_both_and_what_two_began_one_goes_on_with(two, tmp_path, monkeypatch):
    """Finished, resumed, interrupted, resumed by one alone: the run of one with the whole batch."""
    shutil.copytree(two[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    run, whole = tmp_path / "run", tmp_path / "whole"
    resume = ["train", "blocks", "--resume", "run", "--steps"]
    with torchrun("-m", "gpt", *resume, "999999", folder=tmp_path) as process:
        end = time.monotonic() + 60
        while len(lines_of(run, "step")) < 20 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert out == "" and err.count("Stopped at step") == err.count("--resume run") == 1
    assert "[rank" not in err and err.count("Traceback") == 1  # torchrun's own
    stopped = gpt.load_state(run / "resume" / "state.safetensors").meta["step"]
    assert gpt.load_checkpoint(run / "checkpoint")[2]["step"] == stopped

    steps = str(stopped + 5)
    assert cli.main([*resume, steps]) == 0
    assert cli.main([*COMMAND, "--set", "batch_size=8", "--steps", steps, "--out", "whole"]) == 0
    ours, expected = lines_of(run, "step"), lines_of(whole, "step")
    assert [e["step"] for e in ours] == [e["step"] for e in expected] == list(range(1, stopped + 6))
    for value in ("loss", "grad_norm"):
        assert [e[value] for e in ours] == pytest.approx([e[value] for e in expected], rel=1e-3)
    ends = [lines_of(folder, "finished")[-1]["val_loss"] for folder in (run, whole)]
    assert ends[0] == pytest.approx(ends[1], rel=1e-4)
    assert {p.name for p in run.iterdir()} == {p.name for p in whole.iterdir()}


def test_a_mistake_is_said_once(tmp_path):
    with torchrun("-m", "gpt", "train", "blocks", "--steps", "many", folder=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert out == "" and err.count("invalid int value: 'many'") == 1
    assert "(exitcode: 2)" in err and "[rank" not in err


@pytest.mark.parametrize(("rank", "waits"), [("0", 0), ("1", 1), ("3", 1)])
@pytest.mark.parametrize("arguments", [["train", "blok"], ["train", "blocks", "--steps", "many"]])
def test_other_processes_leave_a_mistake_to_the_first(monkeypatch, capsys, rank, waits, arguments):
    """Were one of them to end before it, torchrun would end the first before it has spoken."""
    slept = []
    monkeypatch.setattr(cli.time, "sleep", slept.append)
    monkeypatch.setenv("RANK", rank)
    with contextlib.suppress(SystemExit):
        assert cli.main(arguments) == 2
    assert slept == [waits * cli.LAST_WORDS] and len(capsys.readouterr().err.splitlines()) == 1


def test_a_process_that_lost_another_leaves_it_to_that_one_to_say_why(monkeypatch):
    def lost(_):
        raise RuntimeError("Connection closed by peer")

    slept = []
    monkeypatch.setattr(cli.time, "sleep", slept.append)
    monkeypatch.setattr(cli, "_list", lost)
    for several, waits in [({}, []), ({"RANK": "0"}, [2 * cli.LAST_WORDS])]:
        monkeypatch.setattr(cli.os, "environ", several)
        with pytest.raises(RuntimeError):
            cli.main(["list"])
        assert slept == waits


def test_minutes_are_planned_for_one_process_only(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpt, "process_group", lambda device: contextlib.nullcontext(Group(0, 2)))
    (tmp_path / "times.txt").write_text(TEXT)
    corpus = ["--corpus", str(tmp_path / "times.txt")]
    assert cli.main(["train", "blocks", "--minutes", "1", *corpus]) == 2
    assert "--minutes plans for one process" in capsys.readouterr().err


# --- a group -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 12])
def test_shares_are_equal_and_make_the_whole(size):
    batch = list(range(12))
    shares = [batch[Group(rank, size).share(12)] for rank in range(size)]
    assert [place for share in shares for place in share] == batch
    assert {len(share) for share in shares} == {12 // size}


def test_shares_that_would_differ_are_refused():
    with pytest.raises(ConfigError, match=r"batch_size \(4, of all processes\).*\(3\).*try 6"):
        start(MODEL, group=Group(0, 3))


def test_turns_go_round():
    assert [[t for t in range(7) if Group(r, 3).takes(t)] for r in range(3)] == [
        [0, 3, 6], [1, 4], [2, 5]
    ]  # fmt: skip


def test_alone_nothing_is_wrapped_summed_or_waited_for():
    group, model, loss = Group(), gpt.build_model(MODEL, 9), torch.tensor(math.pi)
    assert group.replica(model) is model and group.sum(loss) is loss
    group.wait()
    assert not group.stopping
    group.stop_asked = True
    assert group.stopping


def test_several_wait_for_each_other_before_they_end(monkeypatch):
    """torchrun ends all when one has ended, and the first may still be writing."""
    waited = []
    monkeypatch.setattr(parallel.dist, "barrier", lambda: waited.append("here"))
    cli_train._follow(iter([1, 2]), Group(1, 2))
    assert waited == ["here"]


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with process_group("cpu") as group:
        assert (group.rank, group.size) == (0, 1)
        assert not torch.distributed.is_initialized()


def test_states_of_dropout_are_all_different_and_can_be_made_again():
    places = [(seed, rank, step) for seed in (1, 2) for rank in (1, 2) for step in (0, 1, 10)]
    states = [Group(rank, 3).dropout_state(seed, step) for seed, rank, step in places]
    assert len({tuple(state.tolist()) for state in states}) == len(places)
    assert torch.equal(states[0], Group(1, 3).dropout_state(1, 0))


@pytest.mark.parametrize(("kind", "words"), [("cuda", "a GPU each"), ("mps", "one process only")])
def test_a_device_that_cannot_serve_so_many_is_refused(monkeypatch, kind, words):
    """Before the processes wait for each other."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(parallel, "pick_device", lambda name: torch.device(kind))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=words), process_group(kind):
        pass
