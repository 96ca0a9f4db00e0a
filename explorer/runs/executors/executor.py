"""What every executor does: queue, hand over, steer, take up again. Where workers run, its pool
knows.

A click costs one message to a warm worker. Workers are used again after a clean end and replaced
after any other. The truth about a run is in its folder, guarded by its lock; this class only
decides who starts next, so two executors on one folder (two servers, a server and a script) share
the work and cannot both train a run.
"""

import atexit
import contextlib
import threading
from collections.abc import Collection
from typing import Any

import gpt
from explorer.runs import retry, states
from explorer.runs.executors import Command
from explorer.runs.executors.pool import Pool, Worker
from explorer.runs.executors.turns import Turns
from explorer.runs.queue import RunQueue
from explorer.runs.run import Run, RunBusy, RunError
from explorer.runs.store import RunStore

HANDED_AT_MOST = 3  # a run whose worker dies before it begins is handed to another
STRANGERS_EVERY = 5.0  # seconds between looks at what other servers on this folder have left
TURNS_EVERY = 5.0  # seconds between looks whether somebody's turn is over
BEING_TRAINED = (states.QUEUED, states.TRAINING)  # by a worker, ours or another server's
GLANCE = 0.1  # seconds; whoever only looks at a run holds its lock for less

NO_WORKER = "The training process does not start; workers.log in the folder of the runs says why."
TURN_OVER = "It gave its place to others who wait, and goes on by itself."
ELSEWHERE = (
    "Another program trains this run, perhaps the command line: wait for its end, or end it there."
)


class RunExecutor:
    """See `Executor`. One lock guards the queue and the pool; it is held for milliseconds (small
    files), never while training is waited for."""

    def __init__(
        self,
        runs: RunStore,
        pool: Pool,
        save_every: float | None = None,
        turn: float | None = None,
    ) -> None:
        self.store = runs
        self.pool = pool
        self._options = {} if save_every is None else {"save_every": save_every}
        self._queue = RunQueue()
        self._handed: dict[str, int] = {}
        self._states: dict[str, tuple[int, str]] = {}
        self._turns = Turns(turn)
        self._lock = threading.RLock()
        self._closing = threading.Event()
        with self._lock:
            self.pool.fill(0)  # first of all: a process takes seconds to get warm
        self._recover()
        threading.Thread(target=self._watch, daemon=True).start()
        if turn is not None:
            threading.Thread(target=self._end_turns, args=(turn,), daemon=True).start()
        atexit.register(self.close)

    # What pages call ----------------------------------------------------------------------------

    def submit(self, run_id: str) -> bool:
        return self._submit(self.store.get(run_id), "run")

    def command(self, run_id: str, command: Command, why: str = "") -> None:
        run = self.store.get(run_id)
        if command in ("pause", "stop"):
            self._halt(run, command, why)
        elif command in ("continue", "step"):
            self._submit(run, "run" if command == "continue" else "step")
        else:
            raise RunError(f"There is no command {command!r}: use pause, continue, step or stop.")

    def position(self, run_id: str) -> int | None:
        with self._lock:
            if run_id in self.pool.active():
                return 0
            return self._queue.position(run_id, self.pool.learners())

    def active(self) -> list[str]:
        with self._lock:
            return self.pool.active()

    def waiting(self) -> list[str]:
        with self._lock:
            return self._queue.order(self.pool.learners())

    @property
    def slots(self) -> int:
        return self.pool.slots

    @property
    def turn(self) -> float | None:
        return self._turns.seconds

    def turn_left(self, run_id: str) -> float:
        with self._lock:
            return self._turns.left(self.pool, run_id)

    @property
    def trouble(self) -> str:
        if not (error := self.pool.no_start):
            return ""
        return f"No training process can be started now ({error}); it is tried again."

    def close(self) -> None:
        atexit.unregister(self.close)
        self._closing.set()
        with self._lock:
            leaving = self.pool.close()
        self.pool.wait(leaving)

    def look_again(self) -> None:
        """Slots have come or gone: for a pool whose machines do."""
        with self._lock:
            self._dispatch()

    # Into the queue, and out of it before its turn ----------------------------------------------

    def _submit(self, run: Run, wish: str, why: str = "") -> bool:
        with self._lock:
            if run.id in self._queue:
                if wish == "step":
                    run.control(wish)
                return False
            try:
                with run.owned(wait=GLANCE):
                    state = run.recorded()["state"]
                    handed = state == states.QUEUED and run.id in self.pool.active()
                    if state == states.FINISHED or handed:
                        return False
                    run.control(wish)
                    self._enqueue(run, state, why)
            except RunBusy:
                known = run.recorded()
                ours = known["state"] in BEING_TRAINED or run.id in self.active()
                if known.get("by") or not ours:
                    raise RunBusy(ELSEWHERE) from None
                if wish == "run" and run.id in self._turns.ended:
                    self._turns.end(run)  # it goes on by itself, when it is its turn again
                    return False
                # It trains; a pause that was asked for is taken back.
                if wish == "step" or run.asked().get("command") != wish:
                    run.control(wish)
                return False
            self._dispatch()
            return True

    def _enqueue(self, run: Run, state: str, why: str = "") -> None:
        """Put a run, owned by the caller, into the queue and its folder's status."""
        learner = run.spec().get("learner", "")
        if state != states.QUEUED:
            run.note(states.QUEUED, why)
            run.set_status(state=states.QUEUED, reason=why, deaths=0, by=None)
        self._handed.pop(run.id, None)
        self.pool.failed_starts = 0  # perhaps it works by now
        self._queue.push(run.id, learner)

    def _halt(self, run: Run, command: str, why: str) -> None:
        with self._lock:
            known = run.recorded()
            if known["state"] not in states.ACTIVE:
                return
            if known.get("by") and run.is_alive():
                raise RunBusy(ELSEWHERE)
            run.control(command, why)
            self._queue.remove(run.id)
            try:  # not begun yet: it leaves the queue now; its worker, if it has one, declines
                with run.owned(wait=GLANCE):
                    known = run.recorded()
                    died = known["state"] == states.TRAINING and known.get("by")  # nobody's now
                    if died or known["state"] in (states.QUEUED, states.SUSPENDED):
                        state = states.PAUSED if command == "pause" else states.STOPPED
                        run.set_status(state=state, reason=why, serial=run.asked()["serial"])
                        run.note(state, why)
            except RunBusy:
                pass  # being trained: its worker reads the command

    # What an earlier or another executor left ---------------------------------------------------

    def _recover(self, seen_dead: Collection[str] | None = None) -> set[str]:
        """Take up what another executor left, or follow it where it still trains -> the runs that
        say "training" and have no owner.

        seen_dead: settle only these of them, since a server that lives sees to its own; None: all.
        """
        dead = set()
        for run in self.store.list():
            state = self._state_of(run)
            with contextlib.suppress(OSError, RunError):  # deleted, or a lock that is not ours
                if state == states.TRAINING and not run.is_alive():
                    dead.add(run.id)
            ownerless = run.id in dead and (seen_dead is None or run.id in seen_dead)
            if ownerless or state in (states.QUEUED, states.SUSPENDED):
                self._take_up(run)
        return dead

    def _state_of(self, run: Run) -> str:
        """What its status says; read only if it was written since the last look."""
        try:
            written = (run.folder / "status.json").stat().st_mtime_ns
        except OSError:
            return states.CREATED
        if self._states.get(run.id, (0, ""))[0] != written:
            self._states[run.id] = written, run.recorded()["state"]
        return self._states[run.id][1]

    def _take_up(self, run: Run) -> None:
        """Queue a run that was left behind, with the command it had (perhaps a single step), or
        follow it where it still trains."""
        with self._lock:
            if run.id in self._queue or run.id in self.pool.active():
                return
            try:
                with run.owned(wait=GLANCE):
                    state = run.recorded()["state"]
                    if state in (states.QUEUED, states.TRAINING) and self.pool.adopt(run):
                        return
                    if state in (states.QUEUED, states.SUSPENDED):
                        self._enqueue(run, state)
                    elif state == states.TRAINING and not run.recorded().get("by"):
                        run.spec()  # a run of a newer version is left as it is
                        self._settle(run, states.GONE)
            except (OSError, RunError):
                return  # another was quicker, a full disk, or a description that cannot be read
            self._dispatch()

    def _watch(self) -> None:
        """Take over what another server on this folder suspends, leaves waiting, or leaves dead:
        seen dead twice, since a server that lives sees to it by itself. And hand over what could
        not be handed over."""
        dead: set[str] = set()
        while not self._closing.wait(STRANGERS_EVERY):
            # A full disk, or a folder that is deleted now: at the next look.
            with contextlib.suppress(OSError, RunError):
                dead = self._recover(dead)
            with self._lock:
                self._dispatch()  # there may have been no memory for another process

    def _end_turns(self, turn: float) -> None:
        """Let who has trained for a whole turn save and wait, while others wait for a slot."""
        while not self._closing.wait(min(TURNS_EVERY, turn / 4)):
            with self._lock:
                queued = {run_id: self._queue.learner(run_id) for run_id in self._queue.order()}
                for run in self._turns.over(self.pool, queued, self.store.root):
                    with contextlib.suppress(OSError):  # a full disk, or deleted: at the next look
                        self._turns.end(run)

    # To the workers, and what they answer -------------------------------------------------------

    def _dispatch(self) -> None:
        """Hand waiting runs to workers as long as there are slots. Under the lock."""
        self.pool.fill(len(self._queue))
        while len(self._queue) and (worker := self.pool.free()):
            run_id = self._queue.pop(self.pool.learners())
            assert run_id is not None, "the queue was not empty"
            self._handed[run_id] = self._handed.get(run_id, 0) + 1
            run = Run(self.store.root / run_id)
            with contextlib.suppress(RunError):  # its folder is gone: the next one
                learner = run.spec().get("learner", "")
                self.pool.give(worker, run_id, learner, run=str(run.folder), **self._options)
            self.pool.fill(len(self._queue))

    def _on_message(self, worker: Worker, message: dict[str, Any]) -> None:
        with self._lock:
            if message.get("ready"):
                worker.ready = True
                self.pool.failed_starts = 0
                speeds = self.store.root / "machine.json"
                if gpt.load_probe(speeds) is None and worker.run_id is None:  # once in its life
                    worker.send(probe=str(speeds))
            elif "done" in message and message["done"] == worker.run_id:
                self.pool.release(worker, message["state"])
                self._finish(Run(self.store.root / message["done"]), message)
                self._dispatch()

    def _finish(self, run: Run, message: dict[str, Any]) -> None:
        """A worker is done with a run: see to what it could not do itself."""
        self._handed.pop(run.id, None)
        gives_way = self._turns.ended_by_us(run)
        try:
            with run.owned(wait=GLANCE):
                if run.recorded()["state"] == states.TRAINING:  # its disk was full
                    run.set_status(state=message["state"], reason=message["reason"], pid=None)
        except (OSError, RunBusy):
            return
        asked = run.asked()  # a click on "continue" that came while the run was being paused
        unheard = asked.get("serial", 0) > run.recorded().get("serial", 0)
        halted = message["state"] in (states.PAUSED, states.STOPPED)
        with contextlib.suppress(OSError, RunError):  # deleted, or taken by another program
            if halted and unheard and asked["command"] in ("run", "step"):
                self._submit(run, asked["command"])
            elif message["state"] == states.PAUSED and gives_way:
                self._submit(run, "run", TURN_OVER)  # behind all who wait

    def _on_exit(self, worker: Worker, reason: str) -> None:
        with self._lock:
            self.pool.forget(worker)
            if worker.run_id is not None:
                self._settle_after(Run(self.store.root / worker.run_id), reason)
            if self.pool.is_broken():
                self._give_up()
            self._dispatch()

    def _settle_after(self, run: Run, reason: str) -> None:
        """See to a run whose worker is gone."""
        try:
            with run.owned(wait=GLANCE):
                if self._turns.ended_by_us(run):  # or its end would leave it paused
                    run.control("run")
                state = run.recorded()["state"]
                if state == states.QUEUED and self._handed.get(run.id, 0) < HANDED_AT_MOST:
                    self._queue.push(run.id, run.spec().get("learner", ""), first=True)
                elif state in (states.QUEUED, states.TRAINING):
                    self._settle(run, reason)
        except (OSError, RunError):
            pass  # somebody else owns it, or the disk is full: status() still tells the truth

    def _settle(self, run: Run, reason: str) -> None:
        """An owned run has lost its worker: it goes on before all others, if it should."""
        if retry.settle(run, reason):
            self._handed.pop(run.id, None)
            self._queue.push(run.id, run.spec().get("learner", ""), first=True)

    def _give_up(self) -> None:
        """No worker gets warm: tell every waiting run instead of trying for ever."""
        for run_id in self.waiting():
            self._queue.remove(run_id)
            run = Run(self.store.root / run_id)
            try:
                with run.owned(wait=GLANCE):
                    run.note(states.FAILED, NO_WORKER)
                    run.set_status(state=states.FAILED, reason=NO_WORKER)
            except (OSError, RunError):
                continue
