"""First come, first served, and nobody's second run before somebody else's first."""

from explorer.runs.queue import RunQueue


def test_without_names_it_is_a_plain_queue():
    queue = RunQueue()
    for run in "abc":
        assert queue.push(run)
    assert not queue.push("a"), "a double click must not move a run"
    assert queue.order() == ["a", "b", "c"]
    assert [queue.position(run) for run in "abcx"] == [1, 2, 3, None]
    assert queue.remove("b")
    assert not queue.remove("b")
    assert [queue.pop(), queue.pop(), queue.pop()] == ["a", "c", None]


def test_learners_take_turns():
    queue = RunQueue()
    for run in ("ann1", "ann2", "ann3", "ben1", "ben2", "cai1"):
        queue.push(run, run[:3])
    assert queue.order() == ["ann1", "ben1", "cai1", "ann2", "ben2", "ann3"]


def test_who_trains_already_waits_behind_who_does_not():
    queue = RunQueue()
    for run in ("ann1", "ben1"):
        queue.push(run, run[:3])
    assert queue.order(training=["ann"]) == ["ben1", "ann1"]
    assert queue.position("ann1", training=["ann"]) == 2
    assert queue.pop(training=["ann"]) == "ben1"


def test_a_run_that_lost_its_worker_goes_first():
    queue = RunQueue()
    for run in ("a", "b"):
        queue.push(run)
    queue.push("c", first=True)
    queue.push("d", first=True)
    assert queue.order() == ["d", "c", "a", "b"]
