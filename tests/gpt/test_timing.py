"""The time that a training takes: how a step is taken apart, and what an estimate adds up."""

from dataclasses import replace

import pytest
import torch

from gpt import timing
from gpt.costs import activation_memory, flops_per_iteration, optimizer_flops
from gpt.presets import PRESETS
from gpt.timing import (
    PROBES,
    estimate_seconds,
    load_probe,
    operations,
    probe_machine,
    save_probe,
    work_of_step,
)
from tests.gpt.helpers import machine_probe

BLOCKS = PRESETS["blocks"].with_settings({"max_steps": 100, "eval_interval": 50, "eval_iters": 6})
MACHINE = machine_probe(step=0.1, op=0.01, flop=1e-9)


def step_of(preset):
    flops = flops_per_iteration(preset.model, 65, 32)
    return 0.1 + 0.01 * operations(preset.model) + flops / 1e9


def test_an_estimate_is_steps_and_evaluations():
    evaluations = 3 * 2 * 6 / 3  # at 0, 50 and 100; both splits; a forward pass is a third
    expected = step_of(BLOCKS) * (100 + evaluations)
    assert estimate_seconds(BLOCKS, 65, MACHINE) == pytest.approx(expected)


def test_an_estimate_counts_the_evaluation_after_the_last_step():
    """60 steps with an interval of 50 are evaluated at 0, 50 and 60."""
    preset = BLOCKS.with_settings({"max_steps": 60})
    expected = step_of(preset) * (60 + 3 * 2 * 6 / 3)
    assert estimate_seconds(preset, 65, MACHINE) == pytest.approx(expected)


def test_an_estimate_counts_the_samples():
    machine = machine_probe(step=0.0, op=0.0, flop=0.0, **{"sampled layer": 0.5})
    assert estimate_seconds(BLOCKS, 65, machine) == pytest.approx(3 * 160 * 3 * 0.5)


def test_the_bigram_has_no_layers_to_pay_for():
    work = work_of_step(PRESETS["bigram"], 65)
    assert work["small op"] == 1 and work["muon layer"] == work["random number"] == 0


def test_a_step_is_taken_apart():
    preset = PRESETS["gpt_modern"].with_settings({"dropout": 0.1, "precision": "bfloat16"})
    work = work_of_step(preset, 65)
    model, tokens = preset.model, 24 * 64
    assert work["bfloat16 flop"] == flops_per_iteration(model, 65, 24)
    assert work["muon flop"] == optimizer_flops(model, preset.train)
    assert work["random number"] == 2 * tokens * (3 * 64 + 2 * 96)  # weights, two outputs
    assert work["byte"] == activation_memory(model, 65, 24) + 16 * 234_144
    assert work["muon layer"] == 2 and "float32 flop" not in work and "small op" not in work


def test_the_probe_finds_the_speeds_that_its_times_were_made_of(monkeypatch):
    """Made-up step times in, the numbers they were made of out."""
    speeds = (2e-3, 5e-5, 8e-5, 9e-12, 5e-12, 2e-12, 1e-10, 2e-9, 3e-3, 4e-12, 4e-4)
    truth = dict(zip(timing.KINDS, speeds, strict=True))
    monkeypatch.setattr("gpt.devices.multiplies_in_bfloat16", lambda device: True)

    def made_up(probe, device):
        return sum(truth[kind] * n for kind, n in work_of_step(probe, 65).items())

    monkeypatch.setattr(timing, "_step_seconds", made_up)
    monkeypatch.setattr(timing, "_sampled_layer_seconds", lambda device: truth["sampled layer"])
    found = probe_machine("cpu")
    assert found.seconds == pytest.approx(truth, rel=1e-3)
    biggest = flops_per_iteration(PROBES[-1].model, 65, PROBES[-1].train.batch_size)
    assert found.flops_per_second == pytest.approx(biggest / made_up(PROBES[-1], "cpu"))


def test_noise_never_makes_time_run_backwards():
    works = [{"step": 1, "small op": ops} for ops in (1, 2, 4)]
    seconds = timing.solve(works, [3e-3, 2e-3, 1e-3])
    assert seconds["small op"] == 0 and seconds["step"] > 0


def test_a_precision_that_no_probe_took_is_not_free(monkeypatch):
    monkeypatch.setattr("gpt.devices.multiplies_in_bfloat16", lambda device: False)

    def by_arithmetic(probe, device):
        return 1e-11 * flops_per_iteration(probe.model, 65, probe.train.batch_size)

    monkeypatch.setattr(timing, "_step_seconds", by_arithmetic)
    monkeypatch.setattr(timing, "_sampled_layer_seconds", lambda device: 1e-4)
    seconds = probe_machine("cpu").seconds
    assert seconds["bfloat16 flop"] == seconds["float32 flop"] == pytest.approx(1e-11, rel=0.01)


def test_the_probe_measures_real_training(monkeypatch, tmp_path):
    monkeypatch.setattr(
        timing,
        "PROBES",
        tuple(replace(p, train=replace(p.train, batch_size=1, max_steps=3)) for p in PROBES),
    )
    state = torch.get_rng_state()
    probe = probe_machine("cpu")
    assert probe.device == "cpu" and probe.flops_per_second > 0
    assert sum(probe.seconds[kind] for kind in ("step", "small op", "byte")) > 0
    assert torch.equal(torch.get_rng_state(), state)
    save_probe(tmp_path / "machine.json", probe)
    assert load_probe(tmp_path / "machine.json") == probe


@pytest.mark.parametrize("content", ["", "{", "[]", '{"device": "cpu"}', '{"seconds_per_step": 1}'])
def test_a_probe_of_another_version_or_none_is_measured_anew(content, tmp_path):
    (tmp_path / "machine.json").write_text(content)
    assert load_probe(tmp_path / "machine.json") is None
    assert load_probe(tmp_path / "nowhere.json") is None
