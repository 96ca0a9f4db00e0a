"""Page 12: an idea is looked at, all are trained and compared, two recipes race."""

import pytest
import torch

import gpt
from explorer import modern, remaining
from explorer.panels import modern as panel
from explorer.panels import race
from explorer.runs import states
from explorer.runs.job import Signals, work
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "since_2017"
SMALL = {"n_embd": 16, "n_head": 2, "n_layer": 1, "block_size": 8, "batch_size": 4}
SMALL |= {"sample_tokens": 2}


@pytest.fixture
def small(bench, monkeypatch):  # noqa: F811
    """The page with tiny recipes of four steps."""
    for name, steps in ((modern.MODERN, 4), (modern.QUICK, 8)):
        recipe = gpt.PRESETS[name].with_settings(SMALL | {"max_steps": steps, "warmup_steps": 1})
        monkeypatch.setitem(gpt.PRESETS, name, recipe)
    monkeypatch.setattr(panel, "STEPS", (4,))
    monkeypatch.setattr(modern, "WINDOWS", 8)

    def submit(run_id):
        bench.executor.submitted.append(run_id)
        bench.store.get(run_id).set_status(state=states.QUEUED)
        return True

    monkeypatch.setattr(bench.executor, "submit", submit)
    return bench


def train(bench, preset, page=PAGE):  # noqa: F811
    """A finished run of the page on the text that needs no network."""
    spec = gpt.describe_run(preset, gpt.load_corpus("python_docs"), "cpu") | {"page": page}
    run = bench.store.create(spec)
    run.set_status(state=states.QUEUED)
    assert work(run, Signals())[0] == states.FINISHED
    return run


def finish(bench):  # noqa: F811
    """What the training processes would do: train the runs that were handed over."""
    for run in bench.store.list():
        if run.recorded()["state"] == states.QUEUED:
            assert work(run, Signals())[0] == states.FINISHED


def test_each_idea_says_its_switch_and_draws_its_picture(bench):  # noqa: F811
    at = bench.open(PAGE)
    for idea in modern.IDEAS:
        by_key(at.button_group, f"{PAGE}_idea").set_value(idea.name).run()
        assert not at.exception and not at.error and not at.info, idea.name
        switched = next(c.value for c in at.caption if idea.source in c.value)
        assert all(f"`{name}`: " in switched for name in idea.changes)
        (chart,) = at.get("vega_lite_chart")  # there is no other before a run
        assert '"type": "line"' in chart.proto.spec


def test_moving_query_and_key_together_leaves_the_curve(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.slider, f"{PAGE}_place").set_value(3000).run()
    assert not at.exception
    words = next(c.value for c in at.caption if "With the query at place 3,000" in c.value)
    assert float(words.partition("by at most ")[2].split(" ")[0]) < 1e-3


def test_one_press_trains_every_idea_three_seeds_and_the_five_together(small):
    at = small.open(PAGE)
    by_key(at.button, f"{PAGE}_variants").click().run()
    assert not at.exception
    specs = [run.spec() for run in small.store.list()]
    assert len(specs) == 12 and {spec["threads"] for spec in specs} == {1}
    assert sorted({spec["train"]["seed"] for spec in specs}) == list(modern.SEEDS)
    assert by_key(at.button, f"{PAGE}_variants").disabled


def test_finished_variants_are_measured_and_the_answer_is_graded(small):
    runs = [train(small, preset) for preset in modern.variants(4).values()]
    at = small.open(PAGE)
    by_key(at.radio, f"{PAGE}.answer.best").set_value("Muon").run()
    table = next(d.value for d in at.dataframe if "± luck" in d.value.columns)
    assert table["run"].tolist() == list(modern.variants(4))
    # Of another seed too, the loss is over the windows that all are measured on.
    model, tokenizer, _ = gpt.load_checkpoint(runs[1].checkpoint_path)
    text = gpt.load_corpus("python_docs").text
    val = gpt.encode_splits(tokenizer, text, 8, torch.device("cpu"))["val"]
    recipe = modern.tutorial(4).with_settings({"eval_iters": panel.MEASURED}).train
    assert table["loss"].iloc[1] == pytest.approx(gpt.estimate_loss(model, val, recipe))
    base = table["loss"].iloc[:3]
    assert table["gain"].iloc[3] == pytest.approx(base.mean() - table["loss"].iloc[3])
    assert table["± luck"].iloc[0] == pytest.approx(2 * base.std())
    ideas = table.iloc[3:-1]
    best = ideas.loc[ideas["gain"].idxmax(), "run"]
    verdicts = [e.value for e in (*at.success, *at.warning)]
    assert any(f"**{best}**" in verdict for verdict in verdicts)
    assert "Gains need not add up" in said(at) and "The grey band is luck" in said(at)
    by_key(at.button_group, f"{PAGE}_reading").set_value(panel.SAME_SECONDS).run()
    assert not at.exception and "seconds of training, when the quickest run was ready" in said(at)


def test_a_stopped_variant_goes_on_and_a_failed_one_begins_anew(small):
    wanted = modern.variants(4)
    runs = {name: train(small, wanted[name]) for name in ("Muon", "RMSNorm")}
    runs["Muon"].set_status(state=states.STOPPED)
    runs["RMSNorm"].set_status(state=states.FAILED)
    at = small.open(PAGE)
    by_key(at.button, f"{PAGE}_variants").click().run()
    assert runs["Muon"].id in small.executor.submitted
    assert runs["RMSNorm"].id not in small.executor.submitted
    assert len(small.executor.submitted) == 12 and len(small.store.list()) == 13


def test_the_time_of_the_variants_is_that_of_what_is_left_of_them(small, monkeypatch):
    wanted = modern.variants(4)
    stopped = train(small, wanted["Muon"])
    stopped.set_status(state=states.STOPPED, step=2)
    train(small, wanted["RMSNorm"])
    train(small, wanted["SwiGLU"]).set_status(state=states.FAILED)
    asked = []
    monkeypatch.setattr(remaining, "series_left", lambda series, V: asked.append(list(series)))
    small.open(PAGE)
    (variants,) = [series for series in asked if len(series) > len(modern.racers())]
    begun = {"Muon": stopped.id}  # what failed begins anew, what is finished is not asked for
    names = [name for name in wanted if name != "RMSNorm"]
    assert [run and run.id for _, run in variants] == [begun.get(name) for name in names]


def test_the_racers_train_one_after_the_other_and_the_clock_decides(small, monkeypatch):
    at = small.open(PAGE)
    by_key(at.radio, f"{PAGE}.answer.race").set_value(race.CHOICES[0])
    by_key(at.button, f"{PAGE}_race").click().run()
    assert len(small.executor.submitted) == 1  # the other one waits
    finish(small)
    at.run()
    assert len(small.executor.submitted) == 2
    finish(small)
    at.run()
    at.run()
    assert not at.exception
    specs = [run.spec()["train"]["max_steps"] for run in small.store.list()]
    assert specs == [4, 8]
    losses = [m.value for m in at.metric if m.label.endswith("validation loss")]
    ends = [run.status()["val_loss"] for run in small.store.list()]
    assert losses == [f"{loss:.4f}" for loss in ends]
    # On a text without a listed loss, the target is where the quick start ended.
    assert f"Target: {ends[1]:.2f} nats" in said(at)
    graded = [e.value for e in (*at.success, *at.warning)]
    assert any("One seed and this machine" in words for words in graded)
    again = by_key(at.button, f"{PAGE}_race")
    assert again.label == "Race again"
    asked = []
    monkeypatch.setattr(remaining, "series_left", lambda series, V: asked.append(list(series)))
    again.click().run()
    asked.clear()
    at.run()  # the first trains anew; the other, which was ready, will too
    assert [run and run.recorded()["state"] for _, run in asked[-1]] == [states.QUEUED, None]


def test_a_race_that_is_stopped_can_go_on(small):
    at = small.open(PAGE)
    by_key(at.button, f"{PAGE}_race").click().run()
    (run,) = small.store.list()
    by_key(at.button, f"{PAGE}_stop_race").click().run()
    assert small.executor.commands == [(run.id, "stop")]
    run.set_status(state=states.STOPPED)
    at.run()
    button = by_key(at.button, f"{PAGE}_race")
    assert button.label == "Go on with the race" and not button.disabled
    button.click().run()
    assert small.executor.submitted == [run.id, run.id] and len(small.store.list()) == 1


def test_the_ratio_is_that_of_the_seconds_until_the_target(monkeypatch):
    at, end = modern.Moment, 2.0
    clocks = {
        "new": [at(0, 0.0, 4.0), at(1, 3.0, 1.8)],
        "old": [at(0, 0.0, 4.0), at(1, 6.0, 2.1), at(2, 12.0, 1.9), at(3, 30.0, 1.7)],
    }
    monkeypatch.setattr(race, "_done", lambda runs, name: True)
    assert race.times_sooner({"new": 0, "old": 0}, {}, clocks, end) == (4.0, False)
    assert race.times_sooner({"new": 0, "old": 0}, {}, clocks, 1.6) is None
    clocks["old"] = clocks["old"][:2]  # ended above the target: its whole time, and more
    assert race.times_sooner({"new": 0, "old": 0}, {}, clocks, end) == (2.0, True)


@pytest.mark.parametrize(
    ("new", "right"),
    [
        ([(1.0, 2.05), (9.0, 1.9)], race.CHOICES[3]),  # at 1.9 once, at 2.1 ten times sooner
        ([(9.0, 1.95)], race.CHOICES[1]),  # neither was at the target
    ],
)
def test_a_quick_start_that_misses_the_target_is_raced_to_where_it_ended(monkeypatch, new, right):
    """'Over 1.1 times' was graded as if it were the ratio, and two that missed as no sooner."""
    told = []
    monkeypatch.setattr(race, "_done", lambda runs, name: True)
    monkeypatch.setattr(
        race.question, "grade_choice", lambda answer, right, reason, **k: told.append(right)
    )
    clocks = {
        "new": [modern.Moment(0, 0.0, 4.0)]
        + [modern.Moment(n, *moment) for n, moment in enumerate(new, 1)],
        "old": [modern.Moment(0, 0.0, 4.0), modern.Moment(1, 10.0, 2.1)],
    }
    wanted = dict.fromkeys(clocks)
    race._grade(None, wanted, {}, clocks, 1.9)
    assert told == [right]
    assert "old did not reach it: it ended at 2.100." in race._own_end(wanted, {}, clocks, 1.9)
    assert race._own_end(wanted, {}, clocks, 2.2) == ""


def test_the_spread_is_that_of_the_seeds_that_are_finished(small):
    wanted = modern.variants(4)
    for name in (modern.NAMES[1337], modern.NAMES[1338], "RMSNorm"):
        train(small, wanted[name])
    stopped = train(small, wanted[modern.NAMES[1339]])
    stopped.set_status(state=states.STOPPED)
    at = small.open(PAGE)
    assert "of the tutorial's parts over 2 seeds" in said(at)
    table = next(d.value for d in at.dataframe if "± luck" in d.value.columns)
    assert table["run"].tolist() == [modern.NAMES[1337], modern.NAMES[1338], "RMSNorm"]
    assert table["± luck"].iloc[0] == pytest.approx(2 * table["loss"].iloc[:2].std())


def test_with_one_seed_no_idea_is_clearly_the_best(small):
    """Nothing is more than a spread that is not known: what came second was 'clearly less'."""
    wanted = modern.variants(4)
    for name, preset in wanted.items():
        if name not in (modern.NAMES[1338], modern.NAMES[1339], modern.TOGETHER):
            train(small, preset)
    at = small.open(PAGE)
    assert "one seed of the tutorial's parts cannot tell" in said(at)
    assert "clearly less" not in said(at)
