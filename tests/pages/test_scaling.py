"""Page 11: a sweep is planned, handed over, stopped, found again, fitted, and graded."""

import functools

import numpy as np
import pytest

import gpt
from explorer import remaining, scaling
from explorer.panels import sweep as sweeps
from explorer.panels import text as texts
from explorer.runs import states
from tests.gpt.helpers import machine_probe
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "scaling"
FAST = machine_probe(step=1e-4, op=5e-6, flop=1e-12)
LAW = np.array([1.4, 0.35, 0.35, 0.3, 0.4])


@pytest.fixture
def quick(bench):  # noqa: F811
    """A machine on which the page's own choice, five minutes and five sizes, fits."""
    gpt.save_probe(bench.store.root / "machine.json", FAST)
    return bench


def corpus():
    return gpt.load_corpus("python_docs")


@functools.cache
def planned(minutes=5, count=5):
    V = gpt.CharTokenizer.train(corpus().text).vocab_size
    return gpt.sweep_within(60 * minutes, count, V, FAST)


def finish(bench, runs, seed=0, noise=0.003, tokens=None):  # noqa: F811
    """Runs as if trained, with losses of a known law; in characters, if no tokens are told."""
    draw = np.random.default_rng(seed)
    for run in runs:
        spec = gpt.describe_run(run.preset, corpus(), "cpu", tokens) | {"page": PAGE}
        expected = scaling.loss(LAW, run.parameters, run.tokens) + noise * draw.normal()
        bench.store.create(spec).set_status(state=states.FINISHED, val_loss=float(expected))


def test_nothing_is_fitted_or_predicted_before_anything_is_measured(quick):
    at = quick.open(PAGE)
    assert "15 runs, every point on one line uses the same FLOPs" in said(at)
    assert "Points appear here" in said(at) and "No prediction yet. 0 runs are finished" in said(at)
    assert "Predicted before" not in said(at)
    assert by_key(at.button, f"{PAGE}_start").label == "Start the sweep (15 runs)"


def test_one_press_hands_over_every_run_once_and_stop_asks_all_of_them(quick):
    at = quick.open(PAGE)
    by_key(at.button, f"{PAGE}_start").click().run()
    assert not at.exception
    made = quick.store.list()
    assert quick.executor.submitted == [run.id for run in made] and len(made) == 15
    assert {run.spec()["learner"] for run in made} == {PAGE}  # others come in between
    wanted = [run.preset.train.max_steps for run in planned()]
    assert [run.spec()["train"]["max_steps"] for run in made] == wanted
    for run in made:
        run.set_status(state=states.QUEUED)
    at = quick.open(PAGE)  # a reload: the sweep goes on, and is there
    assert not any(b.key == f"{PAGE}_start" for b in at.button)
    by_key(at.button, f"{PAGE}_stop").click().run()
    assert quick.executor.commands == [(run.id, "stop") for run in reversed(made)]


def test_what_was_stopped_goes_on_and_what_is_finished_is_not_trained_again(quick):
    finish(quick, planned()[:3])
    stopped = quick.store.create(
        gpt.describe_run(planned()[3].preset, corpus(), "cpu") | {"page": PAGE}
    )
    stopped.set_status(state=states.STOPPED, step=10)
    failed = quick.store.create(
        gpt.describe_run(planned()[4].preset, corpus(), "cpu") | {"page": PAGE}
    )
    failed.set_status(state=states.FAILED, step=planned()[4].preset.train.max_steps - 1)
    at = quick.open(PAGE)
    flops = [run.flops for run in planned()]
    done = sum(flops[:3]) + flops[3] * 10 / planned()[3].preset.train.max_steps
    (progress,) = at.get("progress")
    assert f"; {done / sum(flops):.0%} of the arithmetic" in progress.proto.text, "it begins anew"
    button = by_key(at.button, f"{PAGE}_start")
    assert button.label == "Continue the sweep (12 runs)"
    button.click().run()
    assert quick.executor.commands == [(stopped.id, "continue")]
    assert len(quick.executor.submitted) == 11


def test_the_time_of_a_sweep_is_that_of_what_is_left_of_it(quick, monkeypatch):
    finish(quick, planned()[:3])
    spec = gpt.describe_run(planned()[3].preset, corpus(), "cpu") | {"page": PAGE}
    quick.store.create(spec).set_status(state=states.STOPPED, step=10)
    left, asked = remaining.series_left, []
    monkeypatch.setattr(
        remaining, "series_left", lambda series, V: asked.append(left(series, V)) or 4000.0
    )
    button = by_key(quick.open(PAGE).button, f"{PAGE}_start")
    V = gpt.CharTokenizer.train(corpus().text).vocab_size
    each = [gpt.estimate_seconds(run.preset, V, FAST) for run in planned()]
    begun = 1 - 10 / planned()[3].preset.train.max_steps
    assert asked == [pytest.approx(each[3] * begun + sum(each[4:]))]
    assert "about 67 min if nothing else trains" in button.help


def test_a_run_of_another_text_or_setting_is_not_taken_for_one_of_the_sweep(quick):
    run = planned()[0]
    other = run.preset.with_settings({"seed": 7})
    for preset, text in ((other, corpus()), (run.preset, gpt.load_corpus("copying"))):
        spec = gpt.describe_run(preset, text, "cpu") | {"page": PAGE}
        quick.store.create(spec).set_status(state=states.FINISHED, val_loss=2.0)
    at = quick.open(PAGE)
    assert by_key(at.button, f"{PAGE}_start").label == "Start the sweep (15 runs)"


def test_a_finished_sweep_is_fitted_and_the_guess_is_graded(quick):
    runs = planned()
    finish(quick, runs)
    at = quick.open(PAGE)
    assert "Best number of parameters" in said(at) and "not determined" not in said(at)
    button = by_key(at.button, f"{PAGE}_start")
    assert button.disabled and not button.help, "no time for nothing"
    exponents = next(d.value for d in at.dataframe if "Kaplan 2020" in d.value.columns)
    assert exponents["here (95 %)"].iloc[0].startswith("0.3")
    top = runs[-5:]
    losses = [scaling.loss(LAW, run.parameters, run.tokens) for run in top]
    best = top[int(np.argmin(losses))]
    guess = next(r for r in at.radio if ".answer.best" in r.key)
    guess.set_value(sweeps.name_of(best)).run()
    assert any(s.value.startswith(f"Yes: **{sweeps.size_of(best)}**") for s in at.success)
    (kept,) = at.session_state["answers"].values()
    assert kept["answer"] == sweeps.name_of(best)  # in no language: Spanish finds it again
    by_key(at.toggle, f"{PAGE}_far").set_value(True).run()
    assert not at.exception


@pytest.mark.parametrize(("off", "verdict"), [(0.0, "success"), (0.3, "warning")])
def test_an_untrained_size_is_predicted_first_and_graded_by_its_own_run(quick, off, verdict):
    finish(quick, planned())
    at = quick.open(PAGE)
    before = next(m.value for m in at.markdown if m.value.startswith("Predicted before"))
    assert "outside" not in before
    by_key(at.button, f"{PAGE}_train_unseen").click().run()
    (run_id,) = quick.executor.submitted
    run = quick.store.get(run_id)
    width = run.spec()["model"]["n_embd"]
    assert width == by_key(at.selectbox, f"{PAGE}_unseen").value
    point = gpt.run_under_budget(width, planned()[-1].budget, _vocabulary())
    measured = float(scaling.loss(LAW, point.parameters, point.tokens)) + off
    run.set_status(state=states.FINISHED, val_loss=measured)
    at = quick.open(PAGE)
    after = next(m.value for m in at.markdown if m.value.startswith("Predicted before"))
    assert after == before  # its own run is no part of the fit
    assert any("the prediction," in box.value for box in getattr(at, verdict))


def _vocabulary():
    return gpt.CharTokenizer.train(corpus().text).vocab_size


def test_a_slow_machine_is_offered_the_smallest_sweep_and_its_time(bench):  # noqa: F811
    at = bench.open(PAGE, scaling_minutes="1")
    assert any("Shown is the smallest one, about" in w.value for w in at.warning)
    assert by_key(at.button, f"{PAGE}_start").label == "Start the sweep (15 runs)"


def test_a_size_beyond_a_million_is_no_power_of_ten():
    sizes = [sweeps.size_of(gpt.run_under_budget(width, 2.5e13, 300)) for width in (48, 144)]
    assert sizes == [
        "73k parameters (2 layers, width 48)",
        "1,298k parameters (5 layers, width 144)",
    ]


def drawn(at):
    """Whether a chart has a mark at the tutorial's model."""
    charts = at.get("vega_lite_chart")
    return any(b"model: 1.48" in chart.proto.SerializeToString() for chart in charts)


def test_the_tutorials_loss_is_held_against_a_law_of_its_own_text_alone(quick, monkeypatch):
    apart = "its loss has no place beside the losses here"
    finish(quick, planned())
    at = quick.open(PAGE, scaling_far="true")
    assert apart in said(at) and not drawn(at) and "1.48" not in said(at)
    with monkeypatch.context() as patch:
        patch.setattr(texts, "is_tutorials", lambda text: True)
        at = quick.open(PAGE, scaling_far="true")
    assert apart not in said(at) and drawn(at) and "its figure is 1.48" in said(at)
    runs = gpt.sweep_within(300, 5, 300, FAST)
    finish(quick, runs, tokens={"kind": "bpe", "vocab_size": 300})
    at = quick.open(PAGE, tokenizer="bpe-300", scaling_far="true")
    assert not at.exception and apart in said(at) and not drawn(at)
