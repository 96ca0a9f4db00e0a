"""Page 10 in a real Chromium: a climb that survives a reload, graded; a run named and deleted."""

import re

import pytest

from explorer import ladder
from explorer.runs import RunStore, labels
from tests.browser.visiting import SOON, finished_run, record

SHORT = "the_ladder?text=python_docs&the_ladder_mode=the+same+for+all&the_ladder_steps=10"
TITLES = ["One head", "Four heads", "Feed-forward", "Blocks"]


def choose(page, label, name):
    """Choose an option of the select box called `label`."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=name).first.click()


@pytest.fixture
def half_climbed(runs):
    """All rungs but two are trained; those that are left train the quickest."""
    for rung, loss in zip(ladder.rungs(1337, 10), (3.2, None, None, 2.9, 2.5), strict=True):
        if loss:
            record(finished_run(runs, "the_ladder", rung.preset), 10, 1.0, loss)


def test_a_climb_is_graded_named_and_cleared_away(server, runs, visit, half_climbed):
    page = visit.open(server, SHORT).page
    visit.wait_text("Often misunderstood")
    page.get_by_text("Four heads", exact=True).first.click()  # at ten steps it may be right
    visit.wait_text("Your answer is noted. Press Climb to find out.")
    visit.button("Climb: 2 rungs missing").click()
    page.get_by_role("button", name=re.compile("^Stop ")).first.wait_for(timeout=SOON)
    page.reload()  # the runs go on, and are found again
    visit.wait_text(re.compile("in training, . waiting|gains most"))
    page.get_by_role("button", name="All rungs are trained").wait_for(timeout=3 * SOON)
    runs = [run for run in RunStore(runs).list() if run.spec()["page"] == "the_ladder"]
    assert len(runs) == 5, "the reload has begun nothing twice"
    said = page.get_by_text(re.compile(r"After the first step, .* gains most")).inner_text()
    best = next(t for t in TITLES if f"step, {t} gains" in said)
    wrong = next(t for t in TITLES if t != best)
    radio = page.get_by_role("radiogroup").first
    radio.get_by_text(wrong, exact=True).click()
    visit.wait_text(f"You said “{wrong}”")
    radio.get_by_text(best, exact=True).click()
    visit.wait_text("Yes: ")
    assert page.get_by_text("You said “").count() == 0

    name = page.get_by_role("textbox", name="Name", exact=True)
    name.fill("<b>mine</b> **bold**")
    name.press("Enter")
    group = page.get_by_role("combobox", name="Group").last
    group.fill("seeds")
    group.press("Enter")
    newest = runs[-1].folder
    page.get_by_role("combobox", name=re.compile(r"Run to change")).wait_for(timeout=SOON)
    until(page, lambda: labels.read(newest).group == "seeds")
    assert labels.read(newest).name == "<b>mine</b> **bold**"
    page.locator("input[value^='<b>mine</b> **bold** (']").wait_for(timeout=SOON)
    assert page.locator("b", has_text="mine").count() == 0, "a name is not markup"
    visit.button("Delete this run").click()
    visit.button("Delete for good").click()
    until(page, lambda: not newest.exists())
    visit.button("Climb: 1 rung missing").wait_for(timeout=SOON)


def until(page, what):
    for _ in range(100):
        if what():
            return
        page.wait_for_timeout(100)
    pytest.fail("waited 10 s in vain")
