"""The last words of a script's thread reach the browser, whatever is asked meanwhile."""

import asyncio
import contextlib
import functools
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import MagicMock

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import ScriptRunnerEvent

from explorer import reruns

HEARD = 10 * reruns.GATHER  # seconds


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
    for name in ("_create_scriptrunner", "_call_soon_on_event_loop"):
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


def last_words(session, runner, interval=0.3):
    """What `runner` said last, as its thread hands it to the event loop."""
    said = ForwardMsg()
    said.auto_rerun.interval = interval
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
            await asyncio.sleep(HEARD)
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
            await asyncio.sleep(HEARD)
            return kinds(session)

    assert run(clicked) == []


def test_threads_that_end_at_once_are_all_heard(patched):
    """Two of them within one handful: the words of the first come first."""

    async def polled():
        with new_session() as session:
            for interval in (1, 2, 3):
                session.request_rerun(ClientState(fragment_id="polls"))
                session._scriptrunner = Ended()  # the one just begun, at once
                last_words(session, session._scriptrunner, interval)
            await asyncio.sleep(HEARD)
            return [said.auto_rerun.interval for said in session.flush_browser_queue()]

    assert run(polled) == [1, 2, 3]


def test_what_a_thread_says_wakes_the_server_once_and_in_order(patched):
    async def spoke():
        with new_session() as session:
            woken = session._message_enqueued_callback = MagicMock()
            runner = session._scriptrunner = Ended()
            for number in range(100):
                said = ForwardMsg()
                said.auto_rerun.interval = number
                event = ScriptRunnerEvent.ENQUEUE_FORWARD_MSG
                session._on_scriptrunner_event(runner, event, forward_msg=said)
            await asyncio.sleep(HEARD)
            said = [message.auto_rerun.interval for message in session.flush_browser_queue()]
            assert woken.call_count == 1 and session._message_enqueued_callback is woken
            return said

    assert run(spoke) == list(range(100))


def test_one_that_fails_leaves_the_others_to_be_heard(patched):
    async def spoke():
        heard = []
        with new_session() as session:
            asyncio.get_running_loop().set_exception_handler(lambda *_: heard.append("logged"))
            session._call_soon_on_event_loop(lambda: 1 / 0)
            session._call_soon_on_event_loop(lambda: heard.append("the next"))
            await asyncio.sleep(HEARD)
        return heard

    assert run(spoke) == ["logged", "the next"]


def test_many_threads_are_all_heard(patched):
    async def spoke():
        heard = []
        with new_session() as session, ThreadPoolExecutor(8) as threads:
            for number in range(2000):
                say = functools.partial(heard.append, number)
                threads.submit(session._call_soon_on_event_loop, say)
            threads.shutdown()
            await asyncio.sleep(HEARD)
        return heard

    assert sorted(run(spoke)) == list(range(2000))
