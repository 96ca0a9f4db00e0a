"""Train one run: consume gpt's training generator, record it, obey what is asked.

Between any two events, evaluations included, the job looks whether somebody asked it to pause,
stop or leave; it then asks the generator for a snapshot, saves everything and lets the run go.
What is recorded, and how, is `gpt.Recorder`'s matter, the same as on the command line; this file
adds who owns the run, where it stands and what to say when it fails. Needs torch.
"""

import errno
import math
import os
import sys
import time
import traceback
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch

import gpt
from explorer.runs import states
from explorer.runs.run import Run, RunBusy, RunError, now

SAVE_EVERY = 10.0  # seconds of training that a killed process may lose
STATUS_EVERY = 1.0  # seconds between two updates of step and loss in status.json
OWNER_WAIT = 2.0  # seconds; who only looks at a run holds its lock for milliseconds

MEMORY = (
    "There is not enough memory for this run: make batch_size, block_size, n_embd or n_layer"
    " smaller, or close other programs."
)
# How the libraries below say that they got none: PyTorch, C++, oneDNN, and the system (a thread
# needs memory for its stack).
NO_MEMORY: tuple[str, ...] = ("out of memory", "allocate memory", "bad_alloc", "bad allocation")
NO_MEMORY += ("could not create a primitive", "could not create a memory", "start new thread")

DAMAGED = "damaged.safetensors"  # what is left of a state that cannot be read, for an engineer
BEGINS_AGAIN = "The saved state was damaged: the run begins again from its first step."


@dataclass
class Signals:
    """What reaches the worker from outside while it trains."""

    leaving: bool = False  # save the run and go
    threads: int = 1  # this worker's share of the cores


def work(run: Run, signals: Signals, save_every: float = SAVE_EVERY) -> tuple[str, str]:
    """Train `run` until it ends or is asked to end -> (state, reason).

    The state is "busy" when another process owns the run and "declined" when it no longer waits
    to be trained; nothing is changed then.
    """
    try:
        with run.owned(wait=OWNER_WAIT):
            if run.recorded()["state"] != states.QUEUED:
                return "declined", ""
            return _Job(run, signals, save_every).work()
    except RunBusy:
        return "busy", ""


class _Job:
    """One run while this process owns it."""

    def __init__(self, run: Run, signals: Signals, save_every: float) -> None:
        self.run = run
        self.signals = signals
        self.save_every = save_every
        self.control = _Control(run)
        self.recorder: Any = None  # a gpt.Recorder once the model is there
        self.news: dict[str, Any] = {}  # what status.json should say next
        self.step = 0
        self.best = math.inf  # validation loss so far
        self.threads = 0
        self.flops = 0.0  # of one step
        self.pinned_threads = 0  # a run may insist, so that its numbers do not depend on others
        self.stepping = False  # pause after the next update
        self.next_status = 0.0

    def work(self) -> tuple[str, str]:
        """Train, and whatever happens leave a folder that says so."""
        try:
            self._status(state=states.TRAINING, reason="", pid=os.getpid(), by=None)
            self.run.sweep()
            state, reason = self._train()
        except Exception as error:  # the job's own mistake, or the machine's: told, never retried
            self._keep(traceback.format_exc())
            state, reason = explain(error)
        try:
            if self.recorder:
                self.recorder.close()
            self.run.note(state, reason, step=self.step)
            self._status(state=state, reason=reason, pid=None)
        except OSError as error:  # a full disk: the executor is told and tries again
            state, reason = explain(error)
        return state, reason

    def _train(self) -> tuple[str, str]:
        if wish := self._wish(None):  # asked while it was handed over
            return wish, self.control.why
        events = self._build()
        event = events.send(None)
        while True:
            self.recorder.take(event)
            self._tell(event)
            if isinstance(event, gpt.Finished):
                return states.FINISHED, event.message
            if wish := self._wish(event):
                self.recorder.take(events.send("snapshot"))
                events.close()
                return wish, self.control.why
            event = events.send(self.recorder.request())

    def _build(self) -> Generator[Any, str | None, None]:
        """Make everything that the run describes -> the events from where it was left."""
        spec = self.run.spec()
        corpus = load_corpus(self.run, spec)
        tokenizer = gpt.train_tokenizer(corpus.text, **spec.get("tokenizer", {}))
        preset = load_preset(spec)
        model = gpt.build_model(preset.model, tokenizer.vocab_size, seed=preset.train.seed)
        state, damage = self._saved()
        self.step = int(state.meta["step"]) if state else 0
        best = state.meta["best"] if state else None
        self.best = best["val_loss"] if best else math.inf
        self.pinned_threads = int(spec.get("threads") or 0)
        batch_size = preset.train.batch_size
        self.flops = gpt.flops_per_iteration(preset.model, tokenizer.vocab_size, batch_size)
        card = {"run": self.run.id, "name": spec.get("name", ""), "corpus": corpus.name}
        card |= {"corpus_sha256": corpus.sha256}
        self.recorder = gpt.Recorder(
            self.run.folder, model, tokenizer, preset, card, self.save_every
        )
        begun = "continued" if state or damage else "started"
        self.recorder.log.note(begun, damage, step=self.step)
        device = spec.get("device", "auto")
        return gpt.train(model, corpus, tokenizer, preset.train, device=device, resume=state)

    def _saved(self) -> tuple[Any, str]:
        """The state to go on from, and what to say when it cannot be read: only the disk itself
        can damage one, and a run that begins again ends with the same losses."""
        path = self.run.resume_path
        if not path.exists():
            return None, ""
        try:
            return gpt.load_state(path), ""
        except gpt.CheckpointError:
            os.replace(path, path.with_name(DAMAGED))
            return None, BEGINS_AGAIN

    def _tell(self, event: Any) -> None:
        """Keep status.json up to date, about once a second: it is what lists of runs show."""
        self.step = self.news["step"] = event.step
        self.news["evaluating"] = None
        if isinstance(event, gpt.Evaluating):
            self.news["evaluating"] = [event.done, event.total]
            self.recorder.log.flush()  # the last steps must not wait for the next one to be seen
        elif isinstance(event, gpt.StepStats):
            self.news["loss"] = event.loss
        elif isinstance(event, gpt.Evaluation | gpt.Finished):
            self.news |= {"train_loss": event.train_loss, "val_loss": event.val_loss}
        if isinstance(event, gpt.Evaluation) and event.val_loss < self.best:
            self.best = event.val_loss
            self.news |= {"best_step": event.step, "best_val_loss": event.val_loss}
        elif isinstance(event, gpt.Finished):
            self.news |= {"best_step": event.best_step, "best_val_loss": event.best_val_loss}
            self.news |= {"outcome": event.reason, "seconds": event.seconds}
        if time.monotonic() >= self.next_status:
            self._status()

    def _wish(self, event: Any) -> str | None:
        """The state in which somebody wants this run to be left now; None to go on."""
        share = gpt.useful_threads(self.flops, self.signals.threads)
        threads = self.pinned_threads or share
        if threads != self.threads:
            self.threads = threads
            torch.set_num_threads(threads)
        if self.stepping and isinstance(event, gpt.StepStats):
            return states.PAUSED
        if self.control.has_news():
            self.stepping = self.control.command == "step"
            self._status()
        if self.signals.leaving:
            return states.SUSPENDED
        return {"pause": states.PAUSED, "stop": states.STOPPED}.get(self.control.command)

    def _status(self, **changes: Any) -> None:
        self.run.set_status(serial=self.control.serial, **self.news, **changes)
        self.next_status = time.monotonic() + STATUS_EVERY

    def _keep(self, details: str) -> None:
        """Put a traceback where an engineer finds it."""
        print(details, file=sys.stderr, flush=True)
        try:
            with open(self.run.folder / "worker.log", "a", encoding="utf-8") as file:
                file.write(f"{now()}\n{details}\n")
        except OSError:
            pass  # a full disk must not hide the first error


class _Control:
    """The last command for a run, looked up at every event at the price of one `stat`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.path = run.folder / "control.json"
        self.command, self.serial, self.why = "run", 0, ""
        self._seen: tuple[int, int] | None = None

    def has_news(self) -> bool:
        """Look whether another command came; it is then in `command`, `serial` and `why`."""
        try:
            stat = self.path.stat()
        except OSError:
            return False
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen == self._seen:
            return False
        self._seen = seen
        asked = self.run.asked()
        if asked.get("serial", 0) == self.serial:
            return False
        self.command, self.serial = asked["command"], asked["serial"]
        self.why = str(asked.get("why", ""))
        return True


def load_corpus(run: Run, spec: dict[str, Any]) -> Any:
    """The text of a run; raises RunError when it is not the text that the run began with."""
    about = spec["corpus"]
    name = about.get("name", "pasted")
    text = run.text()
    if text is None:
        corpus = gpt.load_corpus(about.get("source", name))
    else:
        corpus = gpt.corpus_from_text(text, name)
    if about.get("sha256") not in (None, corpus.sha256):
        raise RunError(
            f"The text {name!r} is not the one this run was made for (its SHA-256 differs):"
            " make a new run."
        )
    return corpus


def load_preset(spec: dict[str, Any]) -> Any:
    """The recipe of a run: its own settings under the name of the preset they began with."""
    name = spec.get("preset", "run")
    known = gpt.PRESETS[name].to_dict() if name in gpt.PRESETS else {"name": name}
    return gpt.Preset.from_dict(known | {"model": spec["model"], "train": spec["train"]})


def explain(error: Exception) -> tuple[str, str]:
    """The state and the sentence for a person that an error leaves a run with.

    >>> explain(OSError(28, "No space left on device"))[0]
    'interrupted'
    """
    text = f"{type(error).__name__}: {error}"
    if getattr(error, "errno", None) in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        return states.INTERRUPTED, states.FULL
    if "os error 28" in text or "No space left" in text:  # as safetensors says it
        return states.INTERRUPTED, states.FULL
    lower = text.lower()
    if isinstance(error, MemoryError) or any(words in lower for words in NO_MEMORY):
        return states.FAILED, MEMORY
    if isinstance(error, gpt.GPTError):
        return states.FAILED, str(error)
    return states.FAILED, f"The training failed ({text[:300]}). Details are in worker.log."
