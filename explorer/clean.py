"""Keep the runs within the budget of the disk, from a terminal or a timer.

    python -m explorer.clean                 one round: announce, and clean what was announced
    python -m explorer.clean --dry-run       say what a round would do, change nothing
    python -m explorer.clean --now           do not wait for the announced date
    python -m explorer.clean --budget 20GB   another budget than EXPLORER_DISK_BUDGET

A server with a budget does a round each hour by itself. Never a run with a star, or one that can go
on; see `runs/disk.py` for the rules. The last line is one JSON object.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime

from explorer import server_log
from explorer.runs.disk import Cleaning, Step, budget_from
from explorer.runs.store import RunStore
from gpt.errors import GPTError


def main(arguments: list[str] | None = None) -> int:
    """The command -> its exit status: 0, or 2 for a person's mistake."""
    parser = argparse.ArgumentParser(prog="python -m explorer.clean", description="Clean old runs.")
    parser.add_argument("--now", action="store_true", help="do not wait for the announced date")
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument("--budget", help="such as 20GB, in place of EXPLORER_DISK_BUDGET")
    told = parser.parse_args(arguments)
    try:
        cleaning = Cleaning.configured(RunStore())
        if told.budget is not None:
            cleaning.budget = budget_from(told.budget)
    except GPTError as error:
        print(error, file=sys.stderr)
        return 2
    if cleaning.budget is None:
        print("There is no budget: set EXPLORER_DISK_BUDGET or give --budget.", file=sys.stderr)
        return 2
    now = time.time()
    before = cleaning.look(now)
    removed: list[Step] = []
    if not told.dry_run:
        server_log.begin(cleaning.store.root)
        removed = cleaning.clean(now, at_once=told.now)
        for step in removed:
            server_log.note("run.cleaned", run=step.run, reason=step.what)
    for step in before:
        print(_line(step, step in removed, told.now, now), file=sys.stderr)
    counts = {"bytes": cleaning.total, "budget": cleaning.budget, "removed": len(removed)}
    counts["texts"] = cleaning.texts
    print(json.dumps(counts | {"announced": len(before) - len(removed)}))
    return 0


def _line(step: Step, removed: bool, at_once: bool, now: float) -> str:
    what = "its snapshots" if step.what == "snapshots" else "the whole run"
    if removed:
        return f"{step.run}: {what}, cleaned"
    if at_once or step.at <= now:
        return f"{step.run}: {what}, due now"
    return f"{step.run}: {what}, on {datetime.fromtimestamp(step.at, UTC):%Y-%m-%d %H:%M} UTC"


if __name__ == "__main__":
    sys.exit(main())
