"""Page 4: the switches of attention, each with what it did."""

import pytest

import gpt
from explorer import cache
from explorer.consequences import AS_SET, NO_MASK, NO_POSITIONS
from explorer.history import best_by_page, entries
from explorer.panels import outcome
from tests.pages.bench import QUICK, bench, by_key, said  # noqa: F401

PAGE = "self_attention"


def test_one_press_trains_every_switch(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.button, f"{PAGE}_variants").click().run()
    assert not at.exception
    made = [run.spec()["model"] for run in bench.store.list()]
    assert [(m["causal"], m["attention_scale"], m["positions"]) for m in made] == [
        (True, "head_size", "learned"),
        (False, "head_size", "learned"),
        (True, "none", "learned"),
        (True, "head_size", "none"),
    ]


def test_finished_switches_are_measured_and_put_into_words(bench, monkeypatch):  # noqa: F811
    quick = gpt.PRESETS[PAGE].with_settings(QUICK | {"n_embd": 8})
    monkeypatch.setitem(gpt.PRESETS, PAGE, quick)
    for change in ({}, {"causal": False}, {"positions": "none"}):
        bench.train(PAGE, PAGE, **change)
    at = bench.open(PAGE)
    table = next(d.value for d in at.dataframe if "shuffled" in d.value.columns)
    assert table["variant"].tolist() == [AS_SET, NO_MASK, NO_POSITIONS]
    assert table["shuffled"].iloc[2] < 1e-5 < table["shuffled"].iloc[0]
    assert "moves nothing at all of the next character" in said(at)
    assert by_key(at.button, f"{PAGE}_variants").label == "Train 1 variant"
    best = best_by_page(entries(bench.store), gpt.load_corpus("python_docs").sha256)
    assert best[PAGE].spec["model"]["causal"]  # the lowest loss is that of the one that cheats


@pytest.mark.parametrize(
    ("share", "right"), [(1.01, "above"), (0.81, "a little below"), (0.79, "far below")]
)
def test_the_gain_is_measured_by_the_counted_bigram_of_the_text(bench, monkeypatch, share, right):  # noqa: F811
    """2.0 nats was the limit on every text, of a toy too."""
    bigram = cache.text("sorting").references["counted bigram"]
    monkeypatch.setattr(outcome, "graded", lambda lesson, text: {"val_loss": share * bigram})
    at = bench.open("self_attention", text="sorting")
    assert f"It is: **{right}" in said(at)


@pytest.mark.parametrize("causal", [True, False])
def test_what_is_said_of_a_run_is_of_its_own_mask_and_context(bench, causal):  # noqa: F811
    """A run that sees its answers was said to average the past."""
    run = bench.train(PAGE, PAGE, causal=causal, block_size=16)
    words = said(bench.open(PAGE, run=run.id))
    assert "sees 16 characters" in words
    assert ("One head averages the past" in words) == causal
    assert ("has its answer in sight" in words) != causal
