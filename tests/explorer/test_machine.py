"""How busy this machine is, and how large a run may be on it."""

import threading
from collections import namedtuple
from types import SimpleNamespace

import pytest

from explorer import machine

Times = namedtuple("Times", "user nice system idle iowait guest guest_nice")


def test_the_share_of_the_cores_is_the_same_for_every_thread(monkeypatch):
    now = {"at": 0.0, "times": Times(10, 0, 0, 90, 0, 0, 0)}
    monkeypatch.setattr(machine.time, "monotonic", lambda: now["at"])
    monkeypatch.setattr(machine.psutil, "cpu_times", lambda: now["times"])
    processor = machine.Processor()
    assert processor.percent() is None, "nothing was measured yet"

    # Four seconds of all cores, one idle; two of the user's were a guest's, which count once.
    now |= {"at": 2.0, "times": Times(12, 1, 0, 90.5, 0.5, 2, 0)}
    assert told_to_a_thread(processor) == 75.0
    now |= {"at": 2.1, "times": Times(12, 1, 0, 90.7, 0.5, 2, 0)}
    assert told_to_a_thread(processor) == 75.0, "too soon for another look"
    now |= {"at": 4.1, "times": Times(12, 1, 0, 94.5, 0.5, 2, 0)}
    assert told_to_a_thread(processor) == 0.0


@pytest.mark.parametrize(
    ("total", "container", "room"),
    [
        (16e9, None, 14e9),
        (16e9, "max\n", 14e9),
        (64e9, "8000000000\n", 6e9),
        (3e9, None, 1.5e9),  # a small machine is not forbidden everything
    ],
)
def test_a_run_of_a_class_leaves_memory_to_others(monkeypatch, tmp_path, total, container, room):
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: SimpleNamespace(total=total))
    monkeypatch.setattr(machine, "MEMORY_MAX", tmp_path / "memory.max")
    if container:
        machine.MEMORY_MAX.write_text(container)
    assert machine.room_in_class("cpu") == room
    monkeypatch.setattr(machine, "graphics_memory", lambda device: 80)
    monkeypatch.setattr(machine, "_share", lambda: 0.25)
    assert machine.room_in_class("cuda") == 20
    monkeypatch.setenv("EXPLORER_EXECUTOR", "ray://head:10001")
    assert machine.room_in_class("cpu") is None


def told_to_a_thread(processor):
    told = []
    thread = threading.Thread(target=lambda: told.append(processor.percent()))
    thread.start()
    thread.join()
    return told[0]
