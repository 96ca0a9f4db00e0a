"""Runs are named by what differs."""

import gpt
from explorer import differences


def spec(**changes):
    corpus = gpt.corpus_from_text("to be or not to be")
    preset = gpt.PRESETS["blocks"].with_settings(changes)
    return gpt.describe_run(preset, corpus) | {"created": "2026-01-02T03:04:05.678+00:00"}


def test_labels_name_only_what_differs_in_the_order_of_the_settings():
    runs = [spec(), spec(residual=False, learning_rate=3e-4), spec(residual=False)]
    assert differences.differing(runs) == ["residual", "learning_rate"]
    assert differences.labels(runs) == [
        "1: residual on, learning_rate 0.001",
        "2: residual off, learning_rate 0.0003",
        "3: residual off, learning_rate 0.001",
    ]


def test_equal_runs_are_told_apart_by_their_time():
    first, second = spec(), spec() | {"created": "2026-01-02T03:09:00.000+00:00"}
    assert differences.labels([first, second]) == [
        "1: Transformer blocks (03:04:05 UTC)",
        "2: Transformer blocks (03:09:00 UTC)",
    ]


def test_labels_are_unique_even_for_runs_of_one_second():
    labels = differences.labels([spec(), spec(), spec(n_layer=2), spec(n_layer=2)])
    assert len(set(labels)) == 4


def test_a_field_that_an_older_run_does_not_have_counts_as_a_difference():
    old = spec()
    del old["model"]["tie_weights"]
    assert differences.differing([old, spec()]) == ["tie_weights"]
    assert differences.labels([old, spec()])[0] == "1: tie_weights None"
