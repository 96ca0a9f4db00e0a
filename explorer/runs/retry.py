"""What becomes of a run whose worker died under it.

The death of what trains (killed, out of memory, a lost node, everything at once) is no fault of
the learner's: the run is queued again and goes on from its last saved state, until it has died
ATTEMPTS + 1 times without saving anything further. What the run itself does wrong never comes here:
its worker says "failed". A pause or stop that was asked for is obeyed, dead or alive.
"""

import json
import struct

from explorer.runs import states
from explorer.runs.run import Run

ATTEMPTS = 3  # in a row, without a step further
GAVE_UP = "{0} It was tried {1} times more and got no further. Continue tries again."
LONGEST_HEADER = 10_000_000  # bytes; a longer one is no training state


def settle(run: Run, reason: str) -> bool:
    """Write into an owned run's folder what follows from its worker's death -> whether it is to
    be trained again."""
    recorded, asked = run.recorded(), run.asked()
    halt = {"pause": states.PAUSED, "stop": states.STOPPED}.get(asked.get("command", "run"))
    if halt is not None:
        _leave(run, halt, reason, serial=asked["serial"])
        return False
    saved = saved_step(run)
    deaths = 1 if saved > recorded.get("died_after", -2) else recorded.get("deaths", 0) + 1
    if deaths > ATTEMPTS:
        _leave(run, states.INTERRUPTED, GAVE_UP.format(reason, ATTEMPTS))
        return False
    reached = max(recorded["step"], saved)  # status.json may lag by a second
    run.note(states.RETRIED, reason, step=reached, attempt=deaths)
    run.set_status(state=states.QUEUED, reason=reason, pid=None, deaths=deaths, died_after=saved)
    return True


def _leave(run: Run, state: str, reason: str, **more: int) -> None:
    run.note(state, reason, step=run.recorded()["step"])
    run.set_status(state=state, reason=reason, pid=None, deaths=0, **more)


def saved_step(run: Run) -> int:
    """The step of the state that the run would go on from, -1 without one.

    Read from the header of the safetensors file (its length, then JSON): the server has no torch
    to spare for it.
    """
    try:
        with open(run.resume_path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, LONGEST_HEADER)))
        return int(json.loads(header["__metadata__"]["state"])["step"])
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return -1
