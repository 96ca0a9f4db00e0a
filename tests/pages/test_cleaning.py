"""A learner is told before their old runs are cleaned, and nobody else is."""

import os
import time

from streamlit.testing.v1 import AppTest

from explorer import workspace
from explorer.moments import written
from explorer.runs import disk, files, labels, states
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


def test_a_run_that_went_on_and_ended_anew_is_promised_no_old_date(bench):  # noqa: F811
    """Whoever continues a run gives it as long as any that ended now; until the next hourly round
    the notice went on to name the date from before."""
    run, other = bench.train("bigram", "bigram"), bench.train("bigram", "bigram")
    steps = [Step(one.id, WHOLE, time.time() + 3600) for one in (run, other)]
    disk.announce(bench.store.root, steps)
    at = AppTest.from_function(notice)
    assert told(at.run())[0].startswith("The disk is getting full: 2 old runs")
    hour_ago = time.time() - 3600
    os.utime(bench.store.root / disk.FILE, (hour_ago, hour_ago))
    status = files.read_json(other.folder / "status.json")
    earlier = status | {"updated": "2020-01-01T00:00:00+00:00"}
    files.write_json(other.folder / "status.json", earlier)
    (said,) = told(at.run())
    assert said.startswith("The disk is getting full: 1 old run of yours")
