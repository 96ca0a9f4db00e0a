"""The ideas since 2017: what each switches, what runs of them say, and the pictures' numbers."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

import gpt
from explorer import demonstrations, modern
from explorer.charts.curves import create_curves_chart
from explorer.charts.gains import create_gains_chart, create_race_chart
from explorer.modern import IDEAS, SEEDS, TOGETHER, TUTORIAL, Moment
from explorer.source import read_source
from tests.gpt.helpers import ids_of, shaken

STEPS = 60


def settings(preset):
    return preset.model.to_dict() | preset.train.to_dict()


@pytest.mark.parametrize("title", modern.racers())
def test_as_many_windows_are_told_as_an_estimate_reads(title, monkeypatch):
    """The page said 480; whole chunks of them are 512."""
    racer, read, draw = modern.racers()[title], [], gpt.Batches.draw

    def counted(batches):
        x, y = draw(batches)
        read.append(len(x))
        return x, y

    monkeypatch.setattr(gpt.Batches, "draw", counted)
    small = racer.with_settings({"n_embd": 8, "n_head": 2, "n_layer": 1})
    model = gpt.build_model(small.model, 5)
    gpt.estimate_loss(model, torch.arange(200) % 5, racer.train)
    assert sum(read) == modern.windows_read(racer)


@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.name)
def test_a_variant_differs_from_the_tutorials_parts_in_its_switch_alone(idea):
    base, variant = settings(modern.tutorial(STEPS)), settings(modern.variants(STEPS)[idea.name])
    differing = {name: value for name, value in variant.items() if base[name] != value}
    assert differing == dict(idea.changes)


def test_the_seeds_differ_in_the_seed_alone_and_one_has_no_suffix():
    found = modern.variants(STEPS)
    base = settings(found[TUTORIAL])
    for seed in SEEDS[1:]:
        assert settings(found[modern.NAMES[seed]]) == base | {"seed": seed}


def test_a_formula_has_its_words_in_it():
    for idea in IDEAS:
        assert all(f"\\text{{{word}}}" in idea.formula_said for word in idea.formula_words)
        assert "%" not in idea.formula_said


def test_the_five_together_are_gpt_modern():
    together = settings(modern.variants(240)[TOGETHER])
    recipe = settings(gpt.PRESETS["gpt_modern"])
    measured = ("eval_interval", "eval_iters", "sample_tokens")
    assert together | {name: recipe[name] for name in measured} == recipe
    changes = {n: v for idea in IDEAS if idea.name in modern.FIVE for n, v in idea.changes.items()}
    assert settings(modern.tutorial(240)) | changes == together


@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.name)
def test_the_code_of_an_idea_is_there_to_be_read(idea):
    source = read_source(idea.code)
    assert source.file == f"gpt/{idea.place.partition('.')[0]}.py" and len(source.lines) > 2


def test_both_racers_run_their_own_recipe_measured_on_as_many_windows():
    for name, (title, racer) in zip(
        (modern.MODERN, modern.QUICK), modern.racers().items(), strict=True
    ):
        known = gpt.PRESETS[name]
        assert title == known.title and racer.model == known.model
        differing = {n for n, v in settings(racer).items() if settings(known)[n] != v}
        assert differing <= {"eval_interval", "eval_iters"}
        assert modern.windows_read(racer) == 512
        assert racer.train.max_steps % racer.train.eval_interval == 0


# --- what the runs say ------------------------------------------------------------------------


def test_a_gain_is_against_the_mean_and_clear_outside_of_twice_the_spread():
    losses = {modern.NAMES[seed]: loss for seed, loss in zip(SEEDS, (2.0, 2.1, 2.2), strict=True)}
    losses |= {"Muon": 1.85, "RMSNorm": 2.25}
    found = {g.name: g for g in modern.gains({n: (x, 1.0, 5) for n, x in losses.items()})}
    assert found["Muon"].gain == pytest.approx(0.25)
    assert found["Muon"].noise == pytest.approx(np.std([2.0, 2.1, 2.2], ddof=1))
    assert found["Muon"].clear and not found["RMSNorm"].clear


def test_without_the_tutorials_parts_nothing_is_gained_and_with_one_seed_nothing_is_clear():
    assert modern.gains({"Muon": (1.0, 1.0, 5)}) == []
    found = modern.gains({"Muon": (1.0, 1.0, 5), TUTORIAL: (2.0, 1.0, 5)})
    assert math.isnan(found[0].noise) and not found[0].clear


EVALUATIONS = [
    {"step": 0, "val_loss": 4.0, "seconds": 9.0},
    {"step": 2, "val_loss": 3.0, "seconds": 9.0},
    {"step": 3, "val_loss": None, "seconds": 9.0},
    {"step": 4, "val_loss": 2.0, "seconds": 9.0},
    {"step": 9, "val_loss": 1.0, "seconds": 9.0},
]


def test_an_estimate_stands_at_the_seconds_of_training_not_at_its_own():
    """An evaluation's own seconds are how long it took."""
    found = modern.moments(EVALUATIONS, [1.0, 2.0, 3.0, 4.0], [0.5, 1.0, 1.5, 2.5])
    assert found == [Moment(0, 0.0, 4.0), Moment(2, 1.0, 3.0), Moment(4, 2.5, 2.0)]


def test_the_first_estimate_at_most_the_target_counts():
    found = [Moment(0, 0.0, 4.0), Moment(2, 1.0, 2.0), Moment(4, 2.5, 1.9), Moment(6, 3.0, 2.1)]
    assert modern.first_below(found, 2.0) == 1.0
    assert modern.first_below(found, 1.95) == 2.5
    assert modern.first_below(found, 1.5) is None


def test_the_loss_between_two_estimates_lies_on_the_line():
    found = [Moment(0, 0.0, 4.0), Moment(2, 1.0, 2.0), Moment(4, 3.0, 1.0)]
    assert modern.loss_at(found, 2.0) == 1.5 and modern.loss_at(found, 3.0) == 1.0
    assert modern.loss_at(found, 3.1) is None


# --- the pictures -----------------------------------------------------------------------------


def series(points, name):
    part = points[points["series"] == name]
    return part["x"].to_numpy(), part["y"].to_numpy()


def test_a_rotary_score_depends_on_the_distance_alone_and_is_the_formulas():
    near, far = (demonstrations.scores_by_distance(place, seed=3) for place in (32, 700))
    x, y = series(near, demonstrations.TURNED)
    assert y == pytest.approx(series(far, demonstrations.TURNED)[1], abs=1e-4)
    assert np.ptp(y) > 0.1  # else there would be nothing to see
    still = series(near, demonstrations.STILL)[1]
    assert np.ptp(still) == 0 and still[0] == pytest.approx(y[0], abs=1e-5)
    # By the definition: pairs as complex numbers, turned by 10000^(-2i/D) a position.
    random = torch.Generator().manual_seed(3)
    q = torch.randn(32, generator=random)
    k = 0.7 * q + 0.7 * torch.randn(32, generator=random)
    pairs = [v.numpy().reshape(-1, 2) @ [1, 1j] for v in (q, k)]
    speed = 10000.0 ** (-np.arange(0, 32, 2) / 32)
    turn = np.exp(1j * np.outer(x, speed))
    scores = (pairs[0] * pairs[1].conj() * turn).real.sum(-1) / 32**0.5
    assert y == pytest.approx(scores, abs=1e-4)


def test_with_query_key_norm_growth_changes_nothing():
    points = demonstrations.largest_weights(seed=1)
    free, normed = (
        series(points, name)[1] for name in (demonstrations.FREE, demonstrations.NORMED)
    )
    assert free[-1] > free[0] + 0.2 and np.ptp(normed) < 1e-3


def test_layer_norm_takes_the_mean_away_and_rmsnorm_leaves_it():
    points = demonstrations.norms(added=2.0)
    x, layer, rms = (series(points, n)[1] for n in ("the numbers", "layer norm", "RMSNorm"))
    assert layer == pytest.approx((x - x.mean()) / x.std(), abs=1e-3)
    assert rms == pytest.approx(x / np.sqrt((x**2).mean()), abs=1e-3)


def test_the_bends_are_those_of_their_formulas():
    points = demonstrations.bends(["relu", "relu_squared", "swiglu"], value=-1.5)
    x, relu = series(points, "relu")
    assert relu == pytest.approx(np.maximum(x, 0))
    assert series(points, "relu_squared")[1] == pytest.approx(np.maximum(x, 0) ** 2)
    assert series(points, "swiglu")[1] == pytest.approx(-1.5 * x / (1 + np.exp(-x)), abs=1e-5)


def test_shared_keys_and_values_keep_a_share_of_the_cache():
    points = demonstrations.caches(heads=3)
    own, shared = (series(points, n)[1][-1] for n in (demonstrations.OWN, demonstrations.SHARED))
    assert own == 2 * 2 * 64 * 96 * 4 / 1024 and shared == own / 3


def test_the_line_falls_as_its_formula_says():
    steps, line = series(demonstrations.rates(warmup_steps=10), "linear")
    assert line[10:] == pytest.approx((240 - steps[10:]) / (240 - 10))
    assert line[:10] == pytest.approx((steps[:10] + 1) / 11)


def test_muons_step_has_the_gradients_directions_nearly_alike():
    model = shaken(gpt.ModelConfig(block_size=8, n_layer=1, n_head=2, n_embd=16), seed=2)
    x, y = ids_of(4, 8, seed=1), ids_of(4, 8, seed=2)
    name = "blocks.0.feed_forward.widen.weight"
    assert name in demonstrations.matrices(model)
    points = demonstrations.spectra(model, name, x, y)
    before, after = (series(points, n)[1] for n in (demonstrations.BEFORE, demonstrations.AFTER))
    model(x, y)[1].backward()
    truth = torch.linalg.svdvals(dict(model.named_parameters())[name].grad)
    assert before == pytest.approx((truth / truth[0]).clamp(min=1e-5).numpy(), rel=1e-3, abs=1e-5)
    assert after.max() < 2 and np.median(after) > 3 * np.median(before)


# --- the charts -------------------------------------------------------------------------------


def test_without_seeds_there_is_no_band_of_luck():
    rows = pd.DataFrame([{"name": "Muon", "gain": 0.1, "loss": 2.0, "clear": False}])
    assert len(create_gains_chart(rows, math.nan).to_dict()["layer"]) == 1
    assert len(create_gains_chart(rows, 0.01).to_dict()["layer"]) == 2


def test_the_first_estimate_of_a_racer_does_not_squeeze_the_rest():
    rows = [("a", 0.0, 4.2), ("a", 1.0, 2.5), ("b", 0.0, 4.2), ("b", 2.0, 2.2)]
    losses = pd.DataFrame(rows, columns=["run", "seconds", "validation"])
    chart = create_race_chart(losses, 1.88).to_dict()
    low, high = chart["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert low < 1.88 and 2.5 < high < 3
    create_race_chart(losses[losses["seconds"] == 0], None).to_dict()


def test_a_racer_that_has_just_begun_is_on_the_chart():
    """The other had come to 1.5: its only point lay above the picture, and the legend named it."""
    rows = [("old", 0.0, 4.2), ("old", 9.0, 1.7), ("old", 20.0, 1.5), ("new", 0.0, 4.3)]
    losses = pd.DataFrame(rows, columns=["run", "seconds", "validation"])
    for target in (1.4, 5.0, None):
        chart = create_race_chart(losses, target).to_dict()
        low, high = chart["layer"][0]["encoding"]["y"]["scale"]["domain"]
        assert low < min(1.5, target or 9) and high > max(4.3, target or 0)
    chart = create_race_chart(losses[losses["run"] == "old"], 1.6).to_dict()
    assert chart["layer"][0]["encoding"]["y"]["scale"]["domain"][1] < 2


def test_a_chart_of_curves_names_its_series_and_says_what_it_shows():
    points = demonstrations.table({"one": ([0, 1], [1, 2]), "two": ([0, 1], [2, 1])})
    chart = create_curves_chart(points, "x", "y", "Two lines.").to_dict()
    assert chart["encoding"]["color"]["scale"]["domain"] == ["one", "two"]
    assert chart["description"] == "Two lines."
