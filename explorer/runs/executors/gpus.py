"""The graphics processors of this machine: how many runs have room on them, which takes whom, and
how much memory each may take there.

Asked of `nvidia-smi`, which answers before torch is loaded, and without a context of its own on any
of them. Not locked, like the pool that uses it.
"""

import contextlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterable

# CUDA itself takes some 500 MB for each process, a `gpt_mini` less, a model of 10 M parameters
# with 64 windows of 256 tokens about 1 GB.
RUN_MEMORY = 2_000_000_000
CUDA_MEMORY = 500_000_000
MOST = 4  # runs on one of them: more only make each other slower
WITHIN = 10.0  # seconds; a machine that just woke up takes long to answer
VISIBLE = "CUDA_VISIBLE_DEVICES"
SHARE = "GPU_MEMORY_SHARE"  # tells a worker its part of the one that it sees; see `limit_memory`
ASK = ["nvidia-smi", "--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits"]


def find() -> dict[str, int]:
    """The id of each that this process may use -> how many runs have room there; {} without one."""
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        said = subprocess.run(ASK, capture_output=True, text=True, timeout=WITHIN, check=True)
        rows = [[part.strip() for part in row.split(",")] for row in said.stdout.splitlines()]
        known = {uuid: (index, int(free) * 2**20) for index, uuid, free in rows}
        return {
            uuid: min(MOST, free // RUN_MEMORY)
            for uuid, (index, free) in known.items()
            if _is_visible(index, uuid)
        }
    return {}


def _is_visible(index: str, uuid: str) -> bool:
    told = os.environ.get(VISIBLE)
    if told is None:
        return True
    names = [name.strip() for name in told.split(",")]
    return index in names or any(name and uuid.startswith(name) for name in names)


def least_used(room: dict[str, int], used: Iterable[str]) -> str:
    """The least used of those that have room, for a further process; "" if there is none at all.
    used: those that the other processes were given."""
    taken = Counter(used)
    return max(room, key=lambda x: (taken[x] < room[x], -taken[x], room[x]), default="")


def shares(room: dict[str, int], slots: int) -> dict[str, float]:
    """The part of each one's memory for every process on it, when as many as `slots` are spread.

    >>> shares({"a": 4, "b": 2}, 6)
    {'a': 0.25, 'b': 0.5}
    """
    used: list[str] = []
    for _ in range(slots):
        used.append(least_used(room, used))
    return {gpu: 1 / number for gpu, number in Counter(used).items()}


def limit_memory(share: float) -> None:
    """Let this process take no more than `share` (0 to 1; 0: no limit) of its graphics processor's
    memory, CUDA's own included: a run that wants more fails, and not the one beside it."""
    if not share:
        return
    import torch

    if torch.cuda.is_available():
        with contextlib.suppress(RuntimeError):  # full already: the run itself will say so
            own = CUDA_MEMORY / torch.cuda.get_device_properties(0).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, max(share - own, share / 2)))
