"""A page that looks again and again loses nothing of what it was just told.

Streamlit runs a session's script in a thread, and its event loop passes on what the thread says.
If a poll is heard after the thread has ended, and before the loop has passed on its last words,
Streamlit starts a new thread and throws those words away: half a page then stays as it was, and a
timer that was in them never begins. On a busy server, where the loop lags behind, a learner meets
it as a button that does nothing. `AppSession.request_rerun` of Streamlit 1.67 tells of it.
What a thread says is also passed on by the handful, which takes less of the processor (`gather`).
"""

from collections import deque
from collections.abc import Callable
from typing import Any


def hear_out() -> None:
    """Let every session of this server pass on the last words of a thread that has ended. They come
    before the first ones of the next thread: the loop keeps the order."""
    from streamlit.runtime.app_session import AppSession
    from streamlit.runtime.scriptrunner import ScriptRunnerEvent

    session: Any = AppSession
    create, handle = session._create_scriptrunner, session._handle_scriptrunner_event_on_event_loop
    if getattr(create, "hears_out", False):
        return

    def create_next(self: Any, request: Any) -> None:
        # None, unless it has ended by itself: one that is to make way is not heard any more.
        self.last_runner = self._scriptrunner
        create(self, request)

    def handle_in_turn(self: Any, sender: Any, event: Any, *more: Any) -> None:
        now = self._scriptrunner
        if sender is None or sender is not getattr(self, "last_runner", None) or sender is now:
            handle(self, sender, event, *more)
        elif event is ScriptRunnerEvent.SHUTDOWN:
            self.last_runner = None
        else:
            self._scriptrunner = sender  # Streamlit passes on the words of this one alone
            try:
                handle(self, sender, event, *more)
            finally:
                self._scriptrunner = now

    create_next.hears_out = True  # type: ignore[attr-defined]
    session._create_scriptrunner = create_next
    session._handle_scriptrunner_event_on_event_loop = handle_in_turn


GATHER = 0.01  # seconds


def gather() -> None:
    """Let every session pass on what its thread says by the handful. Streamlit wakes its event loop
    for each of a page's hundred messages, and thread and loop then wait for each other each time: a
    seventh of what a page takes of the processor (measured)."""
    from streamlit.runtime.app_session import AppSession

    session: Any = AppSession
    call_soon = session._call_soon_on_event_loop
    if getattr(call_soon, "gathers", False):
        return

    def call_together(self: Any, callback: Callable[[], None]) -> None:
        self.__dict__.setdefault("unsaid", deque()).append(callback)
        # Two threads may both come here: then it is passed on twice, and the second finds nothing.
        if not getattr(self, "is_gathering", False):
            self.is_gathering = True
            call_soon(self, lambda: self._event_loop.call_later(GATHER, pass_on, self))

    def pass_on(self: Any) -> None:
        self.is_gathering = False  # before the first is taken: what comes from now on may be late
        # The loop that sends to the browser is woken once, not for each message.
        wake, self._message_enqueued_callback = self._message_enqueued_callback, None
        try:
            while self.unsaid:
                self.unsaid.popleft()()
        finally:
            self._message_enqueued_callback = wake
            if wake is not None:
                wake()
            if self.unsaid:  # one of them failed; it is logged, and the others are still to come
                call_soon(self, lambda: pass_on(self))

    call_together.gathers = True  # type: ignore[attr-defined]
    session._call_soon_on_event_loop = call_together
