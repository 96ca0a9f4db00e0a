"""Slots by the memory of graphics processors, as a stand-in for `nvidia-smi` tells it."""

import sys
import time

import pytest

from explorer.runs import RunStore
from explorer.runs.executors import gpus, pool, process
from explorer.runs.executors.local import LocalExecutor
from explorer.runs.executors.ray_trainer import Trainer

TWO = "0, GPU-aaaa, 80000\n1, GPU-bbbb, 5000"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Says what `nvidia-smi` of this machine answers."""

    def has(answer, code=0):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit {code}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    return has


def test_room_follows_from_the_memory_that_is_free(machine):
    machine(TWO)
    assert gpus.find() == {"GPU-aaaa": gpus.MOST, "GPU-bbbb": 2}


@pytest.mark.parametrize("told", ["1", "GPU-bb", " 1 ,7"])
def test_only_those_that_this_process_may_use_count(machine, monkeypatch, told):
    machine(TWO)
    monkeypatch.setenv(gpus.VISIBLE, told)
    assert gpus.find() == {"GPU-bbbb": 2}


@pytest.mark.parametrize("told", ["", "-1"])
def test_none_may_be_used(machine, monkeypatch, told):
    machine(TWO)
    monkeypatch.setenv(gpus.VISIBLE, told)
    assert gpus.find() == {}


@pytest.mark.parametrize(
    ("answer", "code"),
    [("No devices were found", 6), ("0, GPU-aaaa, [N/A]", 0), ("0, GPU-aaaa", 0), ("", 0)],
)
def test_what_cannot_be_read_is_none(machine, answer, code):
    machine(answer, code)
    assert gpus.find() == {}


def test_a_machine_without_any(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.find() == {}


def test_processes_are_spread_as_far_as_there_is_room():
    room, used = {"b": 2, "a": 4, "full": 0}, []
    for _ in range(6):
        used.append(gpus.least_used(room, used))
    assert used == ["a", "b", "a", "b", "a", "a"]
    assert gpus.least_used({}, []) == ""


def test_slots_are_as_many_as_find_room_everywhere(monkeypatch):
    monkeypatch.delenv("EXPLORER_SLOTS", raising=False)
    monkeypatch.setattr(pool.psutil, "virtual_memory", lambda: type("M", (), {"available": 50e9}))
    assert pool.default_slots(16, {}) == 4
    assert pool.default_slots(16, {"a": 4, "b": 2}) == 6
    assert pool.default_slots(3, {"a": 4, "b": 2}) == 3
    assert pool.default_slots(16, {"a": 0}) == 1  # full: one is tried, and says so
    monkeypatch.setattr(pool.psutil, "virtual_memory", lambda: type("M", (), {"available": 5e9}))
    assert pool.default_slots(16, {"a": 4, "b": 2}) == 5e9 // pool.GPU_WORKER_MEMORY


@pytest.mark.parametrize(
    ("turn", "half", "whole"), [(600.0, b"0.5", b"1.0"), (None, b"0.0", b"0.0")]
)
def test_each_process_sees_one_of_them(machine, tmp_path, monkeypatch, turn, half, whole):
    """Really started, and asked what it sees, and what is its share of that: where learners take
    turns; on a machine of one's own there is no limit."""
    machine(TWO)
    told = f"*map(os.environ.get, {[gpus.VISIBLE, gpus.SHARE]})"
    tell = f"import os, sys; print({told}, flush=True); sys.stdin.read()"
    monkeypatch.setattr(process, "WORKER", [sys.executable, "-c", tell])
    seen = []
    monkeypatch.setattr(process.json, "loads", lambda line: seen.append(line) or {})
    executor = LocalExecutor(RunStore(tmp_path / "runs"), slots=3, warm=3, turn=turn)
    try:
        assert executor.pool.slots == 3
        until = time.monotonic() + 20
        while len(seen) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        on_a, on_b = b"GPU-aaaa " + half, b"GPU-bbbb " + whole
        assert sorted(line.strip() for line in seen[:3]) == [on_a, on_a, on_b]
    finally:
        executor.close()


@pytest.mark.parametrize("slots", [1, 4, 6, 7])
def test_the_shares_of_all_that_may_come_are_one_whole(slots):
    room, used = {"a": 4, "b": 2}, []
    for _ in range(slots):
        used.append(gpus.least_used(room, used))
    shares = gpus.shares(room, slots)
    assert {gpu: used.count(gpu) * share for gpu, share in shares.items()} == dict.fromkeys(used, 1)


class Card:
    """Stands for torch.cuda with one graphics processor of 10 GB, or none."""

    def __init__(self, monkeypatch, there=True, error=None):
        self.limits, self.error = [], error
        monkeypatch.setattr("torch.cuda.is_available", lambda: there)
        properties = type("P", (), {"total_memory": 10e9})
        monkeypatch.setattr("torch.cuda.get_device_properties", lambda index: properties)
        monkeypatch.setattr("torch.cuda.set_per_process_memory_fraction", self.limit)

    def limit(self, fraction):
        self.limits.append(fraction)
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("share", "limit"), [(0.25, 0.2), (1.0, 0.95), (3.0, 1.0), (0.04, 0.02), (0.0, None)]
)
def test_a_process_takes_its_share_and_no_more(monkeypatch, share, limit):
    card = Card(monkeypatch)
    gpus.limit_memory(share)
    assert card.limits == ([] if limit is None else [pytest.approx(limit)])


def test_nothing_is_limited_without_one_and_a_full_one_ends_no_process(monkeypatch):
    none = Card(monkeypatch, there=False)
    gpus.limit_memory(0.5)
    assert none.limits == []
    full = Card(monkeypatch, error=RuntimeError("CUDA error: out of memory"))
    gpus.limit_memory(0.5)
    assert full.limits == [0.45]


def test_a_trainer_in_a_cluster_keeps_to_its_share(monkeypatch):
    monkeypatch.setattr("explorer.runs.job.work", lambda run, signals: None)
    card = Card(monkeypatch)
    Trainer(memory_share=0.25).warm()
    assert card.limits == [0.2]


WITH_A_CARD = """
import pytest
from explorer.runs import worker
from tests.explorer.runs import test_gpus
card = test_gpus.Card(pytest.MonkeyPatch())
card.limit = lambda fraction: open({0!r}, "w").write(str(fraction))
pytest.MonkeyPatch().setattr("torch.cuda.set_per_process_memory_fraction", card.limit)
worker.main()
"""


def test_a_process_of_this_machine_keeps_to_its_share(machine, tmp_path, monkeypatch, tools):
    """Really started, with a stand-in for the card: two runs shared one without any limit."""
    machine("0, GPU-aaaa, 80000")
    told = tmp_path / "told"
    program = WITH_A_CARD.format(str(told))
    monkeypatch.setattr(process, "WORKER", [sys.executable, "-c", program])
    executor = LocalExecutor(tools.store_at(tmp_path / "runs"), slots=2, turn=600.0)
    try:
        tools.wait_for(lambda: told.exists() and told.read_text() == "0.45")
    finally:
        executor.close()
