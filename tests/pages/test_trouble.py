"""What a page says while nothing can train: one sentence, no exception, and nothing is lost."""

import os
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from explorer import classroom, engine
from explorer.classroom import members, rules
from explorer.runs import states
from tests.pages.bench import APP, bench, by_key, said  # noqa: F401

AWAY = "Nobody answers at ray://head:10001 (refused): is the head started?"
REST = "Nothing is lost"


@pytest.fixture
def away(bench):  # noqa: F811
    """A cluster that is away, and a run of the bigram page that waits for it."""
    run = bench.train("bigram", "bigram")
    run.set_status(state=states.QUEUED)
    bench.executor.trouble, bench.executor.slots = AWAY, 0
    bench.executor.waiting = lambda: [run.id]
    bench.executor.position = lambda run_id: 1
    return bench, run


def test_a_waiting_run_says_why_it_waits(away):
    bench, run = away  # noqa: F811
    at = bench.open("bigram", run=run.id)
    assert AWAY in said(at) and REST in said(at) and "Its turn comes" not in said(at)
    bench.executor.trouble = ""
    assert AWAY not in said(at.run())


def test_a_run_that_is_over_says_nothing_of_it(away):
    bench, run = away  # noqa: F811
    run.set_status(state=states.FINISHED)
    assert AWAY not in said(bench.open("bigram", run=run.id))


def test_the_class_page_says_it(away, monkeypatch):
    bench, _ = away  # noqa: F811
    monkeypatch.setattr(classroom, "is_open", lambda: True)
    key = members.new_key()
    rules.make_teacher(bench.store.root, members.id_of(key))
    at = AppTest.from_file(str(APP), default_timeout=120)
    at.session_state["workspace key"] = key
    at.run()
    at.switch_page("pages/class_page.py").run()
    assert not at.exception
    assert AWAY in said(at)


SENTENCE = (
    "EXPLORER_EXECUTOR is 'rey': leave it empty for this machine's own processes, or set it to the"
    " address of a cluster, such as ray://head:10001."
)


def test_a_setting_that_means_nothing_is_one_sentence(monkeypatch):
    monkeypatch.setenv("EXPLORER_EXECUTOR", "rey")
    monkeypatch.setattr(engine, "_started", False)
    at = AppTest.from_file(str(APP), default_timeout=120).run()
    assert not at.exception
    assert [error.value for error in at.error] == [SENTENCE]
    assert not at.button, "the page went on"


def test_a_class_server_does_not_start_with_it():
    wrong = os.environ | {"EXPLORER_EXECUTOR": "rey"}
    script = [sys.executable, str(APP.parent / "explorer" / "class_server.py")]
    ended = subprocess.run(script, env=wrong, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, SENTENCE)
    assert "Traceback" not in ended.stderr
