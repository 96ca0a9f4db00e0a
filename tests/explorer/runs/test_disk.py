"""What goes when the disk is full, when, and what never goes."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import history
from explorer.classroom import tasks
from explorer.runs import disk, files, labels, states
from explorer.runs.disk import SNAPSHOTS, WHOLE, Cleaning, DiskError, Size, Step, plan

HOUR = 3600.0
OLD, NEW = Size("old", 60, 20, ended=0.0), Size("new", 60, 20, ended=5.0)


def steps(sizes, budget, now=1000.0, notice=100.0, announced=()):
    known = {step.run: step for step in announced}
    return [(s.run, s.what, s.at) for s in plan(sizes, known, budget, now, notice)]


def test_within_the_budget_nothing_goes():
    assert steps([OLD, NEW], 120) == steps([OLD, NEW], None) == []


def test_snapshots_of_the_oldest_go_first_then_whole_runs():
    assert steps([OLD, NEW], 119) == [("old", SNAPSHOTS, 1100.0)]
    assert [s[:2] for s in steps([NEW, OLD], 90)] == [("old", SNAPSHOTS), ("new", SNAPSHOTS)]
    assert [s[:2] for s in steps([OLD, NEW], 79)] == [("old", WHOLE), ("new", SNAPSHOTS)]
    assert [s[:2] for s in steps([OLD, NEW], 1)] == [("old", WHOLE), ("new", WHOLE)]


def test_starred_going_and_young_runs_are_spared():
    kept = Size("kept", 1000, 900, ended=None)
    young = Size("young", 1000, 900, ended=950.0)
    assert [s[0] for s in steps([kept, young, OLD], 1)] == ["old"]


def test_an_announcement_stands_until_its_date_and_no_longer_than_needed():
    said = [Step("old", SNAPSHOTS, 1050.0)]
    assert steps([OLD, NEW], 119, announced=said) == [("old", SNAPSHOTS, 1050.0)]
    assert steps([OLD, NEW], 120, announced=said) == [], "there is room again"
    assert steps([OLD], 1, announced=said) == [("old", WHOLE, 1100.0)], "more than was announced"
    due = [Step("old", SNAPSHOTS, 950.0)]
    assert steps([OLD], 1, announced=due) == [("old", SNAPSHOTS, 950.0)], "what was announced"
    said = [Step("old", WHOLE, 1050.0)]
    assert steps([OLD, NEW], 119, announced=said) == [("old", SNAPSHOTS, 1050.0)], "less than it"


sizes = st.builds(
    lambda n, spare, ended: (n + spare, spare, ended),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.none() | st.floats(0, 2000),
)


@given(st.lists(sizes, max_size=12), st.integers(0, 5000), st.sets(st.integers(0, 11)))
def test_a_plan_frees_enough_or_all_that_may_go_and_never_surprises(found, budget, said):
    runs = [Size(str(n), *size) for n, size in enumerate(found)]
    announced = {str(n): Step(str(n), WHOLE, 500.0) for n in said}
    made = plan(runs, announced, budget, 1000.0, 100.0)
    by_run = {size.run: size for size in runs}
    assert len({step.run for step in made}) == len(made)
    for step in made:
        ended = by_run[step.run].ended
        assert ended is not None and ended + 100.0 <= 1000.0
        assert step.at >= 1100.0 or announced[step.run].at == step.at
    freed = sum(by_run[s.run].bytes if s.what == WHOLE else by_run[s.run].snapshots for s in made)
    free_to_go = [r for r in runs if r.ended is not None and r.ended + 100.0 <= 1000.0]
    left = sum(r.bytes for r in runs) - freed
    assert left <= budget or freed == sum(r.bytes for r in free_to_go)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("20GB", 20 * 10**9), (" 1.5 gb", 1_500_000_000), ("500", 500), ("2 TB", 2 * 10**12)],
)
def test_a_budget_is_an_amount(text, amount):
    assert disk.budget_from(text) == amount


@pytest.mark.parametrize("text", ["many", "GB", "-5GB", "0", "nan", "inf", "5PB", "1e30", "5GG"])
def test_what_is_no_amount_is_refused_in_one_sentence(text):
    with pytest.raises(DiskError, match="such as 20GB"):
        disk.budget_from(text)
    if text != "0":
        with pytest.raises(DiskError, match="number of hours"):
            disk.notice_from(text)


def test_nothing_said_means_no_budget_and_a_day_of_notice(monkeypatch, store):
    for name in ("EXPLORER_DISK_BUDGET", "EXPLORER_CLEAN_NOTICE"):
        monkeypatch.delenv(name, raising=False)
    cleaning = Cleaning.configured(store)
    assert (cleaning.budget, cleaning.notice) == (None, 24 * HOUR)
    assert cleaning.clean() == []


@pytest.fixture
def ended(store, tools):
    """Three runs that ended, with two snapshots each."""
    made = []
    for _ in range(3):
        run = store.create(tools.describe())
        (run.folder / "snapshots").mkdir()
        for step in (5, 10):
            (run.folder / "snapshots" / f"{step:06}.safetensors").write_bytes(b"x" * 100_000)
        run.set_status(state=states.FINISHED)
        made.append(run)
    return made


def test_it_announces_waits_and_then_cleans_what_still_may_go(store, ended):
    first, second, third = ended
    now = disk.seconds_of(third.recorded()["updated"]) + 2 * HOUR
    cleaning = Cleaning(store, budget=320_000, notice=HOUR)
    assert cleaning.clean(now) == []
    said = disk.announced(store.root)
    assert [(run, step.what) for run, step in said.items()] == [
        (run.id, SNAPSHOTS) for run in (first, second, third)
    ]
    assert all(abs(step.at - now - HOUR) < 1 for step in said.values())
    assert cleaning.clean(now + HOUR / 2) == [], "not before the date"
    labels.write(second.folder, star=True)
    third.set_status(state=states.PAUSED)
    removed = cleaning.clean(now + HOUR + 1)
    assert [(step.run, step.what) for step in removed] == [(first.id, SNAPSHOTS)]
    assert [step for step, _ in first.snapshots()] == [10], "pages show the newest"
    assert [len(run.snapshots()) for run in (second, third)] == [2, 2]
    assert cleaning.clean(now + 2 * HOUR) == [], "the whole run is announced anew"
    said = disk.announced(store.root)
    assert [(run, step.what) for run, step in said.items()] == [(first.id, WHOLE)]
    cleaning.clean(now + 3 * HOUR + 1)
    assert [run.id for run in store.list()] == [second.id, third.id]


def test_at_once_does_not_wait_but_spares_the_same(store, ended):
    first, second, third = ended
    labels.write(first.folder, star=True)
    now = disk.seconds_of(third.recorded()["updated"]) + 1
    removed = Cleaning(store, budget=1, notice=0).clean(now, at_once=True)
    assert {step.run for step in removed} == {second.id, third.id}
    assert [run.id for run in store.list()] == [first.id]


def test_a_run_taken_up_while_the_plan_was_made_is_spared(store, ended, monkeypatch):
    first = ended[0]
    cleaning = Cleaning(store, budget=1, notice=0)
    whole = cleaning.look

    def look(now):
        found = whole(now)
        labels.write(first.folder, star=True)
        return found

    monkeypatch.setattr(cleaning, "look", look)
    later = disk.seconds_of(ended[2].recorded()["updated"]) + 1
    assert first.id not in [step.run for step in cleaning.clean(later)]
    assert [run.id for run in store.list()] == [first.id]


def test_texts_count_and_those_that_nobody_reads_go_before_any_run(store, tools, ended):
    read = store.save_text("r" * 100_000)
    spec = tools.describe()
    newer = store.create(spec | {"corpus": read})
    newer.set_status(state=states.FINISHED)
    # It cannot be used here any more; its text can, once the program is new enough.
    files.write_json(newer.folder / "run.json", newer.spec() | {"version": 999})
    unread, fresh = store.save_text("u" * 100_000), store.save_text("f" * 100_000)
    now = disk.seconds_of(ended[2].recorded()["updated"]) + 2 * HOUR
    for about, hours in ((read, 10), (unread, 9)):
        os.utime(store.root / about["path"], (now - hours * HOUR,) * 2)
    os.utime(store.root / fresh["path"], (now,) * 2)
    cleaning = Cleaning(store, budget=None, notice=HOUR)
    cleaning.look(now)
    cleaning.budget = cleaning.total - 1
    assert cleaning.total > 900_000, "two snapshots of three runs, and three texts"
    assert cleaning.clean(now) == [] and cleaning.texts == 1
    left = {path.stem for path in (store.root / "texts").iterdir()}
    assert unread["sha256"] not in left and {read["sha256"], fresh["sha256"]} <= left
    assert disk.announced(store.root) == {}, "no run has to go for it"


def test_the_text_of_a_task_stays_as_long_as_the_task(store):
    about = store.save_text("Über allen Gipfeln ist Ruh", "Goethe.txt")
    told = {"title": "A", "page": "bigram", "text": about["sha256"], "text_name": about["name"]}
    code = tasks.save(store.root, tasks.from_json(json.dumps(told)))
    os.utime(store.root / about["path"], (0, 0))
    cleaning = Cleaning(store, budget=1, notice=HOUR)
    cleaning.clean()
    assert cleaning.texts == 0 and (store.root / about["path"]).is_file()
    tasks.delete(store.root, code)
    cleaning.clean()
    assert cleaning.texts == 1 and not (store.root / about["path"]).exists()


def test_making_a_task_takes_its_text_up_anew(store):
    """A cleaning that looked for unread texts a moment before it would remove an old one."""
    about = store.save_text("Über allen Gipfeln ist Ruh", "Goethe.txt")
    os.utime(store.root / about["path"], (0, 0))
    told = {"title": "A", "page": "bigram", "text": about["sha256"], "text_name": about["name"]}
    tasks.save(store.root, tasks.from_json(json.dumps(told)))
    assert (store.root / about["path"]).stat().st_mtime > 1e9


def test_a_text_that_is_taken_up_again_is_fresh(store):
    about = store.save_text("once more")
    os.utime(store.root / about["path"], (0, 0))
    store.save_text("once more")
    assert (store.root / about["path"]).stat().st_mtime > 1e9


def test_a_damaged_announcement_is_none(store):
    store.root.mkdir(parents=True)
    told = {"a": {"what": "all", "at": "2026-01-01T00:00:00+00:00"}, "b": 3, "c": {"what": "run"}}
    (store.root / disk.FILE).write_text(json.dumps(told))
    assert disk.announced(store.root) == {}


def test_an_old_run_is_listed_where_it_has_a_star_or_needs_one(store, tools):
    runs = [store.create(tools.describe()) for _ in range(5)]
    labels.write(runs[0].folder, star=True)
    disk.announce(store.root, [Step(runs[2].id, WHOLE, 1e9), Step(runs[3].id, WHOLE, 1e9)])
    newest = [run.id for run in (runs[4], runs[3])]
    assert [entry.run.id for entry in history.entries(store, 2)] == newest
    dear = [entry.run.id for entry in history.entries(store, 2, dear=True)]
    assert dear == [*newest, runs[2].id, runs[0].id]
