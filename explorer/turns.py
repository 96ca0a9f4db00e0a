"""When a waiting run's turn comes: an estimate from what trains now and what stands before it."""

import math

import streamlit as st

from explorer import cache, engine, machine, remaining
from explorer.runs.run import RunError
from explorer.runs.waiting import expected_waits

MOMENT = 2.0  # seconds that an estimate holds: in a class thirty pages ask for the same one


def wait_of(run_id: str) -> float | None:
    """Seconds until a waiting run starts; None when it does not wait or nothing is known: no
    speed yet, no slots (a cluster that is away)."""
    executor = engine.executor()
    waiting = executor.waiting()
    if run_id not in waiting or not executor.slots or machine.probe() is None:
        return None
    waits = _waits(tuple(executor.active()), tuple(waiting), executor.slots)
    return waits[run_id] if waits[run_id] < math.inf else None


@st.cache_resource(ttl=MOMENT, max_entries=8, show_spinner=False)
def _waits(active: tuple[str, ...], waiting: tuple[str, ...], slots: int) -> dict[str, float]:
    """Waiting run → seconds. A run gives way at the end of its turn, if another learner waits."""
    executor = engine.executor()
    turn = executor.turn or math.inf
    learners = {one: engine.store().learner_of(one) or one for one in (*active, *waiting)}

    def spent(one: str, turn_left: float) -> float:
        gives_way = any(learners[other] != learners[one] for other in waiting)
        return min(turn_left, _left_of(one)) if gives_way else _left_of(one)

    left = [spent(one, executor.turn_left(one)) for one in active]
    own = [spent(one, turn) for one in waiting]
    return dict(zip(waiting, expected_waits(left, own, slots), strict=True))


def _left_of(run_id: str) -> float:
    try:
        run = engine.store().get(run_id)
        reader = cache.reader(str(run.folder))
        reader.update()
        return remaining.seconds_left(reader, run)
    except (RunError, KeyError, TypeError):
        return 0.0
