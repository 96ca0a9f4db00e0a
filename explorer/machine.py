"""This machine: how fast it trains, measured once by the first training process and kept in a
file; and how busy it is."""

import contextlib
import functools
import os
import threading
import time
from pathlib import Path

import psutil

import gpt
from explorer import engine
from explorer.amounts import duration
from explorer.language import say
from explorer.runs.executors import gpus
from explorer.runs.executors.choice import CHOICE, HERE
from explorer.runs.executors.pool import default_slots

FILE = "machine.json"
MEMORY_MAX = Path("/sys/fs/cgroup/memory.max")  # of a Linux container, in bytes
FOR_OTHERS = 2_000_000_000  # bytes that no run of a class may take: the web server and the system


def probe() -> gpt.MachineProbe | None:
    """The measured speeds, or None while they are being measured."""
    path = engine.store().root / FILE
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@functools.lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> gpt.MachineProbe | None:
    return gpt.load_probe(path)


def measured_on(speed: gpt.MachineProbe, device: str) -> bool:
    """Whether `speed` is that of a run on `device`: one device of a machine is measured."""
    return device in ("auto", speed.device)


def takes(preset: gpt.Preset, vocab_size: int, device: str = "auto") -> str:
    """How long a run takes here, in words: "about 5 min"; "–" on a device that was not measured."""
    speed = probe()
    if speed is None:
        return say("being measured…")
    if not measured_on(speed, device):
        return "–"
    return say("about {time}", time=duration(gpt.estimate_seconds(preset, vocab_size, speed)))


def free_memory(device: str = "auto") -> int | None:
    """Bytes that a run on this machine's processor may still take; None: it trains elsewhere, on a
    graphics processor or in a cluster."""
    return int(psutil.virtual_memory().available) if _trains_on(device) == "cpu" else None


def graphics_memory(device: str = "auto") -> int | None:
    """Bytes that this machine's NVIDIA GPU has in all, where a run on `device` trains on it; what
    of them is free, only a process that takes some of them can ask."""
    if _trains_on(device) != "cuda":
        return None
    import torch

    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None


def trains_here() -> bool:
    """Whether runs train on this machine; else in a cluster."""
    return os.environ.get(CHOICE, "") in HERE


def room_in_class(device: str = "auto") -> int | None:
    """Bytes that a run may need where many share this machine: its share of a graphics processor,
    or the main memory less what others need; None: it trains in a cluster."""
    if not trains_here():
        return None
    graphics = graphics_memory(device)
    if graphics is not None:
        return int(graphics * _share())
    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):  # no container, or one without limit: "max"
        total = min(total, int(MEMORY_MAX.read_text()))
    return max(total - FOR_OTHERS, total // 2)


@functools.cache
def _share() -> float:
    """The least part of a graphics processor's memory that a training process here may take."""
    room = gpus.find()
    shares = gpus.shares(room, default_slots(gpt.available_cores(), room))
    return min(shares.values(), default=1.0)


def _trains_on(device: str) -> str | None:
    """cpu, cuda or mps; None: in a cluster, or not known before the machine is measured."""
    if not trains_here():
        return None
    speed = probe()
    measured = speed.device if speed else None
    return measured if device == "auto" else device


class Processor:
    """How busy all cores are. (psutil's own percentage remembers for each thread apart, and every
    drawing of a page is a new thread, which would always be told 0.)"""

    SHORTEST = 1.0  # seconds between two looks that a share is worth something for

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before = self._look()
        self._percent: float | None = None

    def percent(self) -> float | None:
        """Percent in use since anybody looked last, or as seen then; None: not known yet."""
        with self._lock:
            at, idle, passed = self._look()
            if at - self._before[0] >= self.SHORTEST and passed > self._before[2]:
                share = (idle - self._before[1]) / (passed - self._before[2])
                self._percent = 100 * min(1.0, max(0.0, 1 - share))
                self._before = at, idle, passed
            return self._percent

    @staticmethod
    def _look() -> tuple[float, float, float]:
        """Now, the idle seconds of all cores, and all their seconds."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # in user, too
        return time.monotonic(), idle, sum(times) - twice


@functools.cache
def processor() -> Processor:
    """The one gauge of this server."""
    return Processor()
