"""What became of the runs, seen from outside."""

from explorer.runs import states
from explorer.runs.watch import RunWatch, seconds_of


def told(watch, busy=()):
    return [(change.run, change.state) for change in watch.look(busy)]


def test_the_first_look_only_learns_and_later_ones_tell_what_changed(store, tools):
    old = store.create(tools.describe())
    watch = RunWatch(store)
    assert told(watch) == []
    new = store.create(tools.describe() | {"learner": "ann"})
    new.set_status(state=states.QUEUED)
    assert told(watch) == [(new.id, "queued")]
    assert told(watch) == []
    new.set_status(state=states.FINISHED, reason="All done.", step=9)
    old.set_status(state=states.QUEUED)
    changes = {change.run: change for change in watch.look()}
    assert changes.keys() == {old.id, new.id}
    done = changes[new.id]
    assert (done.learner, done.reason, done.step) == ("ann", "All done.", 9)
    assert watch.in_state(states.QUEUED) == [old.id]


def test_an_old_run_that_goes_on_is_seen_when_it_is_busy(store, tools):
    run = store.create(tools.describe())
    run.set_status(state=states.STOPPED)
    watch = RunWatch(store)
    watch.look()
    run.set_status(state=states.QUEUED)
    assert told(watch) == [], "it is not followed: nothing but a click can wake it"
    assert told(watch, [run.id]) == [(run.id, "queued")]
    run.set_status(state=states.STOPPED)
    assert told(watch) == [(run.id, "stopped")]


def test_a_run_whose_process_vanished_is_interrupted(store, tools):
    run = store.create(tools.describe())
    watch = RunWatch(store)
    watch.look()
    with run.owned():
        run.set_status(state=states.TRAINING)
        assert told(watch) == [(run.id, "training")]
    assert told(watch) == [(run.id, "interrupted")]


def test_the_first_look_tells_what_died_with_the_program_before(store, tools):
    dead, ended = store.create(tools.describe()), store.create(tools.describe())
    dead.set_status(state=states.TRAINING)
    ended.set_status(state=states.FINISHED)
    watch = RunWatch(store)
    assert told(watch) == [(dead.id, "interrupted")]
    assert told(watch) == []


def test_a_deleted_run_and_a_lost_folder_are_no_trouble(store, tools):
    run = store.create(tools.describe())
    watch = RunWatch(store)
    watch.look()
    store.delete(run.id)
    assert told(watch) == [] and watch.restless == {}
    store.root.rename(store.root.with_name("moved"))
    assert told(watch) == []


def test_how_long_the_oldest_waits(store, tools):
    watch = RunWatch(store)
    watch.look()
    assert watch.oldest_wait() == 0
    run = store.create(tools.describe())
    run.set_status(state=states.QUEUED)
    watch.look()
    since = seconds_of(run.recorded()["updated"])
    assert watch.oldest_wait(now=since + 90) == 90
    assert watch.oldest_wait(now=since - 90) == 0, "a clock that was set back"
