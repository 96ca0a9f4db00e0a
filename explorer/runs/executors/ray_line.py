"""The server's line to a Ray cluster: one thread that alone talks to it, for all runs at once.

A few times a second it brings the Desk what the executor wants and applies what is new to the run
folders, so that whatever a page shows is on the server's disk: the loss of the cluster loses
nothing that was shown. While a run trains in the cluster this thread holds its lock. Pages never
wait for the cluster: they ask the executor, which only asks its memory. When the cluster does not
answer, the thread connects again for as long as it takes.
"""

import contextlib
import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpt
from explorer.runs import files, mirror, states
from explorer.runs.executors import ray_session
from explorer.runs.executors.ray_worker import RayWorker
from explorer.runs.run import Run, RunBusy, RunError, now

ASK_EVERY = 0.25  # seconds
ANSWER_WITHIN = 30.0  # seconds
TRY_AGAIN = (1.0, 2.0, 5.0)  # seconds between attempts to connect, the last one for ever
GIVE_UP_AFTER = 30.0  # seconds without the cluster after which its runs wait for another worker
SILENT = 10.0  # seconds without an answer after which a page says so

LOST = "The connection to the cluster was lost."
FORGOTTEN = "The cluster no longer knows the process that trained it."
CONNECTING = "The connection to the cluster is being made."
UNREACHABLE = "The cluster at {0} cannot be used ({1}); it is tried again and again."
QUIET = "The cluster at {0} has not answered for {1} seconds."


class Line(threading.Thread):
    """See the head of this file. `on_slots` is called when their number changes."""

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
        self._unsent: list[tuple[int, str, dict[str, Any]]] = []
        self._number = 0
        self._slots = 0
        self._trouble = CONNECTING

    # The thread ----------------------------------------------------------------------------------

    def run(self) -> None:
        attempt = 0
        while not self.closing:
            try:
                if time.monotonic() - self.heard > GIVE_UP_AFTER:
                    self._lose_all(LOST)
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
                pause = TRY_AGAIN[min(attempt, len(TRY_AGAIN) - 1)]
                attempt += 1
                self._rest(pause)
        for worker in self.workers.values():  # still there: the next server takes them back
            worker.let_go(follow=True)
            worker.gone.set()
        ray_session.disconnect(self.server, failed=False)

    def post(self, worker: RayWorker, message: dict[str, Any]) -> None:
        """Take a message for a worker; any thread may call it."""
        self.orders.put((worker, message))
        self.wake.set()

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
        if not isinstance(error, RunError):  # else a sentence of ours
            words = UNREACHABLE.format(self.address, words)
        if words != self._trouble:
            print(f"{now()} {words}", file=sys.stderr, flush=True)
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
            if (control := worker.new_command()) is not None:
                self._send(worker, control=control, parcel=worker.parcel)

    def _order(self, worker: RayWorker, message: dict[str, Any]) -> None:
        if "start" in message or "adopt" in message:
            self.workers[worker.name] = worker
        if worker.name not in self.workers:
            return  # it has ended meanwhile; its exit was told
        if "adopt" in message:
            with contextlib.suppress(RunBusy):  # another server was quicker
                worker.adopt(Run(message["adopt"]))
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
            worker.own(run)
            refused = "declined" if run.recorded()["state"] != states.QUEUED else ""
            if not refused:
                options = {} if save_every is None else {"save_every": save_every}
                self._send(worker, run=worker.pack(run), options=options)
                return
        except RunBusy:
            pass
        except (OSError, RunError) as error:
            refused = states.FAILED
            with contextlib.suppress(OSError):
                run.note(states.FAILED, str(error))
                run.set_status(state=states.FAILED, reason=str(error))
        worker.let_go()
        self._on_message(worker, {"done": run.id, "state": refused, "reason": ""})

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
                if gpt.load_probe(worker.probe_path) is None:  # the first of several that measure
                    files.write_bytes(worker.probe_path, message["probe"])
            elif "done" in message:
                worker.let_go()
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
        except (OSError, RunError) as error:
            full = isinstance(error, OSError)
            reason = states.FULL if full else str(error)
            self._send(worker, leave=True)
            worker.let_go()
            state = states.INTERRUPTED if full else states.FAILED
            self._on_message(worker, {"done": run.id, "state": state, "reason": reason})

    def _exit(self, worker: RayWorker, reason: str) -> None:
        self.workers.pop(worker.name, None)
        worker.let_go()
        self._on_exit(worker, reason)
        worker.gone.set()
