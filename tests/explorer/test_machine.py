"""How busy this machine is."""

import threading
from collections import namedtuple

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


def told_to_a_thread(processor):
    told = []
    thread = threading.Thread(target=lambda: told.append(processor.percent()))
    thread.start()
    thread.join()
    return told[0]
