"""A page that looks again and again loses nothing of what it was just told.

Streamlit runs a session's script in a thread, and its event loop passes on what the thread says.
If a poll is heard after the thread has ended, and before the loop has passed on its last words,
Streamlit starts a new thread and throws those words away: half a page then stays as it was, and a
timer that was in them never begins. On a busy server, where the loop lags behind, a learner meets
it as a button that does nothing. `AppSession.request_rerun` of Streamlit 1.67 tells of it.
"""

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
