"""The ladder: one idea a rung, existing runs taken, gains computed from the ends of the runs."""

import dataclasses

import pytest

import gpt
from explorer import frames, history, ladder
from explorer.charts.ladder import create_ladder_chart
from explorer.runs import RunStore, labels, states

CORPUS = gpt.corpus_from_text("to be or not to be")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


def add(store, preset, state=states.FINISHED, corpus=CORPUS, **status):
    run = store.create(gpt.describe_run(preset, corpus))
    run.set_status(state=state, **status)
    return run


def found(store, rung, corpus=CORPUS):
    entry = ladder.find(rung, history.entries(store), corpus.sha256)
    return entry.run.id if entry else None


def test_the_rungs_are_the_tutorials_with_one_seed():
    rungs = ladder.rungs(7, laptop=True)
    names = [r.preset.name for r in rungs]
    heads = ["multi_head", "multi_head"]
    assert names == ["bigram", "self_attention", *heads, "blocks", "gpt_mini"]
    assert {r.preset.train.seed for r in rungs} == {7}
    assert [r.preset.train.max_steps for r in rungs] == [3000, 5000, 5000, 5000, 5000, 2000]
    assert all(hasattr(gpt, r.code) for r in rungs)
    assert len(ladder.rungs(7)) == 5


def test_equal_steps_change_the_length_and_the_estimates_alone():
    for ours, tutorials in zip(
        ladder.rungs(7, 105, True), ladder.rungs(7, None, True), strict=True
    ):
        changed = {"max_steps": 105, "eval_interval": 11}
        changed["eval_iters"] = min(100, tutorials.preset.train.eval_iters)
        assert ours.preset == tutorials.preset.with_settings(changed)


def test_feed_forward_is_the_only_change_of_its_rung():
    rungs = ladder.rungs(1, laptop=True)
    heads = ladder.changes(rungs[1].preset, rungs[2].preset)
    assert heads == [("n_head", "1", "4")]
    assert ladder.changes(rungs[2].preset, rungs[3].preset) == [("feed_forward", "off", "on")]
    assert ladder.changes(rungs[0].preset, rungs[1].preset)[0] == ("architecture", "bigram", "gpt")


@pytest.mark.parametrize("number", range(6))
def test_a_run_with_exactly_these_settings_is_taken(store, number):
    rung = ladder.rungs(1, 20, laptop=True)[number]
    run = add(store, rung.preset)
    for other in ladder.rungs(1, 20, laptop=True):
        assert found(store, other) == (run.id if other == rung else None)
    assert found(store, ladder.rungs(2, 20, laptop=True)[number]) is None
    assert found(store, ladder.rungs(1, 21, laptop=True)[number]) is None
    assert found(store, rung, gpt.corpus_from_text("another text")) is None


def test_a_setting_without_effect_does_not_matter(store):
    """Pages 4 and 5 leave the width of a feed-forward that is switched off as it is."""
    rung = ladder.rungs(1, 20)[2]
    run = add(store, rung.preset.with_settings({"feed_forward_multiple": 4, "activation": "gelu"}))
    assert found(store, rung) == run.id
    thinking = ladder.rungs(1, 20)[3]
    add(store, thinking.preset.with_settings({"feed_forward_multiple": 4}))
    assert found(store, thinking) is None


def test_a_run_of_an_earlier_version_lacks_new_settings_and_is_taken(store):
    rung = ladder.rungs(1, 20)[4]
    spec = gpt.describe_run(rung.preset, CORPUS)
    del spec["model"]["qk_norm"], spec["train"]["precision"]
    run = store.create(spec)
    run.set_status(state=states.FINISHED)
    assert found(store, rung) == run.id
    strange = spec | {"model": spec["model"] | {"n_dream": 3}}
    store.create(strange).set_status(state=states.FINISHED)
    assert found(store, rung) == run.id


def test_the_best_that_there_is_stands_for_the_rung(store):
    rung = ladder.rungs(1, 20)[0]
    assert found(store, rung) is None
    failed = add(store, rung.preset, states.FAILED)
    assert found(store, rung) == failed.id
    stopped = add(store, rung.preset, states.STOPPED)
    assert found(store, rung) == stopped.id
    waiting = add(store, rung.preset, states.QUEUED)
    assert found(store, rung) == waiting.id
    done = add(store, rung.preset, states.FINISHED)
    add(store, rung.preset, states.PAUSED)
    assert found(store, rung) == done.id


def test_a_gain_is_the_end_of_the_rung_before_minus_the_end_of_this():
    steps = ladder.steps(["a", "b", "c", "d"], [2.5, 2.4, None, 2.1], 4.0)
    assert [s.gain for s in steps[:2]] == pytest.approx([1.5, 0.1])
    assert [s.gain for s in steps[2:]] == [None, None]
    assert ladder.greatest(steps) is None, "not before all of them are known"
    assert ladder.in_words(steps) == (
        "What each step does to the loss: a −1.500, b −0.100. From 4.000 to 2.400 nats."
    )


def test_the_greatest_step_is_told_without_the_first():
    steps = ladder.steps(["a", "b", "Feed-forward", "d"], [2.5, 2.4, 2.45, 2.1], 4.0)
    assert ladder.greatest(steps).title == "d"
    words = ladder.in_words(steps)
    assert "Feed-forward +0.050" in words and words.endswith("d gains most.")
    assert ladder.in_words(ladder.steps(["a"], [None], 4.0)) == ""


def test_the_laptop_gpt_is_no_single_idea_and_does_not_win():
    """Its words once contradicted the grade, which leaves it out."""
    titles = [rung.title for rung in ladder.rungs(1, laptop=True)]
    for last in (1.5, None):
        steps = ladder.steps(titles, [2.5, 2.4, 2.3, 2.25, 2.1, last], 4.0)
        assert ladder.greatest(steps).title == "Blocks"
        assert "Blocks gains most (not counting the Laptop GPT" in ladder.in_words(steps)


def test_the_chart_draws_each_step_and_the_references_inside():
    steps = ladder.steps(["a", "b", "c"], [2.5, 2.55, None], 4.0)
    table = frames.ladder_steps(steps)
    assert table["label"].tolist() == ["−1.500", "+0.050"]
    assert table["falls"].tolist() == [True, False]
    chart = create_ladder_chart(table, frames.references({"in": 3.0, "out": 9.0})).to_dict()
    rows = [row for rows in chart["datasets"].values() for row in rows]
    assert {r["label"] for r in rows if "loss" in r} == {"in: 3.000"}
    assert {r["rung"]: (r["before"], r["after"]) for r in rows if "rung" in r} == {
        "a": (4.0, 2.5),
        "b": (2.5, 2.55),
    }


def test_names_and_stars_stand_first_in_lists(store):
    old, new = add(store, ladder.rungs(1, 20)[0].preset), add(store, ladder.rungs(1, 20)[1].preset)
    labels.write(old.folder, name="mine", star=True)
    entries = history.entries(store)
    assert [e.run.id for e in entries] == [new.id, old.id]
    entries = history.starred_first(entries)
    assert [e.title for e in entries] == ["★ mine", new.spec()["name"]]
    assert dataclasses.asdict(entries[0].labels) == {"name": "mine", "star": True, "group": ""}
