"""Whoever sets a variable to what it cannot be is told so in one sentence, and nothing breaks."""

import json
import re
import threading
from pathlib import Path

import pytest

from explorer import classroom, engine, server_log, serving, variables
from explorer.runs import RunError, RunStore
from explorer.runs.executors import pool
from tests.pages.bench import bench, said  # noqa: F401

HUGE = "9" * 5000
WRONG = {
    "CLASS": ["maybe", "2", HUGE],
    "URL": ["school", "ftp://school", "http://", "http://[", "https://a:b", "http://a b", f"http://{HUGE}"],
    "SLOTS": ["many", "-1", "0", "1.5", "257", HUGE],
    "TURN_MINUTES": ["ten", "-1", "nan", "inf", HUGE],
    "TEACHER_KEY": ["short"],
    "DISK_BUDGET": ["plenty", "-1GB", "0", "nan", "20 apples", HUGE + "TB"],
    "CLEAN_NOTICE": ["soon", "-1", "nan", HUGE],
    "MODELS": ["/proc/nowhere", "/proc/version", HUGE],
    "TEACHERS_KEY": ["a name that is not quite right"],
}  # fmt: skip
CASES = [(name, value) for name, values in WRONG.items() for value in values]
RIGHT = {
    "CLASS": "Off", "URL": "https://gpt.school.example:8443/app/", "SLOTS": " 3 ",
    "TURN_MINUTES": "0", "TEACHER_KEY": "a key of this teacher", "DISK_BUDGET": "1.5 GB",
    "CLEAN_NOTICE": "0", "MODELS": "/",
}  # fmt: skip


def set_to(monkeypatch, name, value):
    monkeypatch.setenv(f"EXPLORER_{name}", value)


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{n}={v:.12}" for n, v in CASES])
def test_what_cannot_be_is_one_sentence_and_counts_as_not_set(monkeypatch, name, value):
    set_to(monkeypatch, name, value)
    (sentence,) = variables.mistakes()
    assert f"EXPLORER_{name}" in sentence and sentence.endswith(".")
    assert "\n" not in sentence and len(sentence) < 300
    assert 1 <= pool.default_slots(2) <= 2
    if name != "CLASS":
        set_to(monkeypatch, "CLASS", "on")
    assert classroom.is_open(), "a word that nobody knows must not open everybody's runs to all"
    assert classroom.turn_seconds() == classroom.TURN_MINUTES * 60


def test_what_can_be_is_no_mistake(monkeypatch):
    assert variables.mistakes() == []
    for name in RIGHT:
        set_to(monkeypatch, name, "")
    assert variables.mistakes() == [], "empty is not set, as compose files have it"
    for name, value in RIGHT.items():
        set_to(monkeypatch, name, value)
    assert variables.mistakes() == []
    assert (pool.default_slots(2), classroom.turn_seconds()) == (3, None)
    assert variables.url() == "https://gpt.school.example:8443/app"
    set_to(monkeypatch, "CLASS", "on")
    assert classroom.turn_seconds() is None, "0: no turns"


def test_every_variable_of_the_code_is_known():
    told = [path.read_text() for path in Path(variables.__file__).parent.rglob("*.py")]
    found = {name for text in told for name in re.findall(r'"EXPLORER_([A-Z_]+)"', text)}
    assert found == set(variables.NAMES)


@pytest.mark.parametrize("place", ["/proc/nowhere", "a file", "a file/below", "n" * 300])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_starts(
    monkeypatch, tmp_path, place
):
    (tmp_path / "a file").write_text("")
    monkeypatch.chdir(tmp_path)
    set_to(monkeypatch, "RUNS", place)
    store = RunStore()
    monkeypatch.setattr(engine, "store", lambda: store)
    monkeypatch.setattr(engine, "_started", False)
    before = threading.active_count()
    with pytest.raises(RunError, match=r"^Runs cannot be kept in .* set EXPLORER_RUNS to a folder"):
        engine.start()
    assert threading.active_count() == before
    assert serving._report()["status"] == "trouble"
    assert "EXPLORER_RUNS" in serving._report()["problems"][0]


def test_the_home_of_nobody_is_a_name_like_any_other(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    set_to(monkeypatch, "RUNS", "~nobody~/runs")
    assert RunStore().root == tmp_path / "~nobody~" / "runs"


def test_the_terminal_and_the_log_say_it_at_the_start(monkeypatch, own_folders, capsys):
    set_to(monkeypatch, "SLOTS", "many")
    server_log.begin(own_folders)
    try:
        engine._say_mistakes()
    finally:
        server_log.end()
    (line,) = (own_folders / "server.log").read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"]) == ("setting.wrong", "warning")
    assert "EXPLORER_SLOTS" in told["reason"] and told["reason"] in capsys.readouterr().err


def test_home_says_it_and_a_server_that_can_keep_nothing_says_only_that(bench, monkeypatch):  # noqa: F811
    for name, values in WRONG.items():
        if name not in ("CLASS", "MODELS"):
            set_to(monkeypatch, name, values[0])
    at = bench.open("home")
    for name in ("URL", "SLOTS", "TURN_MINUTES", "DISK_BUDGET", "CLEAN_NOTICE", "TEACHERS_KEY"):
        assert f"EXPLORER_{name}" in said(at)

    def refuse():
        raise RunError("Runs cannot be kept in /there (no): set EXPLORER_RUNS to another folder.")

    monkeypatch.setattr(engine, "start", refuse)
    at.run()
    assert not at.exception
    assert [box.value for box in at.error] and "EXPLORER_RUNS" in at.error[0].value
    assert not at.button, "nothing that could be pressed in vain"
