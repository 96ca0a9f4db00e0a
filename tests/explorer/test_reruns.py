"""The last words of a script's thread reach the browser, whatever is asked meanwhile."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import MagicMock

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import ScriptRunnerEvent

from explorer import reruns


class Ended:
    """A thread that has ended; its last words wait in the event loop."""

    def request_rerun(self, _request):
        return False

    def request_stop(self):
        pass


class Started(Ended):
    """What the session starts next; takes what it is asked."""

    asked: list

    def __init__(self, initial_rerun_data=None, **_more):
        self.asked.append(initial_rerun_data)
        self.on_event = MagicMock()

    def request_rerun(self, request):
        self.asked.append(request)
        return True

    def start(self):
        pass


@pytest.fixture
def patched(monkeypatch):
    for name in ("_create_scriptrunner", "_handle_scriptrunner_event_on_event_loop"):
        monkeypatch.setattr(AppSession, name, getattr(AppSession, name))
    monkeypatch.setattr(AppSession, "has_fragment", lambda *_: True)
    monkeypatch.setattr(Started, "asked", [], raising=False)
    monkeypatch.setattr(app_session, "ScriptRunner", Started)
    reruns.hear_out()


@contextlib.contextmanager
def new_session():
    session = AppSession(MagicMock(main_script_path="app.py"), MagicMock(), MagicMock(), None, {})
    yield session
    session._scriptrunner = None  # so that closing it leaves nothing open
    session.shutdown()
    app_session._close_script_event_loop(session._script_event_loop)


def last_words(session, runner):
    """What `runner` said last, as its thread hands it to the event loop."""
    said = ForwardMsg()
    said.auto_rerun.interval = 0.3
    session._on_scriptrunner_event(runner, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=said)
    session._on_scriptrunner_event(runner, ScriptRunnerEvent.SHUTDOWN)


def first():
    """What the next thread says first."""
    said = ForwardMsg()
    said.logo.image = "logo"
    return said


def kinds(session):
    return [said.WhichOneof("type") for said in session.flush_browser_queue()]


def run(work):
    """In a thread of its own: the browser tests of this process may keep a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def test_what_was_said_last_is_heard_though_a_poll_came_first(patched):
    async def polled():
        with new_session() as session:
            ended = session._scriptrunner = Ended()
            last_words(session, ended)  # in the loop, not yet passed on
            session.request_rerun(ClientState(fragment_id="polls"))
            started = session._scriptrunner
            session._on_scriptrunner_event(started, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, first())
            await asyncio.sleep(0.01)
            assert session._scriptrunner is started, "the next thread goes on"
            return kinds(session)

    assert run(polled) == ["auto_rerun", "logo"]
    assert [request.fragment_id for request in Started.asked] == ["polls"]


def test_a_thread_that_makes_way_for_a_new_page_is_not_heard(patched):
    """A click that draws the whole page anew: what the old thread still says is out of date."""

    async def clicked():
        with new_session() as session:
            left = session._scriptrunner = Ended()
            session.request_rerun(ClientState(query_string="bigram"))
            last_words(session, left)
            await asyncio.sleep(0.01)
            return kinds(session)

    assert run(clicked) == []


def test_a_thread_that_has_said_its_last_is_let_go(patched):
    async def polled():
        with new_session() as session:
            ended = session._scriptrunner = Ended()
            last_words(session, ended)
            session.request_rerun(ClientState(fragment_id="polls"))
            await asyncio.sleep(0.01)
            return session.last_runner

    assert run(polled) is None
