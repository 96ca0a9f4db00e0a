"""Slots by the memory of graphics processors, as a stand-in for `nvidia-smi` tells it."""

import sys
import time

import pytest

from explorer.runs import RunStore
from explorer.runs.executors import gpus, pool, process
from explorer.runs.executors.local import LocalExecutor

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


def test_each_process_sees_one_of_them(machine, tmp_path, monkeypatch):
    """Really started, and asked what it sees."""
    machine(TWO)
    tell = f"import os, sys; print(os.environ['{gpus.VISIBLE}'], flush=True); sys.stdin.read()"
    monkeypatch.setattr(process, "WORKER", [sys.executable, "-c", tell])
    seen = []
    monkeypatch.setattr(process.json, "loads", lambda line: seen.append(line) or {})
    executor = LocalExecutor(RunStore(tmp_path / "runs"), slots=3, warm=3)
    try:
        assert executor.pool.slots == 3
        until = time.monotonic() + 20
        while len(seen) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        assert sorted(line.strip() for line in seen[:3]) == [b"GPU-aaaa", b"GPU-aaaa", b"GPU-bbbb"]
    finally:
        executor.close()
