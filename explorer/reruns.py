"""A page that looks again and again loses nothing of what it was just told.

Streamlit runs a session's script in a thread, and its event loop passes on what the thread says.
If a poll is heard after the thread has ended, and before the loop has passed on its last words,
Streamlit starts a new thread and throws those words away: half a page then stays as it was, and a
timer that was in them never begins. On a busy server, where the loop lags behind, learners met it
as a button that did nothing. Seen with Streamlit 1.67; `AppSession.request_rerun` tells of it.
"""

import time
from typing import Any

PAUSE = 0.005  # seconds until the loop may have passed on more
PATIENCE = (
    10.0  # seconds; then as Streamlit does it: better a few words lost than a page that waits
)


def hear_out() -> None:
    """Let every session of this server hear one thread out before it starts the next."""
    from streamlit.runtime.app_session import AppSession

    session: Any = AppSession
    create = session._create_scriptrunner
    if getattr(create, "hears_out", False):
        return

    def create_after(self: Any, request: Any, until: float | None = None) -> None:
        runner = self._scriptrunner  # None, unless it has ended and its last words are on their way
        until = until or time.monotonic() + PATIENCE
        if runner is None or time.monotonic() > until:
            create(self, request)
        else:
            self._event_loop.call_later(PAUSE, again, self, request, until)

    def again(self: Any, request: Any, until: float) -> None:
        closed = self._state.name == "SHUTDOWN_REQUESTED"
        runner = self._scriptrunner  # a new one, perhaps, which takes the request
        if not closed and not (runner is not None and runner.request_rerun(request)):
            create_after(self, request, until)

    create_after.hears_out = True  # type: ignore[attr-defined]
    session._create_scriptrunner = create_after
