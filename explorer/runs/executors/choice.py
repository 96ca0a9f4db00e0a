"""Which executor a server has: EXPLORER_EXECUTOR says so.

(nothing), local     processes of this machine
ray://HOST:10001     a Ray cluster, through its client server
ray                  a cluster inside this machine that ends with this program, to try it out
"""

import re
from importlib.util import find_spec

from explorer.runs.executors.executor import RunExecutor
from explorer.runs.executors.local import LocalExecutor
from explorer.runs.run import RunError
from explorer.runs.store import RunStore

CHOICE = "EXPLORER_EXECUTOR"
HERE = ("", "local")  # the choices that train on this machine
_ADDRESS = re.compile(r"ray://[\w.\-\[\]:]+:[0-9]{1,5}")


def choose(runs: RunStore, choice: str, turn: float | None = None) -> RunExecutor:
    """Make the executor; raises RunError, with the remedy, when there is none of that name.

    turn: seconds after which a run gives way to who waits; None: never."""
    check_choice(choice)
    if choice in HERE:
        return LocalExecutor(runs, turn=turn)
    from explorer.runs.executors.ray import RayExecutor

    return RayExecutor(runs, "local" if choice == "ray" else choice, turn=turn)


def check_choice(choice: str) -> None:
    """Raises RunError when `choice` cannot be had; costs nothing and starts nothing."""
    if choice in HERE:
        return
    if choice != "ray" and not _ADDRESS.fullmatch(choice):
        raise RunError(
            f"{CHOICE} is {choice[:60]!r}: leave it empty for this machine's own processes, or set"
            " it to the address of a cluster, such as ray://head:10001."
        )
    needed = ["ray"] if choice == "ray" else ["ray", "grpc"]
    if any(find_spec(name) is None for name in needed):
        raise RunError(
            f"{CHOICE} is {choice!r}, but Ray is not installed here: pip install -r"
            " requirements-cluster.txt."
        )
    from explorer.runs.executors.ray import needs

    needs()
