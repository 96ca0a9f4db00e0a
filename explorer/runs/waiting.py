"""How long runs will wait: the slots as they are, and those before them in the order they start.

Pure arithmetic on what the pages know; an estimate, never a promise.
"""

import heapq
import math
from collections.abc import Sequence


def expected_waits(left: Sequence[float], own: Sequence[float], slots: int) -> list[float]:
    """Seconds until each waiting run starts. left: of each run that trains; own: how long each
    waiting run will take, the next one first; slots: how many train at once (0 while a cluster has
    no machine: nobody knows, and it is for ever).

    >>> expected_waits(left=[10, 30], own=[100, 5, 5], slots=2)
    [10, 30, 35]
    """
    free = [0.0] * max(0, slots - len(left)) + list(left) or [math.inf]
    heapq.heapify(free)
    starts = []
    for seconds in own:
        starts.append(free[0])
        heapq.heapreplace(free, free[0] + seconds)
    return starts
