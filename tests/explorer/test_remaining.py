"""How long a series of runs still takes."""

import pytest

import gpt
from explorer import engine, machine, remaining
from explorer.runs.store import RunStore
from tests.gpt.helpers import machine_probe

RECIPE = gpt.PRESETS["bigram"]
STEPS = RECIPE.train.max_steps


@pytest.fixture
def store(own_folders, monkeypatch):
    runs = RunStore(own_folders / "runs")
    runs.root.mkdir(parents=True, exist_ok=True)
    gpt.save_probe(runs.root / "machine.json", machine_probe(step=1e-3, op=5e-5, flop=2e-11))
    monkeypatch.setattr(engine, "store", lambda: runs)
    return runs


def a_run(store, **status):
    run = store.create(gpt.describe_run(RECIPE, gpt.load_corpus("python_docs"), "cpu"))
    run.set_status(**status)
    return run


def test_a_series_takes_what_is_left_of_it(store):
    """A sweep half done was said to take its whole time again."""
    whole = remaining.series_left([(RECIPE, None)], 65)
    assert whole == gpt.estimate_seconds(RECIPE, 65, machine.probe())
    series = [
        (RECIPE, None),
        (RECIPE, a_run(store, state="training", step=STEPS // 4)),
        (RECIPE, a_run(store, state="stopped", step=STEPS // 2)),
        (RECIPE, a_run(store, state="failed", step=STEPS // 2)),  # begins anew
        (RECIPE, a_run(store, state="finished", step=STEPS // 3)),  # stopped early, by its rule
    ]
    left = [remaining.series_left([one], 65) / whole for one in series]
    assert left == pytest.approx([1, 0.75, 0.5, 1, 0])
    assert remaining.series_left(series, 65) == pytest.approx(3.25 * whole)


def test_nothing_is_told_before_the_machine_is_measured(store):
    (store.root / "machine.json").unlink()
    assert remaining.series_left([(RECIPE, None)], 65) is None
