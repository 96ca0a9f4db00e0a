"""Is the server well? One JSON line, for a monitor (systemd, Docker, curl behind a clock).

    python -m explorer.health [--url http://127.0.0.1:8501] [--seconds 10]

asks the server and exits with 0 when all is well, 1 when it does not answer or something is wrong.
A class server answers at `/health` by itself (status 200 or 503); of a personal one, which only
says that it answers, the runs and the disk are looked at from here. Names no run and no learner.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request
from typing import Any

from explorer.runs import disk, states
from explorer.runs.store import RunStore
from explorer.runs.watch import RunWatch

URL = "http://127.0.0.1:8501"
DISK_AT_LEAST = 1_000_000_000  # bytes that should be free
WAIT_AT_MOST = 600.0  # seconds that the first run should wait while none trains
LARGEST = 100_000  # bytes of an answer


def report(watch: RunWatch, cluster_away: bool = False) -> dict[str, Any]:
    """How the runs and the disk are, as `watch` saw them last; "status" is "ok" or "trouble"."""
    training, waiting = watch.in_state(states.TRAINING), watch.in_state(states.QUEUED)
    oldest, free = watch.oldest_wait(), disk.free(watch.store.root)
    problems = []
    if free < DISK_AT_LEAST:
        problems.append(f"The disk has {free / 1e9:.1f} GB left, of {DISK_AT_LEAST / 1e9:.0f}.")
    if waiting and not training and oldest > WAIT_AT_MOST:
        problems.append(f"Runs wait for {oldest / 60:.0f} minutes while none trains.")
    if cluster_away:
        problems.append("The cluster cannot be used; the class page and the log say why.")
    return {
        "status": "trouble" if problems else "ok",
        "problems": problems,
        "training": len(training),
        "waiting": len(waiting),
        "oldest_wait_seconds": round(oldest, 1),
        "disk_free_bytes": free,
    }


def ask(url: str, seconds: float) -> dict[str, Any] | None:
    """What the server says at `url`/health -> its report, {} from a server without one.

    None when no server answers.
    """
    for path in ("/health", "/_stcore/health"):
        try:
            with urllib.request.urlopen(url.rstrip("/") + path, timeout=seconds) as answer:
                told = _parse(answer.read(LARGEST))
        except urllib.error.HTTPError as error:  # 503: it answers, and says what is wrong
            told = _parse(error.read(LARGEST))
        except (OSError, ValueError):
            return None
        if told is not None:
            return told
    return None


def _parse(data: bytes) -> dict[str, Any] | None:
    """A report; {} for Streamlit's own "ok"; None for anything else (a page, an error)."""
    if data.strip() == b"ok":
        return {}
    try:
        told = json.loads(data)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "status" in told else None


def main(arguments: list[str] | None = None) -> int:
    """The command: prints one line, returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m explorer.health", description="Is it well?")
    parser.add_argument("--url", default=URL, help=f"where the server answers ({URL})")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to wait (10)")
    told = parser.parse_args(arguments)
    said = ask(told.url, told.seconds)
    if said is None:
        said = {"status": "trouble", "problems": [f"No server answers at {told.url}."]}
    elif not said:
        watch = RunWatch(RunStore())
        watch.look()
        said = report(watch)
    print(json.dumps(said))
    return 0 if said["status"] == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
