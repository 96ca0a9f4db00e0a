"""The server's line to a Ray cluster: one thread that alone talks to it, for all runs at once.

A few times a second it brings the Desk what the executor wants and applies what is new to the run
folders, so that whatever a page shows is on the server's disk: the loss of the cluster loses
nothing that was shown. While a run trains in the cluster this thread holds its lock. Pages never
wait for the cluster: they ask the executor, which only asks its memory. When the cluster does not
answer, the thread connects again for as long as it takes.
"""

import contextlib
import os
import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.runs import files, mirror, store
from explorer.runs.executors import ray_session
from explorer.runs.store import Run, RunBusy

ASK_EVERY = 0.25  # seconds
ANSWER_WITHIN = 30.0  # seconds
TRY_AGAIN = (1.0, 2.0, 5.0)  # seconds between attempts to connect, the last one for ever
GIVE_UP_AFTER = 30.0  # seconds without the cluster after which its runs wait for another worker
SILENT = 10.0  # seconds without an answer after which a page says so
OWNER_WAIT = 0.5  # seconds; who only looks at a run holds its lock for milliseconds

LOST = "The connection to the cluster was lost."
FORGOTTEN = "The cluster no longer knows the process that trained it."
CONNECTING = "The connection to the cluster is being made."
UNREACHABLE = "The cluster at {0} cannot be used ({1}); it is tried again and again."
QUIET = "The cluster at {0} has not answered for {1} seconds."


class RayWorker:
    """A worker in the cluster as its executor sees it: see `pool.Worker`."""

    def __init__(self, line: "Line", name: str = "") -> None:
        self.ready = False
        self.run_id: str | None = None
        self.learner, self.since = "", 0.0
        self.threads = 0
        self.retired = False
        self.never_started = False
        # Below: the line's own.
        self.name = name or uuid.uuid4().hex
        self.seen = 0  # the last message that was taken
        self.run: Run | None = None  # while it is owned
        self.probe_path = Path()
        self.base = 0  # where the run's events began when it was handed over
        self.parcel = ""  # which handing over this is
        self.asked: Any = None  # the command that was passed on last
        self.gone = threading.Event()
        self._line = line

    def send(self, **message: Any) -> bool:
        self._line.orders.put((self, message))
        self._line.wake.set()
        return not self.gone.is_set()

    def dismiss(self) -> None:
        self.send(leave=True)

    def wait(self, seconds: float) -> None:
        self.gone.wait(max(0.0, seconds))


class Line(threading.Thread):
    """See the head of this file. `on_change` is called when the number of slots changes."""

    def __init__(
        self,
        address: str,
        needs: dict[str, float],
        on_message: Callable[[RayWorker, dict[str, Any]], None],
        on_exit: Callable[[RayWorker, str], None],
        on_slots: Callable[[int], None],
    ) -> None:
        super().__init__(name="ray-line", daemon=True)
        self.address, self.needs = address, needs
        self.server = uuid.uuid4().hex
        self.orders: queue.SimpleQueue[tuple[RayWorker, dict[str, Any]]] = queue.SimpleQueue()
        self.wake = threading.Event()
        self.heard = time.monotonic()  # when the cluster answered last
        self.workers: dict[str, RayWorker] = {}
        self.closing = False
        self._on_message, self._on_exit, self._on_slots = on_message, on_exit, on_slots
        self._locks: dict[str, contextlib.ExitStack] = {}
        self._unsent: list[tuple[int, str, dict[str, Any]]] = []
        self._number = 0
        self._slots = 0
        self._trouble = CONNECTING

    # The thread ----------------------------------------------------------------------------------

    def run(self) -> None:
        attempt = 0
        while not self.closing:
            try:
                self._gather()  # own what is taken back before anybody looks
                session = ray_session.connect(self.address, self.server)
                self._hear(session)  # a first answer: only now is the cluster there
                attempt, self._trouble = 0, ""
                while not self.closing:
                    self.wake.wait(ASK_EVERY)
                    self.wake.clear()
                    self._hear(session)
            except Exception as error:
                self._say_trouble(error)
                ray_session.disconnect(self.server)
                if time.monotonic() - self.heard > GIVE_UP_AFTER:
                    self._lose_all(LOST)
                pause = TRY_AGAIN[min(attempt, len(TRY_AGAIN) - 1)]
                attempt += 1
                self._rest(pause)
        for worker in self.workers.values():  # still there: the next server takes them back
            if worker.run is not None:
                self._locks.pop(worker.name).close()
            worker.gone.set()
        ray_session.disconnect(self.server, failed=False)

    def close(self) -> None:
        """End the thread; the workers have been told to leave before."""
        self.closing = True
        self.wake.set()
        self.join(timeout=5)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.closing and (left := until - time.monotonic()) > 0:
            time.sleep(min(0.1, left))

    @property
    def trouble(self) -> str:
        """Why the cluster cannot be used at the moment; empty while it can."""
        quiet = time.monotonic() - self.heard
        if not self._trouble and quiet > SILENT:
            return QUIET.format(self.address, round(quiet))
        return self._trouble

    def _say_trouble(self, error: Exception) -> None:
        words = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        if not isinstance(error, store.RunError):  # else a sentence of ours
            words = UNREACHABLE.format(self.address, words)
        if words != self._trouble:
            print(f"{store.now()} {words}", file=sys.stderr, flush=True)
        self._trouble = words

    def _lose_all(self, reason: str) -> None:
        """No slots, either: a run handed over now would be lost again, and count it as a death."""
        self._count_slots(0)
        for worker in list(self.workers.values()):
            self._exit(worker, reason)

    # One exchange --------------------------------------------------------------------------------

    def _hear(self, session: ray_session.Session) -> None:
        """Bring orders, take news: once, or as long as there is more than one answer holds."""
        self._gather()
        seen = {name: worker.seen for name, worker in self.workers.items()}
        answer = session.exchange(self.server, self.needs, self._unsent, seen, ANSWER_WITHIN)
        self._unsent, self.heard = [], time.monotonic()
        for name, messages in answer["news"].items():
            if name in self.workers:
                self._take(self.workers[name], messages)
        for name in answer["unknown"]:
            if name in self.workers:
                self._exit(self.workers[name], FORGOTTEN)
        self._count_slots(answer["slots"])
        if answer["news"]:
            self.wake.set()  # acknowledge soon; there may be more

    def _count_slots(self, slots: int) -> None:
        if slots != self._slots:
            self._slots = slots
            self._on_slots(slots)

    def _gather(self) -> None:
        """Turn what the executor and the pages want into orders for the Desk."""
        while True:
            try:
                worker, message = self.orders.get_nowait()
            except queue.Empty:
                break
            self._order(worker, message)
        for worker in self.workers.values():
            self._pass_command_on(worker)

    def _order(self, worker: RayWorker, message: dict[str, Any]) -> None:
        if "start" in message or "adopt" in message:
            self.workers[worker.name] = worker
        if worker.name not in self.workers:
            return  # it has ended meanwhile; its exit was told
        if "adopt" in message:
            self._adopt(worker, Run(message.pop("adopt")))
            self._send(worker, adopt=True)
        elif "run" in message:
            self._hand_over(worker, Run(message["run"]), message.get("save_every"))
        elif "probe" in message:
            worker.probe_path = Path(message["probe"])
            self._send(worker, probe=True)
        elif "threads" not in message:  # a machine of the cluster shares its cores by itself
            self._send(worker, **message)

    def _send(self, worker: RayWorker, **order: Any) -> None:
        self._number += 1
        self._unsent.append((self._number, worker.name, order))

    def _hand_over(self, worker: RayWorker, run: Run, save_every: float | None) -> None:
        """Own the run and send all of it."""
        refused = "busy"
        try:
            self._own(worker, run)
            refused = "declined" if run.recorded()["state"] != store.QUEUED else ""
            if not refused:
                worker.base, worker.parcel = _end_of_events(run), uuid.uuid4().hex
                worker.asked = _stat(run)
                known = {"worker": worker.name, "base": worker.base, "parcel": worker.parcel}
                files.write_json(run.folder / "remote.json", known)
                options = {} if save_every is None else {"save_every": save_every}
                parcel = mirror.pack(run) | {"number": worker.parcel}
                self._send(worker, run=parcel, options=options)
                return
        except RunBusy:
            pass
        except (OSError, store.RunError) as error:
            refused = store.FAILED
            with contextlib.suppress(OSError):
                run.note(store.FAILED, str(error))
                run.set_status(state=store.FAILED, reason=str(error))
        self._let_go(worker)
        self._on_message(worker, {"done": run.id, "state": refused, "reason": ""})

    def _adopt(self, worker: RayWorker, run: Run) -> None:
        known = files.read_json(run.folder / "remote.json") or {}
        try:
            self._own(worker, run)
        except RunBusy:
            return  # another server was quicker
        worker.base, worker.parcel = known.get("base", 0), known.get("parcel", "")

    def _pass_command_on(self, worker: RayWorker) -> None:
        """What a page, of whatever server, has asked of the run: control.json has changed."""
        if worker.run is None or (stat := _stat(worker.run)) == worker.asked:
            return
        try:
            control = (worker.run.folder / "control.json").read_bytes()
        except OSError:
            return
        worker.asked = stat
        self._send(worker, control=control, parcel=worker.parcel)

    # What the Desk says --------------------------------------------------------------------------

    def _take(self, worker: RayWorker, messages: list[tuple[int, dict[str, Any]]]) -> None:
        for number, message in messages:
            if number <= worker.seen or worker.gone.is_set():
                continue
            worker.seen = number
            if "ready" in message:
                worker.ready = True
                self._on_message(worker, message)
            elif "probe" in message:
                files.write_bytes(worker.probe_path, message["probe"])
            elif "done" in message:
                self._let_go(worker)
                self._on_message(worker, message)
            elif "exit" in message:
                worker.never_started = message["never_started"]
                self._exit(worker, message["exit"])
            elif worker.run is not None:
                self._apply(worker, message)

    def _apply(self, worker: RayWorker, news: dict[str, Any]) -> None:
        """Write what is new into the run's folder; a worker whose news cannot be kept leaves."""
        run = worker.run
        assert run is not None, "it was asked before"
        try:
            mirror.apply(run, worker.base, news)
        except (OSError, store.RunError) as error:
            full = isinstance(error, OSError)
            reason = store.FULL if full else str(error)
            self._send(worker, leave=True)
            self._let_go(worker)
            state = store.INTERRUPTED if full else store.FAILED
            self._on_message(worker, {"done": run.id, "state": state, "reason": reason})

    def _exit(self, worker: RayWorker, reason: str) -> None:
        self.workers.pop(worker.name, None)
        self._let_go(worker)
        self._on_exit(worker, reason)
        worker.gone.set()

    # Who owns a run ------------------------------------------------------------------------------

    def _own(self, worker: RayWorker, run: Run) -> None:
        stack = contextlib.ExitStack()
        stack.enter_context(run.owned(wait=OWNER_WAIT))
        self._locks[worker.name], worker.run = stack, run

    def _let_go(self, worker: RayWorker) -> None:
        if worker.run is not None:
            with contextlib.suppress(OSError):
                (worker.run.folder / "remote.json").unlink(missing_ok=True)
            self._locks.pop(worker.name).close()
            worker.run = None


def _end_of_events(run: Run) -> int:
    """The size of the run's events, a torn last line closed off."""
    handle = files.open_for_append(run.folder / "events.jsonl")
    try:
        return os.fstat(handle).st_size
    finally:
        os.close(handle)


def _stat(run: Run) -> tuple[int, int] | None:
    try:
        stat = (run.folder / "control.json").stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino
