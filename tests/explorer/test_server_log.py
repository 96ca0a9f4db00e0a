"""One line of JSON for each event, and never a key in it."""

import ast
import json
import logging
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import housekeeping, server_log
from explorer.classroom import members, rules
from explorer.runs import states

ROOT = Path(__file__).parents[2]

CHOSEN = "a-teachers-key-of-our-own"


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Read the lines that were written, as objects."""
    monkeypatch.setenv("EXPLORER_TEACHER_KEY", CHOSEN)
    server_log.begin(tmp_path)
    yield lambda: [json.loads(line) for line in (tmp_path / "server.log").read_text().splitlines()]
    server_log.end()


def test_an_event_is_a_line_with_its_fields(log):
    server_log.note("run.finished", run="r", workspace="w", reason="All\ndone “é”.", step=3)
    server_log.note("run.failed", logging.ERROR, run="r", reason="")
    done, failed = log()
    assert done.pop("time").endswith("+00:00")
    assert done == {
        "level": "info",
        "event": "run.finished",
        "run": "r",
        "workspace": "w",
        "reason": "All\ndone “é”.",
        "step": 3,
    }
    assert (failed["level"], "reason" in failed) == ("error", False)


def test_only_known_fields_are_written(log):
    with pytest.raises(AssertionError, match="only the fields"):
        server_log.note("run.begun", key="x")


@pytest.mark.parametrize("frame", ["{}", "/?workspace={}&run=1", "key='{}'", "/a/{}/b", "({})"])
def test_no_key_gets_into_the_log(log, tmp_path, frame):
    key, made = members.new_key(), (tmp_path / "class")
    made.mkdir()
    (made / "teacher.key").write_text("short-1\n")
    for secret in (key, CHOSEN, "short-1"):
        server_log.note("x", reason=frame.format(secret), workspace=members.id_of(secret))
        server_log.note_error("y", ValueError(frame.format(secret)))
    text = json.dumps(log())
    assert not [secret for secret in (key, CHOSEN, "short-1") if secret in text]
    assert text.count("[hidden]") == 6
    assert members.id_of(key) in text, "the public id is not hidden"


def test_the_key_that_the_server_made_is_hidden_as_well(log, tmp_path, monkeypatch):
    monkeypatch.delenv("EXPLORER_TEACHER_KEY")
    key = rules.teacher_key(tmp_path)
    server_log.note("x", reason=f"tried {key}")
    assert [line["reason"] for line in log()] == ["tried [hidden]"]


def test_an_uncaught_error_of_a_page_is_logged_and_its_traceback_without_keys(log, caplog):
    def page():
        import streamlit as st

        raise RuntimeError(f"no such place: /?workspace={st.session_state['secret']}")

    at = AppTest.from_function(page)
    at.session_state["secret"] = key = members.new_key()
    at.run()
    (line,) = log()
    assert (line["event"], line["level"]) == ("page.error", "error")
    assert line["error"] == "RuntimeError: no such place: /?workspace=[hidden]"
    stderr = [record.exc_text for record in caplog.records if record.exc_text]
    assert stderr and "RuntimeError" in stderr[0] and key not in stderr[0]


def test_where_an_error_came_from_is_told_by_lines_of_this_project():
    try:
        rules.ClassError(1, 2, 3).no_such_thing  # noqa: B018
    except AttributeError as error:
        assert server_log.where(error).startswith("tests/explorer/test_server_log.py:")


def test_what_anybody_can_cause_is_one_line_a_minute_with_a_count(log, monkeypatch):
    """Whoever guesses keys all day must not push the rest of the day out of the log."""
    now = [1000.0]
    monkeypatch.setattr(server_log.time, "monotonic", lambda: now[0])
    for seconds in (0, 1, 30, 28.9, 0.2, 61):
        now[0] += seconds
        server_log.note_seldom("class.wrong_key", logging.WARNING, workspace=f"at {now[0]:g}")
        server_log.note("run.begun")
    told = [line for line in log() if line["event"] == "class.wrong_key"]
    assert [(line["workspace"], line.get("left_out")) for line in told] == [
        ("at 1000", None),
        ("at 1060.1", 3),
        ("at 1121.1", None),
    ]
    assert [line["event"] for line in log()].count("run.begun") == 6


def logged():
    """Every event that the code names where it logs; of runs, one for each state."""
    found = set()
    for path in [*ROOT.glob("explorer/**/*.py"), *ROOT.glob("pages/*.py")]:
        own = path == Path(server_log.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if not re.fullmatch(r"note(_\w+)?" if own else r"server_log\.note(_\w+)?", called):
                continue
            event = node.args[0]
            if isinstance(event, ast.Constant):
                found.add(event.value)
            elif not own:
                assert path.name == "housekeeping.py", f"{path} logs an event without a name"
                found |= {f"run.{housekeeping.BEGUN.get(state, state)}" for state in states.STATES}
    return found


def test_every_event_is_in_the_table_of_operations_and_every_one_there_is_logged():
    text = (ROOT / "explorer" / "OPERATIONS.md").read_text(encoding="utf-8")
    table = text.split("| event | when |")[1].split("\n\n")[0]
    cells = "".join(row.split(" | ")[0] for row in table.splitlines())
    told = set(re.findall(r"`([^`]*)`", cells))
    assert "class.wrong_key" in told
    assert told == logged()


def test_a_long_log_is_begun_anew_and_a_lost_folder_stops_nothing(log, tmp_path, monkeypatch):
    (file,) = [h for h in logging.getLogger(server_log.NAME).handlers if hasattr(h, "maxBytes")]
    monkeypatch.setattr(file, "maxBytes", 300)
    for n in range(10):
        server_log.note("x", reason="a" * 100, step=n)
    assert log()[-1]["step"] == 9
    assert len(list(tmp_path.glob("server.log.*"))) == server_log.KEPT
    file.close()
    for path in tmp_path.glob("server.log*"):
        path.unlink()
    monkeypatch.setattr(file, "baseFilename", str(tmp_path / "gone" / "server.log"))
    server_log.note("x")
