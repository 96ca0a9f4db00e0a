"""The last words of a script's thread reach the browser, whatever is asked meanwhile."""

import asyncio
import contextlib
import time
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
    monkeypatch.setattr(AppSession, "_create_scriptrunner", AppSession._create_scriptrunner)
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


def kinds(session):
    return [said.WhichOneof("type") for said in session.flush_browser_queue()]


def run(work):
    """In a thread of its own: the browser tests of this process may keep a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


async def settle(until):
    while not until():
        await asyncio.sleep(0.001)


def test_a_poll_waits_for_what_was_said_last(patched):
    async def polled():
        with new_session() as session:
            ended = session._scriptrunner = Ended()
            last_words(session, ended)  # in the loop, not yet passed on
            session.request_rerun(ClientState(fragment_id="polls"))
            await asyncio.wait_for(settle(lambda: Started.asked), 5)
            return kinds(session)

    assert "auto_rerun" in run(polled)
    assert [request.fragment_id for request in Started.asked] == ["polls"]


def test_polls_that_waited_together_start_one_thread(patched):
    async def polled():
        with new_session() as session:
            ended = session._scriptrunner = Ended()
            last_words(session, ended)
            for name in ("one", "another"):
                session.request_rerun(ClientState(fragment_id=name))
            await asyncio.wait_for(settle(lambda: len(Started.asked) == 2), 5)
            return session._scriptrunner

    assert isinstance(run(polled), Started)


def test_a_closed_session_starts_nothing(patched):
    async def polled():
        with new_session() as session:
            session._scriptrunner = Ended()
            session.request_rerun(ClientState(fragment_id="polls"))
            session.shutdown()
            await asyncio.sleep(4 * reruns.PAUSE)

    run(polled)
    assert Started.asked == []


def test_a_thread_that_never_says_its_last_is_not_waited_for_without_end(patched, monkeypatch):
    monkeypatch.setattr(reruns, "PATIENCE", 0.02)

    async def polled():
        with new_session() as session:
            session._scriptrunner = Ended()
            session.request_rerun(ClientState(fragment_id="polls"))
            began = time.monotonic()
            await asyncio.wait_for(settle(lambda: Started.asked), 5)
            return time.monotonic() - began

    assert run(polled) >= 0.02


def test_all_is_as_before_where_nothing_is_on_its_way(patched):
    async def opened():
        with new_session() as session:
            session.request_rerun(ClientState(query_string="bigram"))
            return len(Started.asked)

    assert run(opened) == 1
