"""How long a run will wait: the slots as they are, and those before it in the order they start.

Pure arithmetic on what the pages know; an estimate, never a promise.
"""

import heapq
from collections.abc import Sequence


def expected_wait(left: Sequence[float], before: Sequence[float], slots: int) -> float:
    """Seconds until a run starts: `left` of each run that trains, `before`: how long each run will
    take that starts earlier, `slots`: how many train at once.

    >>> expected_wait(left=[10, 30], before=[100], slots=2)
    30
    """
    free = [0.0] * max(0, slots - len(left)) + list(left)
    heapq.heapify(free)
    for seconds in before:
        heapq.heapreplace(free, free[0] + seconds)
    return free[0]
