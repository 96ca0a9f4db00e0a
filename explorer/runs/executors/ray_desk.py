"""The Desk: what stands in a Ray cluster between servers and Trainers, one for all servers.

A server calls `Desk.exchange` a few times a second: it brings orders and takes away what is new.
The Desk starts a Trainer for each worker that a server wants, hands it runs, and keeps what
it tells, numbered, until the server says that it has it: a server may be killed and come back. Ray
places the Trainers, keeps them apart, and notices when one dies.

A plain class: `ray_session` makes an actor of it. All nodes run the server's own code (its
working_dir).
"""

import asyncio
import time
from collections import deque
from typing import Any

from explorer.runs.executors.pool import LAST_WORDS
from explorer.runs.executors.ray_trainer import Trainer

SPEAK_MOST = 64_000_000  # bytes that one answer of the Desk carries
COUNT_EVERY = 2.0  # seconds between two looks at the cluster's machines
IDLE_ALONE = 10.0  # seconds after which workers without a run leave a server that is silent
RUN_ALONE = 600.0  # the same for workers with one: they save it and leave
KEEP_RESULTS = 24 * 3600.0  # seconds for which a silent server may fetch what they did
UNSURE = 10.0  # seconds for Ray to find out what died
CALM = 4.0  # seconds after a node died in which Ray may still take it for alive
PATIENCE = 35.0  # seconds for saving

KILLED = "The process was killed (perhaps out of memory)."
MEMORY = "Its machine ran out of memory, and the process was ended."
NODE = "The machine that trained it was lost."
START = "The process does not start in the cluster ({0})."


class _Hand:
    """A worker as the Desk sees it."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.news: deque[tuple[int, dict[str, Any]]] = deque()
        self.number = 0
        self.actor: Any = None
        self.task: asyncio.Task[None] | None = None
        self.parcel: dict[str, Any] = {}  # the last run
        self.working = False
        self.leaving = False

    def tell(self, message: dict[str, Any]) -> None:
        """Keep a message until the server has it; of a file only its newest version."""
        newer = set(message.get("files", {})) | set(message.get("gone", ()))
        if newer:
            for _, old in self.news:
                for name in newer & set(old.get("files", ())):
                    del old["files"][name]
        self.number += 1
        self.news.append((self.number, message))

    def forget(self, number: int) -> None:
        while self.news and self.news[0][0] <= number:
            self.news.popleft()


class Desk:
    """Between servers and Trainers; see the head of this file. An async actor: one thread."""

    def __init__(self) -> None:
        self.hands: dict[str, _Hand] = {}
        self.heard: dict[str, float] = {}  # server → when
        self.orders: dict[str, int] = {}  # server → the last order that was taken
        self.needs: dict[str, float] = {}
        self.slots = 0
        self.gpus = False  # whether the cluster has any
        self.calm_at = 0.0
        self.keeping: Any = None

    async def exchange(
        self,
        server: str,
        needs: dict[str, float],
        orders: list[tuple[int, str, dict[str, Any]]],
        seen: dict[str, int],
    ) -> dict[str, Any]:
        """Take a server's orders and what it has seen -> {"slots", "news", "unknown"}.

        Orders are numbered, so that a call that is made again after a lost answer does nothing
        twice. Workers of this server that are not in `seen` are nobody's, and leave.
        """
        self.heard[server], self.needs = time.monotonic(), needs
        if self.keeping is None:
            await asyncio.to_thread(self._count)
            self.keeping = asyncio.ensure_future(self._keep_house())
        for number, worker, order in orders:
            if number > self.orders.get(server, 0):
                self.orders[server] = number
                self._take(server, worker, order)
        unknown = [worker for worker in seen if worker not in self.hands]
        news: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        room = SPEAK_MOST
        for name, hand in list(self.hands.items()):
            if hand.server != server:
                continue
            if name not in seen:
                self._dismiss(hand)
                del self.hands[name]
                continue
            hand.forget(seen[name])
            for number, message in hand.news:
                if room <= 0:
                    break
                room -= _size(message)
                news.setdefault(name, []).append((number, message))
        return {"slots": self.slots, "news": news, "unknown": unknown}

    def _take(self, server: str, worker: str, order: dict[str, Any]) -> None:
        if "start" in order:
            hand = self.hands[worker] = _Hand(server)
            hand.task = asyncio.ensure_future(self._host(hand, dict(self.needs)))
            return
        hand_or_none = self.hands.get(worker)
        if hand_or_none is None:
            return  # the server is told that it is unknown
        hand = hand_or_none
        if "adopt" in order:
            hand.server = server
        elif "leave" in order:
            self._dismiss(hand)
        elif "control" in order:
            if hand.parcel.get("number") == order["parcel"]:  # perhaps still on its way
                hand.parcel["files"]["control.json"] = order["control"]
            _tell(hand, order)
        else:
            if "run" in order:
                hand.parcel, hand.working = order["run"], True
            hand.inbox.put_nowait(order)

    def _dismiss(self, hand: _Hand) -> None:
        """Ask a worker to save and leave; whoever does not is ended."""
        if hand.leaving:
            return
        hand.leaving = True
        hand.inbox.put_nowait({"leave": True})
        if hand.working:
            _tell(hand, {"leave": True})
            asyncio.get_running_loop().call_later(PATIENCE, self._end, hand)
        else:
            self._end(hand)

    @staticmethod
    def _end(hand: _Hand) -> None:
        import ray

        if hand.actor is not None:
            ray.kill(hand.actor)

    async def _host(self, hand: _Hand, needs: dict[str, float]) -> None:
        """The life of one worker: from its start to the word about its end."""
        from ray.exceptions import RayError

        ready = False
        try:
            await asyncio.sleep(max(0.0, self.calm_at - time.monotonic()))
            if not hand.leaving:
                hand.actor = _trainer(needs, self.gpus)
                await hand.actor.warm.remote()
                ready = True
                hand.tell({"ready": True})
                while "leave" not in (order := await hand.inbox.get()):
                    await self._carry_out(hand, order)
            reason = ""
        except RayError as error:
            reason = self._words(await _verdict(hand, error))
        except Exception as error:
            reason = START.format(str(error)[:300])
        self._end(hand)
        hand.working = False
        broken = not ready and not hand.leaving and reason != NODE
        hand.tell({"exit": reason, "never_started": broken})

    async def _carry_out(self, hand: _Hand, order: dict[str, Any]) -> None:
        if "probe" in order:
            hand.tell({"probe": await hand.actor.probe.remote()})
            return
        stream = hand.actor.work.options(num_returns="streaming")
        async for ref in stream.remote(order["run"], order.get("options", {})):
            message = await ref
            hand.tell(message)
            if "done" in message:
                hand.working = False
                if message["state"] in LAST_WORDS:  # after trouble: a fresh process
                    hand.leaving = True
                    hand.inbox.put_nowait({"leave": True})

    def _words(self, error: Exception) -> str:
        """Why a Trainer died, as a sentence for a person."""
        text = str(error)
        unseen = type(error).__name__ == "ActorUnavailableError"
        if unseen or "node has died" in text or "node was dead" in text:
            self.calm_at = time.monotonic() + CALM
            return NODE
        if "low on memory" in text or type(error).__name__ == "OutOfMemoryError":
            return MEMORY
        if type(error).__name__ in ("ActorDiedError", "RayActorError"):
            return KILLED
        return START.format(text.strip().rpartition("\n")[2][:300])

    # The cluster's machines, and servers that say nothing ----------------------------------------

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(COUNT_EVERY)
            await asyncio.to_thread(self._count)
            now = time.monotonic()
            for name, hand in list(self.hands.items()):
                silent = now - self.heard.get(hand.server, now)
                if silent > (RUN_ALONE if hand.working else IDLE_ALONE):
                    self._dismiss(hand)
                if silent > KEEP_RESULTS:
                    del self.hands[name]

    def _machines(self) -> list[dict[str, float]]:
        import ray

        return [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def _count(self) -> None:
        """How many workers the cluster has room for; on GPUs alone, as soon as it has one."""
        machines = self._machines()
        self.gpus = any(machine.get("GPU", 0) for machine in machines)
        self.slots = sum(_room(machine, self.needs, self.gpus) for machine in machines)


def _room(machine: dict[str, float], needs: dict[str, float], by_gpu: bool) -> int:
    """How many workers one machine has room for.

    >>> _room({"CPU": 16, "GPU": 2}, {"gpu": 0.25, "cpu": 1}, by_gpu=True)
    8
    >>> _room({"CPU": 2}, {"gpu": 0.25, "cpu": 1}, by_gpu=False)
    2
    """
    room = int(machine.get("CPU", 0) / needs["cpu"] + 1e-6)
    if by_gpu:  # a share of a GPU cannot reach over two of them
        room = min(room, int(machine.get("GPU", 0)) * int(1 / needs["gpu"] + 1e-6))
    return room


def _trainer(needs: dict[str, float], by_gpu: bool) -> Any:
    """Start a Trainer somewhere in the cluster."""
    import ray

    options: dict[str, Any] = {"num_cpus": needs["cpu"], "max_restarts": 0}
    if by_gpu:
        options["num_gpus"] = needs["gpu"]
    make: Any = ray.remote
    actor = make(concurrency_groups={"orders": 1})(Trainer)
    threads = max(1, int(needs["cpu"]))
    return actor.options(**options).remote(threads, needs["gpu"] if by_gpu else 0.0)


def _tell(hand: _Hand, order: dict[str, Any]) -> Any:
    if hand.actor is not None:
        return hand.actor.tell.options(concurrency_group="orders").remote(order)


async def _verdict(hand: _Hand, error: Exception) -> Exception:
    """What a worker died of. When a connection ends, Ray does not know at once whether the process
    or its whole machine is gone, and may place the next one there again: so ask until it knows."""
    from ray.exceptions import ActorUnavailableError, RayError

    until = time.monotonic() + UNSURE
    while isinstance(error, ActorUnavailableError) and time.monotonic() < until:
        await asyncio.sleep(0.5)
        try:
            await _tell(hand, {"leave": True})
            break  # it lives, but what it told meanwhile is lost
        except RayError as known:
            error = known
    return error


def _size(message: dict[str, Any]) -> int:
    size = sum(map(len, message.get("files", {}).values()))
    return size + len(message.get("events", (0, b""))[1])
