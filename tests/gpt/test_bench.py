"""What `python -m gpt bench` says of what it measured; how fast anything is, is no test."""

import pytest

import gpt
from gpt import bench
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
