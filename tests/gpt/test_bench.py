"""What `python -m gpt bench` says of what it measured; how fast anything is, is no test."""

import os

import pytest
import torch

import gpt
from gpt import bench, costs
from gpt.costs import flops_per_iteration
from tests.gpt.helpers import machine_probe

PEAK = {"float32": 1.0, "bfloat16": 1.0}  # GFLOP/s


def test_a_share_of_the_peak_is_of_the_model_that_was_timed(monkeypatch):
    """Steps of one text's vocabulary were timed, and the FLOPs of another's counted."""
    timed = {name: {"steps_per_second": 1.0} for name in bench.RUNGS}
    monkeypatch.setattr(bench, "measure_peak", lambda device: PEAK)
    monkeypatch.setattr(bench, "measure_training", lambda *names, **more: timed)
    monkeypatch.setattr(bench, "probe_machine", lambda *a, **more: machine_probe(1.0, 0.0, 0.0))
    monkeypatch.setattr(bench, "measure_sampling", lambda *a: {})
    monkeypatch.setattr(bench, "measure_encoding", lambda: 0.0)
    training = bench.measure(quick=True, device="cpu")["training"]
    V = len(set(gpt.load_corpus("python_docs").text))
    assert V != 65
    for name in bench.RUNGS:
        preset = gpt.PRESETS[name]
        flops = flops_per_iteration(preset.model, V, preset.train.batch_size)
        assert training[name]["share_of_peak"] == pytest.approx(flops / 1e9), name


@pytest.mark.parametrize("native", [True, False])
def test_the_peak_is_of_what_the_hardware_multiplies(monkeypatch, native):
    """Elsewhere products in bfloat16 take 200 times as long: the quick measure took 12 minutes."""
    monkeypatch.setattr(bench, "multiplies_in_bfloat16", lambda device: native)
    peak = bench.measure_peak("cpu", size=8)
    assert set(peak) == ({"float32", "bfloat16"} if native else {"float32"})
    assert all(gflops > 0 for gflops in peak.values())


def test_what_is_timed_reads_the_text_whose_vocabulary_is_counted(monkeypatch):
    read = []

    def steps(preset, corpus, tokenizer, device):
        read.append((corpus.name, tokenizer.vocab_size))
        return iter(range(100))

    monkeypatch.setattr(bench, "training_steps", steps)
    monkeypatch.setattr(bench, "use_threads", lambda: lambda flops: None)
    bench.measure_training(["bigram", "gpt_mini"], rounds=1, device="cpu", warm_up=0)
    corpus, tokenizer = bench.trained_on()
    assert read == [(corpus.name, tokenizer.vocab_size)] * 2


@pytest.mark.parametrize(("of_torch", "share", "used"), [(8, "200000 100000", 2), (2, "max", 2)])
def test_a_large_step_has_no_more_threads_than_cores_are_given(
    monkeypatch, tmp_path, of_torch, share, used
):
    """In a container that is held to the time of two cores, eight threads waited for each other."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setattr(costs, "CPU_MAX", tmp_path / "cpu.max")
    costs.CPU_MAX.write_text(share)
    asked = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: of_torch)
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    bench.use_threads()(1e12)
    assert asked == [used]
