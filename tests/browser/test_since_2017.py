"""Page 12 in a real Chromium: an idea is moved, the variants train, are stopped, and go on."""

import json
import re
import time

from tests.browser.visiting import SOON


def states(runs):
    return sorted(json.loads(p.read_text())["state"] for p in runs.glob("*/status.json"))


def test_an_idea_is_moved_and_the_variants_are_trained_stopped_and_go_on(server, runs, visit):
    page = visit.open(server, "since_2017?since_2017_steps=480").page
    visit.wait_text("Often misunderstood")
    visit.wait_text(re.compile(r"With the query at place 500 instead of 32"))
    page.get_by_role("slider", name="Place of the query").press("ArrowRight")
    visit.wait_text(re.compile(r"With the query at place 501 instead of 32"))
    page.get_by_role("radio", name="RMSNorm", exact=True).first.click()
    visit.wait_text(re.compile(r"The switch of this idea, norm_kind: layer → rms"))
    visit.button("Train 12 variants").click()
    visit.wait_text(re.compile(r"\d+ of 12 are finished"))
    visit.wait_text(re.compile(r"Now: "))
    page.get_by_role("button", name="Stop", exact=True).click()
    again = page.get_by_role("button", name=re.compile(r"Train \d+ variants"))
    again.wait_for(timeout=SOON)
    until = time.monotonic() + SOON / 1000
    while set(states(runs)) - {"stopped", "finished"} and time.monotonic() < until:
        time.sleep(0.2)  # one of them may be in the middle of a step
    assert "stopped" in states(runs) and len(states(runs)) == 12
    visit.page.wait_for_timeout(1500)  # the page has seen the last one too
    again.click()
    visit.button("The variants are being trained").wait_for(timeout=SOON)
    assert len(states(runs)) == 12  # the same runs, not new ones
    page.get_by_role("button", name="Stop", exact=True).click()
    again.wait_for(timeout=SOON)
