"""A page that looks again and again loses nothing of what it was just told.

Streamlit runs a session's script in a thread, and its event loop passes on what the thread says.
If a poll is heard after the thread has ended, and before the loop has passed on its last words,
Streamlit starts a new thread and throws those words away: half a page then stays as it was, and a
timer that was in them never begins. On a busy server, where the loop lags behind, a learner meets
it as a button that does nothing. `AppSession.request_rerun` of Streamlit 1.67 tells of it.

So a session keeps what its thread says in a line of its own, and says all of it before a new thread
begins. From there the loop also takes it by the handful: Streamlit wakes its loop for each of a
page's hundred messages, and thread and loop then wait for each other each time, a seventh of what a
page takes of the processor (measured).
"""

from collections import deque
from collections.abc import Callable
from typing import Any

GATHER = 0.01  # seconds in which a handful comes together


def hear_out() -> None:
    """Let every session of this server pass on what its threads say: together, in order, all."""
    from streamlit.runtime.app_session import AppSession

    session: Any = AppSession
    create, call_soon = session._create_scriptrunner, session._call_soon_on_event_loop
    if getattr(create, "hears_out", False):
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
                try:
                    self.unsaid.popleft()()
                except Exception as error:  # as the loop does: it is logged, and the others come
                    said = {"message": "A session's message failed", "exception": error}
                    self._event_loop.call_exception_handler(said)
        finally:
            self._message_enqueued_callback = wake
            if wake is not None:
                wake()

    def create_next(self: Any, request: Any) -> None:
        # A thread that has ended by itself; one that is to make way (None) is not heard any more.
        if self._scriptrunner is not None and hasattr(self, "unsaid"):
            pass_on(self)
        create(self, request)

    create_next.hears_out = True  # type: ignore[attr-defined]
    session._create_scriptrunner = create_next
    session._call_soon_on_event_loop = call_together
