"""Train one run: consume gpt's training generator, write the run folder, obey what is asked.

Between any two events, evaluations included, the job looks whether somebody asked it to pause,
stop or leave; it then takes a snapshot from the generator, saves everything and lets the run go.
Besides the snapshots that the training itself schedules, the state is saved by time, so that a
killed process loses seconds. Only this file and `worker.py` need torch.
"""

import errno
import sys
import time
import traceback
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gpt
from explorer.runs import files, store
from explorer.runs.eventlog import EventLog, as_line
from explorer.runs.store import Run, RunBusy, RunError

SAVE_EVERY = 10.0  # seconds of training that a killed process may lose
SAVE_SHARE = 30  # saving may take one part in so many of the time, whatever the model's size
STATUS_EVERY = 1.0  # seconds between two updates of step and loss in status.json
OWNER_WAIT = 2.0  # seconds; who only looks at a run holds its lock for milliseconds

FULL = "The disk is full. What was saved before is kept: free some space, then continue."
MEMORY = (
    "There is not enough memory for this run: make batch_size, block_size, n_embd or n_layer"
    " smaller, or close other programs."
)


@dataclass
class Signals:
    """What reaches the worker from outside while it trains."""

    leaving: bool = False  # save the run and go
    threads: int | None = None  # the share of the cores has changed


def work(run: Run, signals: Signals, save_every: float = SAVE_EVERY) -> tuple[str, str]:
    """Train `run` until it ends or is asked to end -> (state, reason).

    The state is "busy" when another process owns the run and "declined" when it no longer waits
    to be trained; nothing is changed then.
    """
    try:
        with run.owned(wait=OWNER_WAIT):
            if run.recorded()["state"] != store.QUEUED:
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
        self.log = EventLog(run.folder / "events.jsonl")
        self.news: dict[str, Any] = {}  # what status.json should say next
        self.step = 0
        self.stepping = False  # pause after the next update
        self.saved_step = -1  # the step that the checkpoint holds
        self.next_save = self.next_status = 0.0

    def work(self) -> tuple[str, str]:
        try:
            self._status(state=store.TRAINING, reason="", pid=_pid())
            state, reason = self._train()
        except Exception as error:  # the job's own mistake, or the machine's: told, never retried
            self._keep(traceback.format_exc())
            state, reason = explain(error)
        try:
            self.log.note(state, reason, step=self.step)
            self.log.close()
            self._status(state=state, reason=reason, pid=None)
        except OSError as error:  # a full disk: the executor is told and tries again
            state, reason = explain(error)
        return state, reason

    def _train(self) -> tuple[str, str]:
        if early := self._wish(None):
            return early, ""
        self._build()
        if early := self._wish(None):  # building a large model takes a while
            return early, ""
        event = next(self.events, None)
        while event is not None:
            self._take(event)
            if isinstance(event, gpt.Finished):
                return store.FINISHED, event.message
            if wish := self._wish(event):
                return self._leave(wish)
            self._save_by_time()
            event = next(self.events, None)
        raise RuntimeError("the training ended without saying how")

    def _build(self) -> None:
        """Make everything that the run describes, and go on where it was left."""
        spec = self.run.spec()
        corpus = load_corpus(self.run, spec)
        self.tokenizer = gpt.CharTokenizer.train(corpus.text)
        self.preset = gpt.Preset.from_dict({"name": spec.get("preset", "run")} | _recipe(spec))
        model, train = self.preset.model, self.preset.train
        self.model = gpt.build_model(model, self.tokenizer.vocab_size, seed=train.seed)
        state = gpt.load_state(self.run.resume_path) if self.run.resume_path.exists() else None
        self.step = int(state.meta.get("step", 0)) if state else 0
        self.card = {"run": self.run.id, "name": spec.get("name", ""), "corpus": corpus.name}
        self.card |= {"corpus_sha256": corpus.sha256}
        self.log.note("continued" if state else "started", step=self.step)
        self.events: Generator[Any, Any, None] = gpt.train(
            self.model, corpus, self.tokenizer, train, device=spec["device"], resume=state
        )
        self.next_save = time.monotonic() + self.save_every

    # What the training says ---------------------------------------------------------------------

    def _take(self, event: Any) -> None:
        """Write one event down, and the files that belong to it."""
        self.step = event.step
        self.news["step"] = event.step
        self.news["evaluating"] = None
        if isinstance(event, gpt.Evaluating):
            self.news["evaluating"] = [event.done, event.total]
            self.log.tick()
        elif isinstance(event, gpt.StepStats):
            self.news["loss"] = event.loss
            self.log.add(as_line("step", event))
        elif isinstance(event, gpt.Snapshot):
            self._save(event, scheduled=True)
        else:
            self._take_result(event)
        if time.monotonic() >= self.next_status:
            self._status()

    def _take_result(self, event: Any) -> None:
        line = as_line(type(event).__name__.lower(), event)
        if isinstance(event, gpt.Evaluation | gpt.Finished):
            self.news |= {key: line[key] for key in ("train_loss", "val_loss") if key in line}
        if isinstance(event, gpt.Finished):
            self.news |= {key: line[key] for key in ("best_step", "best_val_loss")}
            self.news["outcome"] = event.reason
            if self.saved_step != event.step and not self.preset.train.keep_best:
                self._save_checkpoint(event.step, event.val_loss)
        self.log.add(line, urgent=True)

    # What others ask ----------------------------------------------------------------------------

    def _wish(self, event: Any) -> str | None:
        """The state in which somebody wants this run to be left now; None to go on."""
        if self.signals.threads is not None:
            _set_threads(self.signals.threads)
            self.signals.threads = None
        if self.stepping and isinstance(event, gpt.StepStats):
            return store.PAUSED
        if self.control.has_news():
            self.stepping = self.control.command == "step"
            self._status()
        if self.signals.leaving:
            return store.SUSPENDED
        return {"pause": store.PAUSED, "stop": store.STOPPED}.get(self.control.command)

    def _leave(self, state: str) -> tuple[str, str]:
        """Save everything and end in `state`; in "finished" if the training just got there."""
        event = self.events.send("snapshot")
        while not isinstance(event, gpt.Snapshot):
            self._take(event)
            if isinstance(event, gpt.Finished):
                return store.FINISHED, event.message
            event = next(self.events)
        self._save(event, scheduled=False)
        self.events.close()
        return state, ""

    # What is kept -------------------------------------------------------------------------------

    def _save(self, snapshot: Any, scheduled: bool) -> None:
        """Save what the next reader and the next worker need.

        `scheduled` snapshots also give a point for the step slider and a line in the events.
        """
        best_only = self.preset.train.keep_best and self.run.checkpoint_path is not None
        if snapshot.best or not best_only:
            self._save_checkpoint(snapshot.step, snapshot.val_loss)
        if scheduled:
            name = f"snapshots/{snapshot.step:06d}.safetensors"
            write_weights(self.run.folder / name, snapshot.weights())
        self._save_state(snapshot)
        if scheduled:
            line = {"kind": "snapshot", "step": snapshot.step, "best": snapshot.best}
            self.log.add(line | {"val_loss": snapshot.val_loss, "path": name}, urgent=True)

    def _save_checkpoint(self, step: int, val_loss: float | None) -> None:
        card = self.card | {"step": step, "val_loss": val_loss}
        gpt.save_checkpoint(
            self.run.folder / "checkpoint", self.model, self.tokenizer, self.preset, card
        )
        self.saved_step = step

    def _save_state(self, snapshot: Any) -> None:
        started = time.monotonic()
        self.log.flush()  # the events up to the saved step must never be fewer than it says
        self.run.resume_path.parent.mkdir(exist_ok=True)
        gpt.save_state(self.run.resume_path, snapshot.state())
        ended = time.monotonic()
        self.next_save = ended + max(self.save_every, SAVE_SHARE * (ended - started))

    def _save_by_time(self) -> None:
        if time.monotonic() < self.next_save:
            return
        event = self.events.send("snapshot")
        if isinstance(event, gpt.Snapshot):
            self._save_state(event)
        else:
            self._take(event)

    def _status(self, **changes: Any) -> None:
        self.run.set_status(serial=self.control.serial, **self.news, **changes)
        self.next_status = time.monotonic() + STATUS_EVERY

    def _keep(self, details: str) -> None:
        """Put a traceback where an engineer finds it."""
        print(details, file=sys.stderr, flush=True)
        try:
            with open(self.run.folder / "worker.log", "a", encoding="utf-8") as file:
                file.write(f"{store.now()}\n{details}\n")
        except OSError:
            pass  # a full disk must not hide the first error


class _Control:
    """The last command for a run, looked up at every event at the price of one `stat`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.path = run.folder / "control.json"
        self.command, self.serial = "run", 0
        self._seen: tuple[int, int] | None = None

    def has_news(self) -> bool:
        """Look whether another command came; it is then in `command` and `serial`."""
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
        return True


def load_corpus(run: Run, spec: dict[str, Any]) -> Any:
    """The text of a run; raises RunError when it is not the text that the run began with."""
    about = spec["corpus"]
    text = run.text()
    name = about.get("name", "pasted")
    corpus = gpt.load_corpus(name) if text is None else gpt.corpus_from_text(text, name)
    if about.get("sha256") not in (None, corpus.sha256):
        raise RunError(
            f"The text {name!r} is not the one this run was made for (its SHA-256 differs):"
            " make a new run."
        )
    return corpus


def write_weights(path: Path, weights: dict[str, Any]) -> None:
    """Write weights as safetensors, whole or not at all."""
    from safetensors.torch import save_file

    path.parent.mkdir(exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}
    with files.replacing(path) as partial:
        save_file(plain, partial)


def explain(error: Exception) -> tuple[str, str]:
    """The state and the sentence for a person that an error leaves a run with."""
    text = f"{type(error).__name__}: {error}"
    if getattr(error, "errno", None) in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        return store.INTERRUPTED, FULL
    if "os error 28" in text or "No space left" in text:  # as safetensors says it
        return store.INTERRUPTED, FULL
    lower = text.lower()
    if isinstance(error, MemoryError) or "out of memory" in lower or "allocate memory" in lower:
        return store.FAILED, MEMORY
    if isinstance(error, gpt.GPTError):
        return store.FAILED, str(error)
    return store.FAILED, f"The training failed ({text[:300]}). Details are in worker.log."


def _recipe(spec: dict[str, Any]) -> dict[str, Any]:
    return {"model": spec["model"], "train": spec["train"]}


def _set_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _pid() -> int:
    import os

    return os.getpid()
