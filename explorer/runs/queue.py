"""Who trains next: first come, first served, and fair between learners.

Pure bookkeeping: no files, no processes, no locks (the executor holds one). A learner's second
waiting run stands behind every other learner's first; within one round the earlier arrival wins.
Runs that name no learner count as one learner each, so without names it is a plain queue.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import count


class RunQueue:
    """Waiting runs, in the order in which they will start."""

    def __init__(self) -> None:
        self._arrival = count()
        self._waiting: dict[str, tuple[int, str]] = {}  # run id -> (arrival, learner)

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._waiting

    def push(self, run_id: str, learner: str = "", first: bool = False) -> bool:
        """Add a run at the end (or, `first`, before all others) -> False if it waits already."""
        if run_id in self._waiting:
            return False
        arrival = next(self._arrival)
        self._waiting[run_id] = (arrival if not first else -1 - arrival, learner or run_id)
        return True

    def remove(self, run_id: str) -> bool:
        """Take a run out of the queue -> whether it was there."""
        return self._waiting.pop(run_id, None) is not None

    def order(self, training: Iterable[str] = ()) -> list[str]:
        """All waiting runs, next one first. `training` names the learners who hold a slot now.

        >>> queue = RunQueue()
        >>> for run, who in [("a1", "ann"), ("a2", "ann"), ("b1", "ben")]: _ = queue.push(run, who)
        >>> queue.order()
        ['a1', 'b1', 'a2']
        """
        rounds = Counter(training)
        keyed = []
        for run_id, (arrival, learner) in sorted(self._waiting.items(), key=lambda item: item[1]):
            keyed.append(((arrival >= 0, rounds[learner], arrival), run_id))
            rounds[learner] += 1
        return [run_id for _, run_id in sorted(keyed)]

    def pop(self, training: Iterable[str] = ()) -> str | None:
        """Take out the run that is next; None when nobody waits."""
        order = self.order(training)
        if order:
            self.remove(order[0])
        return order[0] if order else None

    def learner(self, run_id: str) -> str:
        """Who waits with this run; the run itself when it names nobody."""
        return self._waiting[run_id][1]

    def position(self, run_id: str, training: Iterable[str] = ()) -> int | None:
        """1 for the run that is next; None when it does not wait here."""
        return self.order(training).index(run_id) + 1 if run_id in self._waiting else None
