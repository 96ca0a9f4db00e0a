"""Page 11 in a real Chromium: the smallest sweep is started, survives a reload, and is stopped."""

import re

import pytest

import gpt
from tests.browser.visiting import SOON
from tests.gpt.helpers import machine_probe

PATIENCE = 180_000  # ms; the first run takes two seconds on a quiet machine


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaled")
    # So slow a machine that no sweep fits its minutes: it is offered the smallest one.
    gpt.save_probe(folder / "machine.json", machine_probe(step=1.0, op=1e-3, flop=1e-9))
    return folder


def test_the_smallest_sweep_trains_behind_the_page(server, visit):
    page = visit.open(server, "scaling?scaling_count=4").page
    visit.wait_text("Shown is the smallest one")
    visit.button("Start the sweep (12 runs)").click()
    visit.wait_text(re.compile(r"1[12] waiting|\d training"))
    page.reload()
    visit.wait_text(re.compile(r"\d training"), timeout=PATIENCE)
    visit.wait_text("Measured: one point a run", timeout=PATIENCE)
    assert page.get_by_text("Predicted before it is trained").count() == 0
    visit.button("Stop the sweep").click()
    left = page.get_by_role("button", name=re.compile(r"Continue the sweep \(\d+ runs\)"))
    left.wait_for(timeout=SOON)
    visit.wait_text(re.compile(r"[1-9]\d* finished"))
