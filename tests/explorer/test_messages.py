"""What somebody who speaks Streamlit's protocol by hand is not answered."""

import json
import time
import tomllib
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.app_session import AppSession

from explorer import messages
from explorer.panels import own_text, question

PROJECT = Path(__file__).parents[2]


def rerun(**value) -> BackMsg:
    message = BackMsg()
    message.rerun_script.widget_states.widgets.append(
        WidgetState(id="$$ID-1-good", string_value="x")
    )
    message.rerun_script.widget_states.widgets.append(WidgetState(id="$$ID-2-other", **value))
    return message


def left(message: BackMsg) -> list[str]:
    assert messages.is_fit(message)
    return [state.id for state in message.rerun_script.widget_states.widgets]


@pytest.mark.parametrize(
    "value",
    [{"double_value": float("nan")}, {"json_value": ""}, {"double_value": -float("inf")},
     {"json_value": "{"},
     {"json_value": '{"a": NaN}'}, {"json_trigger_value": "[" * 100_000},
    {"json_value": "Infinity"}],
)  # fmt: skip
def test_a_value_that_no_widget_has_is_taken_out_and_the_others_stay(value):
    assert left(rerun(**value)) == ["$$ID-1-good"]


@pytest.mark.parametrize(
    "value",
    [{"double_value": 1e308}, {"json_value": '{"a": [1, null]}'},
     {"bool_value": True}, {"string_value": "nan"}],
)  # fmt: skip
def test_what_a_page_sends_passes(value):
    assert left(rerun(**value)) == ["$$ID-1-good", "$$ID-2-other"]


def test_nobody_empties_the_caches_of_all():
    assert not messages.is_fit(BackMsg(clear_cache=True))
    assert messages.is_fit(BackMsg(stop_script=True))


def test_the_guard_stands_before_every_session_once(monkeypatch):
    heard = []
    monkeypatch.setattr(AppSession, "handle_backmsg", lambda self, message: heard.append(message))
    messages.guard()
    first = AppSession.handle_backmsg
    messages.guard()
    assert AppSession.handle_backmsg is first
    first(None, BackMsg(clear_cache=True))
    first(None, BackMsg(stop_script=True))
    assert [message.WhichOneof("type") for message in heard] == ["stop_script"]


def test_a_state_under_a_name_of_the_session_is_taken_out():
    message = rerun(string_value="x")
    message.rerun_script.widget_states.widgets.append(WidgetState(id="task", string_value="x"))
    assert left(message) == ["$$ID-1-good", "$$ID-2-other"]


@pytest.mark.parametrize("value", ["inf", "-inf", "1e400", "1" + "0" * 400])
def test_a_number_without_end_is_taken_out_of_the_address(value):
    message = rerun(string_value="x")
    message.rerun_script.query_string = f"the_ladder_steps={value}&the_ladder_seed=7"
    assert messages.is_fit(message)
    assert message.rerun_script.query_string == "the_ladder_seed=7"
    message.rerun_script.query_string = kept = "text=a+b&steps=5&read=nan&x="
    assert messages.is_fit(message) and message.rerun_script.query_string == kept


SECONDS = 0.1  # of the processor; as it was, each of these took from half a second to ten


def heard_soon(message: BackMsg) -> bool:
    begin = time.process_time()
    fit = messages.is_fit(message)
    assert time.process_time() - begin < SECONDS
    return fit


@pytest.mark.parametrize("query", ["a=" + "é%41" * 5_000_000, "a=1&" * 5_000_000, "a=1&" * 2_000])
def test_an_address_that_is_too_long_is_taken_out_unread(query):
    message = rerun(string_value="x")
    message.rerun_script.query_string = query
    assert heard_soon(message) and message.rerun_script.query_string == ""
    assert len(message.rerun_script.widget_states.widgets) == 2


@pytest.mark.parametrize("kind", ["json_value", "json_trigger_value"])
def test_a_json_that_is_too_long_is_taken_out_unread(kind):
    message = rerun(**{kind: "[" + "[]," * 8_000_000 + "[]]"})
    message.rerun_script.query_string = "a=1"
    assert heard_soon(message) and left(message) == ["$$ID-1-good"]
    assert message.rerun_script.query_string == "a=1"


def test_the_longest_that_a_browser_keeps_for_us_passes():
    kept = {"q" * 60 + str(i): "ü" * question.LONGEST for i in range(question.MOST)}
    message = rerun(json_value=json.dumps({"earlier": kept}, ensure_ascii=False))
    assert heard_soon(message) and left(message) == ["$$ID-1-good", "$$ID-2-other"]


def test_a_message_of_very_many_widgets_or_files_is_not_heard():
    message = rerun(string_value="x")
    message.rerun_script.widget_states.widgets.extend([WidgetState(id="$$ID-3")] * 500_000)
    assert not heard_soon(message)
    del message.rerun_script.widget_states.widgets[messages.MOST :]
    assert heard_soon(message) and len(left(message)) == messages.MOST
    names = ["a.txt"] * (messages.MOST + 1)
    assert not messages.is_fit(BackMsg(file_urls_request={"request_id": "1", "file_names": names}))
    assert messages.is_fit(BackMsg(file_urls_request={"request_id": "1", "file_names": names[:1]}))


def test_the_longest_paste_is_no_longer_than_a_message():
    settings = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    room = 0.95e6 * settings["server"]["maxWidgetStateSize"]
    assert room > 3 * own_text.LONGEST_PASTE


def test_nobody_installs_anything_and_a_download_is_made():
    assert not messages.is_fit(BackMsg(backend_operation_request={"install_skills": {}}))
    assert messages.is_fit(BackMsg(backend_operation_request={"deferred_file": {"file_id": "a"}}))
