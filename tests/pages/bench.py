"""What the tests of pages 5 to 7 share: the app on a temporary store, without training processes.

Runs that a page should find are trained right here, in this process, by the job that a worker runs.
"""

import math
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

import gpt
from explorer import engine
from explorer.runs import states
from explorer.runs.job import Signals, work
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from tests.gpt.helpers import machine_probe

APP = Path(__file__).parents[2] / "streamlit_app.py"
QUICK = {"max_steps": 12, "eval_interval": 6, "eval_iters": 1, "sample_tokens": 4}
PROBE = machine_probe(step=1e-3, op=5e-5, flop=2e-11)


class NoExecutor:
    """Takes notes instead of training."""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.commands: list[tuple[str, str]] = []

    def submit(self, run_id: str) -> bool:
        self.submitted.append(run_id)
        return True

    def command(self, run_id: str, command: str, why: str = "") -> None:
        self.commands.append((run_id, command))

    def position(self, run_id: str) -> int | None:
        return None

    def active(self) -> list[str]:
        return []

    def waiting(self) -> list[str]:
        return []

    def turn_left(self, run_id: str) -> float:
        return math.inf

    slots, turn, trouble = 2, None, ""


class Written:
    """What Home has written already: a text of 600 characters would be written behind each test."""

    text, done, per_second, running = "Once upon a time", 16, 1.0, False


class Bench:
    """The app, its store, and what its executor was asked for."""

    def __init__(self, runs: RunStore, executor: NoExecutor) -> None:
        self.store, self.executor = runs, executor

    def open(self, page: str, **address: str) -> AppTest:
        """The page as a browser with this address finds it."""
        at = AppTest.from_file(str(APP), default_timeout=120)
        for name, value in address.items():
            at.query_params[name] = value
        at.session_state["home.writing"] = Written()
        at.switch_page(f"pages/{page}.py").run()
        assert not at.exception, [e.value for e in at.exception]
        return at

    def train(self, page: str, preset: str, text: str = "", **changes: Any) -> Run:
        """A finished run of `page` on a text of one's own, or the one that needs no network."""
        recipe = gpt.PRESETS[preset].with_settings(QUICK | changes)
        corpus = gpt.corpus_from_text(text) if text else gpt.load_corpus("python_docs")
        spec = gpt.describe_run(recipe, corpus, "cpu") | {"page": page}
        if text:
            spec["corpus"] = self.store.save_text(text)
        run = self.store.create(spec)
        run.set_status(state=states.QUEUED)
        assert work(run, Signals())[0] == states.FINISHED
        return run


@pytest.fixture
def bench(own_folders, monkeypatch) -> Bench:
    runs = RunStore(own_folders / "runs")
    runs.root.mkdir(parents=True, exist_ok=True)
    gpt.save_probe(runs.root / "machine.json", PROBE)
    executor = NoExecutor()
    monkeypatch.setattr(engine, "store", lambda: runs)
    monkeypatch.setattr(engine, "executor", lambda: executor)
    monkeypatch.setattr(engine, "start", lambda: None)
    monkeypatch.setattr(engine, "_started", True)
    engine._loaded.set()
    # Streamlit looks through all installed packages for components, anew for every AppTest.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    return Bench(runs, executor)


def said(at: AppTest) -> str:
    """All text that the page shows, in order."""
    kinds = (at.markdown, at.caption, at.info, at.success, at.warning, at.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def by_key(elements: Any, key: str) -> Any:
    return next(element for element in elements if element.key == key)
