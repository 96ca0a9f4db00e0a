"""Page 11 in a real Chromium: the smallest sweep is started, survives a reload, and is stopped;
one that is finished grades a guess and predicts a size that it left out."""

import re

import pytest

import gpt
from explorer.panels.sweep import size_of
from tests.browser.serving import app
from tests.browser.visiting import SOON, finished_run
from tests.gpt.helpers import machine_probe

PATIENCE = 180_000  # ms; the first run takes two seconds on a quiet machine


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaled")
    # So slow a machine that no sweep fits its minutes: it is offered the smallest one.
    gpt.save_probe(folder / "machine.json", machine_probe(step=1.0, op=1e-3, flop=1e-9))
    return folder


@pytest.fixture(scope="module")
def server(runs):
    with app(runs) as running:
        yield running


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


@pytest.fixture
def swept(runs):
    """The smallest sweep of five sizes, as if trained -> the runs of its largest budget, of which
    the second is the best."""
    V = gpt.CharTokenizer.train(gpt.load_corpus("python_docs").text).vocab_size
    planned = gpt.smallest_sweep(5, V)
    for i, run in enumerate(planned):
        loss = 3.0 + 0.05 * (i % 5 - 1) ** 2 - 0.3 * (i // 5)
        finished_run(runs, "scaling", run.preset, val_loss=loss)
    return planned[-5:]


def test_a_wrong_and_a_right_guess_are_graded_by_a_finished_sweep(server, visit, swept):
    page = visit.open(server, "scaling?scaling_count=5").page
    largest, best = size_of(swept[-1]), size_of(swept[1])
    reason = "Smaller ones have too few numbers to hold what they read"
    visit.answer(largest)
    visit.wait_grade(False, f"You said “{largest}”; it is {best}.", reason)
    visit.answer(best)
    visit.wait_grade(True, f"Yes: {best}.", reason)
    visit.wait_text("Predicted before it is trained: ")
    assert page.get_by_role("button", name="All done").is_disabled()
