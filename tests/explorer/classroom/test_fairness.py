"""All runs judged alike: who is left out and why, and a number that can be trusted."""

import math
import shutil
from dataclasses import replace

import pytest

import gpt
from explorer import cache, history
from explorer.classroom import fairness
from explorer.runs import states
from explorer.runs.job import Signals, work
from explorer.runs.store import RunStore

QUICK = {"max_steps": 3, "eval_interval": 3, "eval_iters": 1, "sample_tokens": 4}


@pytest.fixture
def store(own_folders):
    return RunStore(own_folders / "runs")


def train(store, corpus="copying", preset="bigram", **settings):
    recipe = gpt.PRESETS[preset].with_settings(QUICK | settings)
    run = store.create(gpt.describe_run(recipe, gpt.load_corpus(corpus), "cpu"))
    run.set_status(state=states.QUEUED)
    assert work(run, Signals())[0] == states.FINISHED
    return run


def verdicts_of(judge, store, text):
    entries = history.entries(store)
    judge.begin(entries, text)
    judge._thread.join(60)
    assert not judge.running and judge.left == 0
    return judge.verdicts(entries, text)


def test_only_what_learnt_from_this_text_through_a_mask_is_judged(store):
    text = cache.text("copying")
    fair = train(store)
    other = train(store, corpus="sorting")
    cheat = train(store, preset="self_attention", causal=False)
    unborn = store.create(fair.spec())
    found = verdicts_of(fairness.Judging(), store, text)
    assert 0 < found[fair.id].bits < 2 * math.log2(text.vocab_size)
    assert found[other.id] == fairness.Verdict(None, fairness.OTHER_TEXT)
    assert found[cheat.id] == fairness.Verdict(None, fairness.SAW_ANSWERS)
    assert found[unborn.id] == fairness.Verdict(None, fairness.NO_MODEL)


def test_a_model_that_is_damaged_or_vanishes_stops_no_judging(store, monkeypatch):
    text = cache.text("copying")
    gone, torn, good = (train(store) for _ in range(3))
    entries = history.entries(store)
    (torn.folder / "checkpoint" / "model.safetensors").write_bytes(b"torn")
    (gone.folder / "checkpoint" / "model.safetensors").unlink()
    judge = fairness.Judging()
    found = verdicts_of(judge, store, text)
    assert found[torn.id].reason == fairness.NOT_READ
    assert found[gone.id].reason == fairness.NO_MODEL
    assert found[good.id].bits is not None
    shutil.rmtree(good.folder)
    assert good.id not in judge.verdicts(entries, text), "its model is not there any more"


def test_a_text_whose_end_is_too_short_says_nothing_against_the_model(store):
    run = train(store)
    T = run.spec()["model"]["block_size"]
    for end in ("", "ab", "a" * T):
        assert fairness.judge(run, end) == fairness.Verdict(None, fairness.TOO_SHORT)
    assert fairness.judge(run, "a" * (T + 1)).bits is not None
    assert fairness.judge(run, "€" * 99) == fairness.Verdict(None, fairness.NOT_READ)


def test_the_end_of_a_tiny_text_is_not_all_of_it(store, monkeypatch):
    """Nine hundredths of ten characters are none, and `[-0:]` is everything."""
    read = []
    monkeypatch.setattr(fairness, "judge", lambda run, end: read.append(end))
    corpus = gpt.corpus_from_text("abcdefghij")
    monkeypatch.setattr(fairness, "reason_against", lambda entry, sha256: "")
    text = replace(cache.text("copying"), corpus=corpus)
    train(store)
    verdicts_of(fairness.Judging(), store, text)
    assert read == [""]


def test_what_was_judged_is_judged_again_only_when_its_model_changes(store, monkeypatch):
    text, run = cache.text("copying"), train(store)
    judge = fairness.Judging()
    before = verdicts_of(judge, store, text)
    monkeypatch.setattr(fairness, "judge", lambda *_: fairness.Verdict(1.0))
    assert verdicts_of(judge, store, text) == before
    weights = run.folder / "checkpoint" / "model.safetensors"
    weights.write_bytes(weights.read_bytes())
    assert verdicts_of(judge, store, text)[run.id].bits == 1.0
