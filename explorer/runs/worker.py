"""The process that trains: warm before it is needed, fed with one JSON line per job.

    {"run": "/path/of/a/run", "threads": 2}     train this run (save_every: seconds, optional)
    {"threads": 1}                              the share of the cores has changed
    {"probe": "/path/of/machine.json"}          measure how fast this machine trains, and write it,
                                                when no run wants to begin

It answers with JSON lines: {"ready": true} when warm, {"done": id, "state": ..., "reason": ...}
after each job. The end of its input means that the server is gone, however that came about: the
run is saved within a step, marked "suspended", and the process ends. Ctrl-C and SIGTERM do the
same. Started by an executor as `python -m explorer.runs.worker`.
"""

import gc
import json
import os
import queue
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

import gpt
from explorer.runs import states
from explorer.runs.executors import gpus
from explorer.runs.run import Run
from explorer.runs.store import RunStore

NICENESS = 10  # the web server and the learner's browser come first
FIRST_TO_GO = "1000"  # of -1000 to 1000: whom Linux ends when the memory is full
PATIENCE = 30.0  # seconds for saving; a process that hangs must not stay for ever


class GiveWay(Exception):
    """Something that matters more has come."""


class Worker:
    """One warm process: a thread reads the messages, the main thread trains."""

    def __init__(self, answers: TextIO) -> None:
        self.answers = answers
        self.inbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.job_signals: Any = None  # job.Signals once torch is there
        self.leaving = False

    def serve(self) -> None:
        """Work until told to leave."""
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: self.leave())
        threading.Thread(target=self._read, daemon=True).start()
        warm_up(float(os.environ.get(gpus.SHARE, 0)))
        from explorer.runs import job

        self.job_signals = job.Signals(leaving=self.leaving)
        self.say(ready=True, pid=os.getpid())
        while (message := self.inbox.get()) is not None and not self.leaving:
            if not self._handle(message):
                return

    def _handle(self, message: dict[str, Any]) -> bool:
        """Do one job -> whether this process is fit for another."""
        from explorer.runs import job
        from gpt.devices import give_back_freed_memory

        if "threads" in message:
            self.job_signals.threads = int(message["threads"])
        if "probe" in message:
            self._probe(message)
        if "run" not in message:
            return True
        run = Run(message["run"])
        save_every = float(message.get("save_every", job.SAVE_EVERY))
        state, reason = job.work(run, self.job_signals, save_every)
        gc.collect()  # the model and the optimizer's memory, before the next job is taken
        give_back_freed_memory()
        self.say(done=run.id, state=state, reason=reason)
        return state not in (states.FAILED, states.INTERRUPTED)  # after trouble: a fresh process

    def _probe(self, message: dict[str, Any]) -> None:
        """Measure this machine; when a run comes meanwhile, it goes first. One process measures at
        a time, or each would find the machine slower than it is."""
        path = Path(message["probe"])
        try:
            with FileLock(path.with_suffix(".lock"), timeout=0):
                if gpt.load_probe(path) is None:
                    measure(path, go_on=self.inbox.empty)
        except GiveWay:
            self.inbox.put(message)
        except Timeout:
            pass  # another does
        except Exception:  # no memory perhaps: runs go without an estimate of their minutes
            traceback.print_exc()

    def leave(self) -> None:
        """Begin to leave: from a signal, or because nobody is at the other end any more."""
        if self.job_signals is None:
            os._exit(0)  # still warming up: nothing to save
        if self.leaving:
            return
        self.leaving = self.job_signals.leaving = True
        self.inbox.put(None)
        last_resort = threading.Timer(PATIENCE, os._exit, args=(1,))
        last_resort.daemon = True
        last_resort.start()

    def say(self, **message: Any) -> None:
        with suppress(OSError):  # nobody listens: the end of the input will follow
            self.answers.write(json.dumps(message) + "\n")
            self.answers.flush()

    def _read(self) -> None:
        """Pass messages on until the input ends. Reads the descriptor itself: a thread that holds
        the lock of sys.stdin while the process ends would abort it."""
        rest = b""
        while data := _read_some():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                with suppress(ValueError):
                    self._receive(json.loads(line))
        self.leave()

    def _receive(self, message: dict[str, Any]) -> None:
        if message.keys() == {"threads"} and self.job_signals is not None:
            self.job_signals.threads = int(message["threads"])  # also while a job runs
        else:
            self.inbox.put(message)


def _read_some() -> bytes:
    try:
        return os.read(0, 65536)
    except OSError:
        return b""


def warm_up(memory_share: float = 0.0) -> None:
    """Train a tiny run in a temporary folder: it loads all that the first real step would wait for
    (torch, gpt's training loop, safetensors). memory_share: see `gpus.limit_memory`."""
    from explorer.runs import job

    settings = {"max_steps": 1, "eval_iters": 1, "sample_tokens": 1, "batch_size": 1}
    preset = gpt.PRESETS["bigram"].with_settings(settings)
    recipe = {"model": preset.model.to_dict(), "train": preset.train.to_dict()}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        corpus = {"name": "warm up", "text": "warm up " * 40}
        spec = {"preset": preset.name, "corpus": corpus, "device": "cpu"}
        run = RunStore(folder).create(spec | recipe)
        run.set_status(state=states.QUEUED)
        job.work(run, job.Signals())
    gpus.limit_memory(memory_share)


def measure(path: Path, go_on: Callable[[], bool] = lambda: True) -> None:
    """Probe this machine as a run that has it to itself would find it, and keep the result; raises
    GiveWay between two of its small trainings when it is not to go on."""
    import torch

    cores = gpt.available_cores()

    def prepare(flops: float) -> None:
        if not go_on():
            raise GiveWay
        torch.set_num_threads(gpt.useful_threads(flops, cores))

    gpt.save_probe(path, gpt.probe_machine(prepare=prepare))


def main() -> None:
    """Keep the real output for the answers; whatever a library prints goes to the log."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with suppress(AttributeError, OSError):  # Windows: the executor sets the priority
        os.nice(NICENESS)
    with suppress(OSError):  # Linux only: better a run, which goes on by itself, than the server
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    Worker(answers).serve()
    sys.stderr.flush()
    os._exit(0)  # torch takes long to say goodbye, and there is nothing left to do


if __name__ == "__main__":
    main()
