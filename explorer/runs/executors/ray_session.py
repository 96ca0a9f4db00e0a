"""A connection to a Ray cluster and to the Desk in it. A process has one at most: Ray's rule.

`ray://host:10001` goes through Ray's client server: the head may die and this process lives. With
"local" Ray starts a cluster inside this machine that ends with this process; it is for trying
out. The Desk is named after the code it runs, and every node gets that code from here: a new
version of the program gets a Desk of its own. Ray is imported when it is first needed, never
before: the program works without it.
"""

import functools
import hashlib
import os
import threading
import warnings
from typing import Any

from explorer.runs.executors import ray_door
from explorer.runs.executors.process import PROJECT, WAITING

NAMESPACE = "explorer"
HEAD = "node:__internal_head__"  # what Ray calls it
SHIPPED = ("gpt", "explorer")  # what a node gets
RUN_THERE = ("gpt", "explorer/runs")  # what it runs of that
# How long Ray's client holds on to a lost connection by itself (it says 30): a new one is as good.
HOLD_ON = ("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "5")  # seconds
LOCAL = {"include_dashboard": False, "object_store_memory": 100_000_000}

_lock = threading.Lock()
_users: set[str] = set()


class Session:
    """The Desk, to be called from any thread."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def exchange(
        self,
        server: str,
        needs: dict[str, float],
        orders: list[Any],
        seen: dict[str, int],
        timeout: float,
    ) -> dict[str, Any]:
        """See `ray_desk.Desk.exchange`."""
        import ray

        answer: dict[str, Any] = ray.get(
            self._desk.exchange.remote(server, needs, orders, seen), timeout=timeout
        )
        return answer


def connect(address: str, user: str) -> Session:
    """Connect, and find the Desk or start it. Blocks for seconds; raises RunError when nobody lets
    this server in at `address`, and else whatever Ray raises."""
    import ray

    from explorer.runs.executors.ray_desk import Desk

    with _lock:
        _users.add(user)
        if not ray.is_initialized():
            if address != "local":
                ray_door.knock(address)
            _initialize(ray, address)
        options: dict[str, Any] = {
            "name": f"desk-{version()}",
            "lifetime": "detached",
            "get_if_exists": True,
            "max_concurrency": 1000,
            "num_cpus": 0,
            "resources": {HEAD: 0.001},  # on a box that is lost it would take all runs along
        }
        return Session(ray.remote(Desk).options(**options).remote())


def _initialize(ray: Any, address: str) -> None:
    more = LOCAL if address == "local" else {}
    os.environ.setdefault(*HOLD_ON)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's advice on versions to come is not for learners
        ray.init(
            address,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={
                "working_dir": str(PROJECT),
                "excludes": _excludes(),
                "env_vars": WAITING,
            },
            **more,
        )


def disconnect(user: str, failed: bool = True) -> None:
    """Forget the connection, if it has failed (only then can there be another) or if this was its
    last user."""
    import ray

    with _lock:
        _users.discard(user)
        if _users and not failed:
            return
        try:
            ray.shutdown()
        except Exception:
            return  # it was broken anyway


def _excludes() -> list[str]:
    """All of the project but the code: texts, checkpoints and tests stay here."""
    others = [f"/{name}" for name in sorted(os.listdir(PROJECT)) if name not in SHIPPED]
    return [*others, "/explorer/assets", "__pycache__"]


@functools.cache
def version() -> str:
    """A name for the code that is shipped: another one when any line of it changes."""
    digest = hashlib.sha256()
    for folder in RUN_THERE:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
