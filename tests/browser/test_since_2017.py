"""Page 12 in a real Chromium: an idea is moved, the variants train, are stopped, and go on;
finished ones grade both guesses."""

import re
import time

import pytest

import gpt
from explorer import modern
from explorer.panels.race import CHOICES
from explorer.runs import RunStore
from tests.browser.visiting import SOON, finished_run, record

STEPS = 60


def states(runs):
    """Of all variants, beside which the server may have the runs of other tests."""
    mine = [run for run in RunStore(runs).list() if run.spec()["page"] == "since_2017"]
    return sorted(run.status()["state"] for run in mine)


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


@pytest.fixture
def measured(runs):
    """All variants as if trained: tiny models stand for theirs, Muon's has no opinions and the
    others are wrongly sure. And both racers: the modern one is at the quick start's loss after a
    quarter of its seconds."""
    tokenizer = gpt.CharTokenizer.train(gpt.load_corpus("python_docs").text)
    tiny = gpt.PRESETS["bigram"]
    for name, preset in modern.variants(STEPS).items():
        run = finished_run(runs, "since_2017", preset)
        model = gpt.build_model(tiny.model, tokenizer.vocab_size, seed=preset.train.seed)
        for weights in model.parameters():
            weights.data *= 0 if name == "Muon" else 2
        gpt.save_checkpoint(run.folder / "checkpoint", model, tokenizer, tiny)
        record(run, STEPS, 6.0, 3.0)
    for preset, seconds in zip(modern.racers().values(), (10.0, 40.0), strict=True):
        record(finished_run(runs, "since_2017", preset), preset.train.max_steps, seconds, 2.0)


def test_wrong_and_right_guesses_are_graded_by_finished_runs(server, visit, measured):
    page = visit.open(server, f"since_2017?since_2017_steps={STEPS}").page
    page.get_by_role("button", name="All variants are trained").wait_for(timeout=SOON)
    visit.answer("RMSNorm")
    visit.wait_grade(False, "You said “RMSNorm”; it is Muon.", "clearly less.")
    visit.answer("Muon")
    visit.wait_grade(True, "Yes: Muon.", "clearly less.")
    never, right = CHOICES[0], CHOICES[2]
    reason = "after 10.0 s"
    visit.answer(never)
    visit.wait_grade(False, f"You said “{never}”; it is {right}.", reason, "after 40.0 s")
    visit.answer(right)
    visit.wait_grade(True, f"Yes: {right}.", reason, "after 40.0 s")
