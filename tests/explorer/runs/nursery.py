"""A warm process that forks others to be hurt: torch is loaded once for all faults (Linux).

python nursery.py   reads a line {"do": name, ...}, answers with one line of JSON
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import gpt
from explorer.runs import Run, RunError, RunStore, files, job, labels, worker
from explorer.runs import store as store_module

SAVE_EVERY = 0.03  # seconds; a save takes longer: 0 would save the first step for ever
NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000


def work(folder: str) -> None:
    """Train in this process, saving every few steps."""
    gpt.record.SAVE_SHARE = 0
    Path.write_bytes = slowly  # type: ignore[method-assign]
    job.work(Run(folder), job.Signals(), save_every=SAVE_EVERY)


def slowly(path: Path, data: bytes) -> int:
    """A slow disk under checkpoints: many kills hit the middle of a file."""
    pause = 0.004 if path.suffix == ".partial" else 0.0
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(data), len(data) // 4 + 1):
            file.write(data[start : start + len(data) // 4 + 1])
            time.sleep(pause)
    return len(data)


def click(folder: str) -> None:
    """What pages write meanwhile, again and again."""
    while True:
        Run(folder).control("run")
        labels.write(Path(folder), name=f"at {time.monotonic_ns() % 1000}")
        time.sleep(0.002)


def kill(folder: str, delay: float, early: bool) -> dict:
    """Let a worker and a page go, and kill both at once `delay` seconds after the first new steps;
    early: after the worker has taken the run, when it may not even have a model."""
    run, events = Run(folder), Path(folder, "events.jsonl")
    before = events.stat().st_size if events.exists() else 0
    with run.owned():
        run.set_status(state="queued")
    children = [fork(lambda: work(folder)), fork(lambda: click(folder))]
    while run.recorded()["state"] == "queued":
        time.sleep(0.001)
    while not early and (not events.exists() or events.stat().st_size < before + 1000):
        time.sleep(0.001)
    time.sleep(delay)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    return {"writing": len(list(run.folder.glob("*/.*")))}


def undisturbed(folder: str, step: int) -> dict:
    """Train until `step` is told, and stop."""
    run = Run(folder)
    with run.owned():
        run.set_status(state="queued")
    child = fork(lambda: work(folder))
    while not any(e.get("step", 0) >= step for e in run.events()[0]):
        time.sleep(0.05)
    run.control("stop")
    os.waitpid(child, 0)
    return run.status()


def disk(folder: str, spec: dict) -> dict:
    """Train on a file system of 600 kB that fills up; make room; go on. In its own mounts."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = NEW_MOUNTS if os.geteuid() == 0 else NEW_MOUNTS | NEW_USER
    private = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC: nobody else sees the mount
    if libc.unshare(flags) or libc.mount(None, b"/", None, private, None):
        return {"skip": "no mount namespaces here"}
    if libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, b"size=600k"):
        return {"skip": "no mounts here"}
    store_module.LEAST_FREE = 0  # there never is as much
    store = RunStore(folder)
    run = store.create(spec)
    run.set_status(state="queued")
    ballast = Path(folder, "ballast")
    ballast.write_bytes(bytes(600_000 - 120_000))
    told = {"first": job.work(run, job.Signals(), save_every=0.0)}
    with open(ballast, "ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    told["full"] = {"state": run.status()["state"], "listed": [r.id for r in store.list()]}
    try:
        store.create(spec)
    except (OSError, RunError) as error:
        told["create"] = type(error).__name__
    told["left"] = sorted(p.name for p in Path(folder).iterdir())
    gpt.load_checkpoint(run.checkpoint_path)
    told["saved"] = gpt.load_state(run.resume_path).meta["step"]
    ballast.unlink()
    libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 32, b"size=60m")  # MS_REMOUNT: room again
    run.set_status(state="queued")
    told["again"] = job.work(run, job.Signals())
    told["losses"] = losses(run)
    told["damaged"] = files.read_lines(run.folder / "events.jsonl", 0)[2]
    return told


def losses(run: Run) -> list:
    steps = [e for e in run.events()[0] if e["kind"] == "step"]
    return sorted({(e["step"], e["loss"]) for e in steps})


def memory(folder: str, more: int) -> dict:
    """Train with only `more` bytes of address space on top of what the process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    run = Run(folder)
    run.set_status(state="queued")
    return {"ended": job.work(run, job.Signals(threads=1))}


def fork(action) -> int:
    if (child := os.fork()) == 0:
        try:
            action()
        finally:
            os._exit(0)
    return child


def apart(action, *args) -> dict:
    """Do it in a process of its own, which it may ruin."""
    ours, theirs = os.pipe()

    def answer() -> None:
        os.write(theirs, json.dumps(action(*args)).encode())

    child = fork(answer)
    os.close(theirs)
    with open(ours, "rb") as file:
        data = file.read()
    code = os.waitpid(child, 0)[1]
    return json.loads(data) if data else {"died": code}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker.warm_up()
    actions = {"kill": kill, "undisturbed": undisturbed}
    ruinous = {"disk": disk, "memory": memory}
    for line in sys.stdin:
        wish = json.loads(line)
        do = wish.pop("do")
        told = apart(ruinous[do], *wish.values()) if do in ruinous else actions[do](**wish)
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
