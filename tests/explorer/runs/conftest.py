"""What the tests of runs share: a store in a temporary folder, tiny runs, patience."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gpt
from explorer.runs import Run, RunStore
from tests.gpt.helpers import machine_probe

pytest.register_assert_rewrite("tests.explorer.runs.executor_tests")


TEXT = " ".join(f"{i * i % 97} green bottles, {i * 7 % 31} blue ones;" for i in range(150))
QUICK = {"eval_interval": 500, "eval_iters": 2, "sample_tokens": 5, "batch_size": 4}


def describe(**settings: Any) -> dict[str, Any]:
    """The spec of a tiny bigram run on a text that needs no network."""
    preset = gpt.PRESETS["bigram"].with_settings(QUICK | settings)
    recipe = {"model": preset.model.to_dict(), "train": preset.train.to_dict()}
    corpus = {"name": "bottles", "text": TEXT}
    return {"preset": "bigram", "page": "bigram", "device": "cpu", "corpus": corpus} | recipe


def wait_for(what: Callable[[], Any], seconds: float = 90.0) -> Any:
    """Ask `what` until it answers with something true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.01)
    return answer


def state_of(run: Run) -> str:
    return run.status()["state"]


def losses(run: Run) -> dict[int, float]:
    """The loss of every step. A step that was trained twice must have the same loss twice."""
    found: dict[int, float] = {}
    for event in run.events()[0]:
        if event["kind"] == "step":
            assert found.setdefault(event["step"], event["loss"]) == event["loss"]
    return found


def store_at(root: Path) -> RunStore:
    """The runs in `root`, on a machine that was measured: else the first process of an executor
    begins with that, and it takes longer than most tests."""
    gpt.save_probe(root / "machine.json", machine_probe(step=1e-3, op=5e-5, flop=2e-11))
    return RunStore(root)


class Tools:
    """The helpers above, handed to tests as one fixture (tests import nothing of each other)."""

    describe = staticmethod(describe)
    wait_for = staticmethod(wait_for)
    state_of = staticmethod(state_of)
    losses = staticmethod(losses)
    store_at = staticmethod(store_at)


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def run(store: RunStore) -> Run:
    return store.create(describe(max_steps=20))
