"""Plans hold their promise by the same estimate that the training panel shows."""

import pytest

import gpt
from gpt import planning
from tests.gpt.helpers import machine_probe

V = 65
PROBE = machine_probe(step=1e-3, op=5e-5, flop=2e-11)


@pytest.mark.parametrize("name", ["gpt_mini", "gpt_tutorial", "blocks"])
@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_a_plan_fits_and_wastes_little(name, minutes):
    plan = gpt.fit_to_time(gpt.PRESETS[name], V, PROBE, 60 * minutes)
    estimate = gpt.estimate_seconds(plan.preset, V, PROBE)
    assert plan.seconds == estimate <= 60 * minutes
    full = plan.preset.train.max_steps == planning.MOST_STEPS
    assert full or estimate > 0.85 * 60 * minutes  # steps are cut to two digits
    assert full or plan.preset.train.max_steps >= planning.MIN_STEPS


def test_what_fits_keeps_its_size():
    plan = gpt.fit_to_time(gpt.PRESETS["gpt_mini"], V, PROBE, 1800)
    assert plan.preset.model == gpt.PRESETS["gpt_mini"].model
    assert set(plan.changed) == {"max_steps"}


def test_what_had_to_change_is_told_and_valid():
    preset = gpt.PRESETS["gpt_tutorial"]
    plan = gpt.fit_to_time(preset, V, PROBE, 120)
    assert plan.changed["n_embd"][0] == 384 and plan.changed["n_embd"][1] % 6 == 0
    for name, (before, after) in plan.changed.items():
        if name != "max_steps":
            assert after < before
    assert plan.preset.train.eval_interval <= plan.preset.train.max_steps / planning.MEASUREMENTS


def test_an_impossible_wish_ends_at_the_smallest_model_with_one_step():
    plan = gpt.fit_to_time(gpt.PRESETS["gpt_mini"], V, PROBE, 0.001)
    assert plan.preset.train.max_steps == 1 and plan.seconds > 0.001
    assert plan.preset.model.n_layer == 1


def test_a_warm_up_never_eats_the_training():
    plan = gpt.fit_to_time(gpt.PRESETS["gpt_mini"], V, PROBE, 1)
    assert plan.preset.train.warmup_steps <= plan.preset.train.max_steps / planning.MEASUREMENTS
