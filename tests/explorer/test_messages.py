"""What somebody who speaks Streamlit's protocol by hand is not answered."""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.app_session import AppSession

from explorer import messages


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
