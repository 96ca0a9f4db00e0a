"""Fits against laws that are known: recovered, covered by their intervals, refused when unknown."""

import numpy as np
import pytest

import gpt
from explorer import language, law_frames, scaling
from explorer.panels import law as panel
from explorer.scaling import FitError, Point

TRUE = np.array([1.4, 0.35, 0.35, 0.3, 0.4])  # E, A at 1e5, α, B at 1e6, β
NOISE = 0.004


def points(seed=0, noise=NOISE, theta=TRUE):
    draw = np.random.default_rng(seed)
    return [
        Point(
            run.parameters,
            run.tokens,
            run.flops,
            run.budget,
            float(scaling.loss(theta, run.parameters, run.tokens) + noise * draw.normal()),
        )
        for run in gpt.sweep(5, 6.3e11, 65)
    ]


def test_a_law_without_noise_is_found_exactly():
    law = scaling.fit(points(noise=0.0), refits=3)
    assert law.theta == pytest.approx(TRUE, rel=1e-3)
    written = law.parameters()
    assert written["A"].value == pytest.approx(0.35 * 1e5**0.35, rel=1e-2)
    assert written["B"].value == pytest.approx(0.30 * 1e6**0.40, rel=1e-2)
    assert law.exponent_of_compute().value == pytest.approx(0.35 * 0.4 / 0.75, rel=1e-2)
    assert law.exponent_of_size().value == pytest.approx(0.4 / 0.75, rel=1e-2)


def test_intervals_cover_what_is_true_and_what_is_new():
    covered, foreseen = [], []
    for seed in range(12):
        law = scaling.fit(points(seed), refits=60)
        parameters = law.parameters()
        covered += [1.4 in parameters["E"], 0.35 in parameters["α"], 0.4 in parameters["β"]]
        new = np.random.default_rng(1000 + seed).normal()
        measured = scaling.loss(TRUE, 5e4, 2e6) + NOISE * new
        foreseen.append(measured in law.predict(5e4, 2e6))
    assert np.mean(covered) >= 0.75 and np.mean(foreseen) >= 0.75
    wide = scaling.fit(points(noise=5 * NOISE), refits=60).predict(5e4, 2e6)
    narrow = scaling.fit(points(), refits=60).predict(5e4, 2e6)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low) > 0


def test_the_best_loss_is_the_lowest_over_all_sizes():
    law = scaling.fit(points(noise=0.0), refits=2)
    product = 5e11 / law.flops_per_product
    N = np.geomspace(1e3, 1e7, 4000)
    assert law.best(5e11).value == pytest.approx(scaling.loss(TRUE, N, product / N).min(), rel=1e-3)


def test_a_parabola_finds_the_lowest_place_with_its_interval():
    x = np.linspace(np.log(1e4), np.log(1e6), 6)
    draw = np.random.default_rng(0)
    inside = 0
    for _ in range(40):
        y = 2.0 + 0.1 * (x - np.log(8e4)) ** 2 + 0.005 * draw.normal(size=6)
        fitted = scaling.parabola([Point(np.exp(a), 1, 1, 1, b) for a, b in zip(x, y, strict=True)])
        inside += 8e4 in fitted.N
        assert fitted.loss == pytest.approx(2.0, abs=0.02)
        assert fitted.at(np.array([fitted.N.value]))[0] == pytest.approx(fitted.loss)
    assert inside >= 34


def test_refusals_are_one_sentence():
    few = points()[:6]
    slope = [Point(N, 1, 1, 1, 3 - np.log(N) / 10) for N in (1e4, 2e4, 4e4, 8e4)]
    flat = points(theta=np.array([2.0, 0.0, 0.3, 0.0, 0.3]), noise=0.01)
    broken = [*points()[:14], Point(1e5, 1e6, 6e11, 6.3e11, float("nan"))]
    for ask, said in [
        (lambda: scaling.fit(few), "let the sweep finish"),
        (lambda: scaling.fit(flat), "not determined"),
        (lambda: scaling.fit(broken), "not a number"),
        (lambda: scaling.parabola(few[:3]), "needs 4 or more"),
        (lambda: scaling.parabola(slope), "outside of what was trained"),
    ]:
        with pytest.raises(FitError, match=said) as error:
            ask()
        assert str(error.value).count(". ") <= 1


def test_a_refusal_is_kept_for_each_language_by_itself(monkeypatch):
    broken = (*points()[:14], Point(1e5, 1e6, 6e11, 6.3e11, float("nan")))
    english = panel._fit(broken, language.ENGLISH)
    monkeypatch.setattr(language, "catalogue", lambda code: {english: "en otra lengua"})
    assert panel._fit(broken, "es") == "en otra lengua"
    assert panel._fit(broken, language.ENGLISH) == english


def test_the_band_goes_on_only_where_it_is_asked_to_and_says_where_it_was_measured():
    law = scaling.fit(points(), refits=20)
    inside = law_frames.band(law)
    assert inside["measured"].all()
    assert (inside["low"] <= inside["high"]).all()
    far = law_frames.band(law, 6e15)
    beyond = far[~far["measured"]]
    assert beyond["flops"].max() == pytest.approx(6e15)
    widths = far["high"] - far["low"]
    assert widths.iloc[-1] > widths.iloc[12]
    assert law_frames.band(None).empty and law_frames.guides(None).empty


def test_published_slopes_have_the_published_exponents():
    law = scaling.fit(points(), refits=5)
    guides = law_frames.guides(law)
    for name, floor, exponent in [
        (law_frames.KAPLAN, 0.0, 0.050),
        (law_frames.HOFFMANN, law.theta[0], 0.34 * 0.28 / 0.62),
    ]:
        line = guides[guides["law"] == name]
        slope = np.polyfit(np.log(line["flops"]), np.log(line["loss"] - floor), 1)[0]
        assert -slope == pytest.approx(exponent, abs=1e-3)


def test_an_exponent_at_the_edge_is_said_to_be_unknown():
    assert law_frames._text(scaling.Interval(0.8, 0.1, 2.0)).startswith("not determined")
    assert law_frames._text(scaling.Interval(0.8, 0.7, 0.9)) == "0.80 (0.70 to 0.90)"
