"""A learner without a browser: speaks Streamlit's own protocol, so that thirty of them fit beside
the server on a small machine. Sends what a browser would send, and reads all that comes back."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

WHOLE, BROKEN = ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR
PART = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
KEPT_FOR = 2  # runs of the script: how long a browser keeps a large message that it did not need
PATIENCE = 60.0  # seconds for an answer; what takes longer counts as lost


class Learner:
    """One session: `open` a page, `move` a slider, `press` a button. Fragments poll themselves."""

    def __init__(self, address: str, cookie: str = "") -> None:
        self.address = address.replace("http://", "ws://").rstrip("/") + "/_stcore/stream"
        self.headers = {"Cookie": cookie, "Origin": address.rstrip("/")} if cookie else {}
        self.pages: dict[str, str] = {}  # address of a page → its hash
        self.page = ""
        self.query = ""
        self.widgets: dict[str, Any] = {}  # key in the element's id → the newest element
        self.states: dict[str, WidgetState] = {}
        self.received = 0  # bytes
        self.kept: dict[str, int] = {}  # hash of a large message → runs since it was needed
        self.errors: list[str] = []
        self.busy: asyncio.Task[None] | None = None  # what it does besides; ends when it leaves
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._finished = asyncio.Event()
        self._awaited: set[int] = set()
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def join(self) -> None:
        self._socket = await connect(
            self.address,
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers=self.headers,
            max_size=None,
        )
        self._reading = asyncio.create_task(self._read())

    async def leave(self) -> None:
        if self.busy is not None:
            self.busy.cancel()
        self._stop_polls(list(self._polls))
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    # What a learner does -----------------------------------------------------------------------

    async def open(self, page: str = "") -> float:
        """Go to a page → seconds until all of it is there."""
        self._stop_polls(list(self._polls))
        if page and not self.pages:
            await self._rerun()  # Home tells the hashes of the pages
        self.page = self.pages.get(page, "")
        self.query = ""
        return await self._rerun()

    async def move(self, key: str, place: int) -> float:
        """Put a slider of options, by its key, to one of them → seconds until the page followed."""
        found = self.widgets[key]
        state = WidgetState(id=found.id)
        state.string_array_value.data.append(found.body.options[place % len(found.body.options)])
        self.states[found.id] = state
        return await self._rerun(fragment=found.fragment_id or "")

    async def press(self, key: str) -> float:
        found = self.widgets[key]
        state = WidgetState(id=found.id, trigger_value=True)
        return await self._rerun(extra=state)

    async def _rerun(self, fragment: str = "", extra: WidgetState | None = None) -> float:
        message = self._message(fragment)
        if extra is not None:
            message.rerun_script.widget_states.widgets.append(extra)
        # A fragment may ask for the whole page.
        self._awaited = {WHOLE, BROKEN} | ({PART} if fragment else set())
        self._finished.clear()
        start = time.perf_counter()
        assert self._socket is not None, "join first"
        await self._socket.send(message.SerializeToString())
        try:
            await asyncio.wait_for(self._finished.wait(), PATIENCE)
        except TimeoutError:
            self.errors.append(f"no answer within {PATIENCE:.0f} s")
        return time.perf_counter() - start

    def _message(self, fragment: str) -> BackMsg:
        """Ask for the page, or for a fragment of it, and tell what is here already."""
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.page_script_hash = self.query, self.page
        rerun.fragment_id = fragment
        rerun.cached_message_hashes.extend(self.kept)
        rerun.widget_states.widgets.extend(self.states.values())
        return message

    # What comes back ---------------------------------------------------------------------------

    async def _read(self) -> None:
        assert self._socket is not None, "join first"
        async for data in self._socket:
            assert isinstance(data, bytes), "Streamlit sends bytes"
            self.received += len(data)
            message = ForwardMsg()
            message.ParseFromString(data)
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if message.metadata.cacheable or kind == "ref_hash":
            self.kept[message.ref_hash or message.hash] = 0
        if kind == "navigation":
            for page in message.navigation.app_pages:
                self.pages[page.url_pathname] = page.page_script_hash
        elif kind == "new_session":
            if not message.metadata.run.fragment_ids:  # a browser then forgets its timers
                self._stop_polls(list(self._polls))
            self.page = message.new_session.page_script_hash or self.page
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "script_finished":
            if message.script_finished == WHOLE:
                self.kept = {one: age + 1 for one, age in self.kept.items() if age < KEPT_FOR}
            if message.script_finished in self._awaited:  # not a fragment that polled meanwhile
                self._finished.set()
        elif kind == "stop_auto_rerun":
            self._stop_polls(message.stop_auto_rerun.fragment_ids)
        elif kind == "auto_rerun":
            rule = message.auto_rerun
            if rule.fragment_id not in self._polls:
                self._polls[rule.fragment_id] = asyncio.create_task(self._poll(rule))
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message.delta.new_element, message.delta.fragment_id)

    def _element(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.errors.append(element.exception.message or element.exception.type)
        body = getattr(element, kind or "", None)
        if body is not None and getattr(body, "id", "") and kind in ("slider", "button"):
            key = body.id.rpartition("-")[2]
            self.widgets[key] = _Found(body.id, fragment, body)

    def _stop_polls(self, fragments: Iterable[str]) -> None:
        for fragment in fragments:
            if poll := self._polls.pop(fragment, None):
                poll.cancel()

    async def _poll(self, rule: Any) -> None:
        """Ask again for a fragment, as the browser does for `run_every`."""
        while True:
            await asyncio.sleep(rule.interval)
            message = self._message(rule.fragment_id)
            message.rerun_script.is_auto_rerun = True
            assert self._socket is not None, "join first"
            await self._socket.send(message.SerializeToString())


class _Found:
    def __init__(self, id: str, fragment: str, body: Any) -> None:
        self.id, self.fragment_id, self.body = id, fragment, body
