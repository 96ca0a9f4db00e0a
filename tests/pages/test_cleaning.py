"""A learner is told before their old runs are cleaned, and nobody else is."""

import time

from streamlit.testing.v1 import AppTest

from explorer import workspace
from explorer.moments import written
from explorer.runs import disk, labels, states
from explorer.runs.disk import SNAPSHOTS, WHOLE, Step
from tests.pages.bench import bench  # noqa: F401


def told(at):
    return [element.value for element in at.warning if "The disk" in element.value]


def notice():
    from explorer.panels.cleaning import cleaning_notice

    cleaning_notice()


def test_home_and_page_10_tell_it_until_there_is_a_star(bench):  # noqa: F811
    run = bench.train("bigram", "bigram")
    soon = time.time() + 3600
    disk.announce(bench.store.root, [Step(run.id, WHOLE, soon)])
    for page in ("home", "the_ladder"):
        (said,) = told(bench.open(page))
        assert "1 old run of yours will be deleted from 20" in said
    at = AppTest.from_function(notice)
    disk.announce(bench.store.root, [Step(run.id, SNAPSHOTS, soon)])
    assert "its curve and its model stay" in told(at.run())[0]
    other = bench.train("bigram", "bigram")
    steps = [Step(run.id, SNAPSHOTS, soon), Step(other.id, WHOLE, soon + 86_400)]
    disk.announce(bench.store.root, steps)
    whole, snapshots = told(at.run())
    assert f"1 old run of yours will be deleted from {written(soon + 86_400)}" in whole
    assert f"snapshots of 1 old run of yours will be deleted from {written(soon)}" in snapshots
    other.set_status(state=states.QUEUED)  # it goes on: it will not be cleaned
    (said,) = told(at.run())
    assert said == snapshots
    disk.announce(bench.store.root, [Step("somebody-else", WHOLE, soon)])
    assert not told(at.run())
    disk.announce(bench.store.root, [Step(run.id, WHOLE, soon)])
    labels.write(run.folder, star=True)
    assert not told(at.run())


def test_the_oldest_runs_are_told_of_though_no_list_has_them(bench, monkeypatch):  # noqa: F811
    run = bench.train("bigram", "bigram")
    bench.train("bigram", "bigram")
    entries = workspace.entries
    monkeypatch.setattr(workspace, "entries", lambda most=1: entries(most))
    disk.announce(bench.store.root, [Step(run.id, WHOLE, time.time() + 3600)])
    assert told(bench.open("home"))
