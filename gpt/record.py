"""Write a training down as it goes on: a run is a folder of plain files.

    run.json       what to train: preset, model, train, corpus, tokenizer, device; written once
    environment.json  where its first step was made: versions, device, threads; written once
    events.jsonl   one JSON object a line: {"kind": "step", "step": 1, "loss": 4.17, …}
    checkpoint/    the model (the best one with `keep_best`), for `load_checkpoint`
    snapshots/     000500.safetensors: the weights at that step, to look back at
    resume/        state.safetensors: everything to go on exactly

The command line and the pages' worker both record with this one class. Files are replaced in one
move, events are appended in whole lines: a crash loses at most what was not yet written.
"""

import dataclasses
import json
import math
import os
import platform
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from gpt.checkpoint import save_checkpoint, save_state, save_weights, write_atomically
from gpt.config import Preset
from gpt.costs import flops_per_iteration
from gpt.devices import dtype_of_products
from gpt.events import Evaluating, Event, Snapshot, StepStats
from gpt.model import LanguageModel
from gpt.text import Corpus

VERSION = 1
EAGER_LINES = 20  # the first lines go out at once, so that whoever watches sees life
PERIOD = 0.1  # seconds that later step lines may wait for each other
SAVE_EVERY = 10.0  # seconds of training that a killed process may lose
SAVE_SHARE = 30  # saving may take one part in so many of the time, whatever the model's size
SNAPSHOT_BYTES = 400_000_000  # a run keeps no more history than this


def now() -> str:
    """The time as ISO text in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_run_id() -> str:
    """A name for a run: sortable by time, and not to be guessed."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f-") + secrets.token_hex(10)


def describe_run(
    preset: Preset,
    corpus: Corpus,
    device: str = "auto",
    tokenizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The contents of run.json. tokenizer: what `train_tokenizer` is told, characters if None."""
    about = {"name": corpus.name, "sha256": corpus.sha256, "characters": len(corpus)}
    return {
        "version": VERSION,
        "name": preset.title,
        "created": now(),
        "preset": preset.name,
        "model": preset.model.to_dict(),
        "train": preset.train.to_dict(),
        "corpus": about,
        "tokenizer": dict(tokenizer or {"kind": "character"}),
        "device": device,
    }


def describe_environment(model: LanguageModel, preset: Preset) -> dict[str, Any]:
    """What besides settings and text decides the losses: versions, device and how it rounds."""
    device = next(model.parameters()).device
    train = preset.train
    flops = flops_per_iteration(preset.model, model.vocab_size, train.batch_size)
    rounded = dtype_of_products(train.precision, flops, device)
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device.type,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "products": str(rounded).removeprefix("torch."),
    }


class EventLog:
    """Append JSON lines to a file, in whole lines, without a write for each of many steps."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b", buffering=0)
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - 1))
        torn = self._file.read(1) not in (b"", b"\n")
        self._waiting = [""] if torn else []  # close off a line that a crash cut short
        self._eager = EAGER_LINES
        self._flushed = 0.0

    def add(self, line: dict[str, Any], urgent: bool = True) -> None:
        """Write `line` now, or within PERIOD if it is not urgent."""
        self._waiting.append(json.dumps(line, separators=(",", ":")))
        self._eager -= 1
        if urgent or self._eager >= 0 or time.monotonic() - self._flushed >= PERIOD:
            self.flush()

    def note(self, what: str, reason: str = "", **more: Any) -> None:
        """Write a line about the run itself: started, continued, paused, …"""
        self.add({"kind": "note", "note": what, "reason": reason, "at": now()} | more)

    def flush(self) -> None:
        """Hand all waiting lines to the system in one write."""
        self._flushed = time.monotonic()
        data = "".join(line + "\n" for line in self._waiting).encode()
        self._waiting.clear()
        while data:  # one write nearly always; more when the disk takes only a part
            data = data[self._file.write(data) :]

    def close(self) -> None:
        self.flush()
        self._file.close()


class Recorder:
    """Takes every event of one training and keeps what should outlive the process.

    request = None
    while ...:
        event = events.send(request)
        recorder.take(event)
        request = recorder.request()     # "snapshot" when it is time to save
    """

    def __init__(
        self,
        folder: Path,
        model: LanguageModel,
        tokenizer: Any,
        preset: Preset,
        card: dict[str, Any],
        save_every: float = SAVE_EVERY,
    ) -> None:
        self.folder = folder
        self.model, self.tokenizer, self.preset, self.card = model, tokenizer, preset, card
        self.save_every = save_every
        self.log = EventLog(folder / "events.jsonl")
        self.next_save = time.monotonic() + save_every

    def take(self, event: Event) -> None:
        """Write one event down, and the files that belong to it."""
        if isinstance(event, Snapshot):
            self._save(event)
        elif not isinstance(event, Evaluating):
            if isinstance(event, StepStats) and event.step == 1:
                about = describe_environment(self.model, self.preset)
                write_json(self.folder / "environment.json", about)
            self.log.add(as_line(event), urgent=not isinstance(event, StepStats))

    def request(self) -> str | None:
        """What to ask the training for next: a snapshot when enough time has passed."""
        return "snapshot" if time.monotonic() >= self.next_save else None

    def close(self) -> None:
        self.log.close()

    def _save(self, snapshot: Snapshot) -> None:
        """Keep a point of the history, or, at an evaluation or when asked, all that is needed."""
        if not snapshot.asked:
            path = f"snapshots/{snapshot.step:06d}.safetensors"
            self._make_room()
            save_weights(self.folder / path, snapshot.weights())
        if snapshot.asked or snapshot.val_loss is not None:
            self._save_checkpoint(snapshot)
            self._save_state(snapshot)
        if not snapshot.asked:
            self.log.add(as_line(snapshot) | {"path": path})

    def _save_checkpoint(self, snapshot: Snapshot) -> None:
        if snapshot.best or not (self.preset.train.keep_best and self._has_checkpoint()):
            card = self.card | {"step": snapshot.step, "val_loss": snapshot.val_loss}
            save_checkpoint(
                self.folder / "checkpoint", self.model, self.tokenizer, self.preset, card
            )

    def _has_checkpoint(self) -> bool:
        return (self.folder / "checkpoint" / "config.json").exists()

    def _save_state(self, snapshot: Snapshot) -> None:
        started = time.monotonic()
        self.log.flush()  # the events must never be behind the state that they led to
        save_state(self.folder / "resume" / "state.safetensors", snapshot.state())
        ended = time.monotonic()
        self.next_save = ended + max(self.save_every, SAVE_SHARE * (ended - started))

    def _make_room(self) -> None:
        """Thin the history out evenly, every second one, when it grows past its limit."""
        kept = sorted((self.folder / "snapshots").glob("*.safetensors"))
        if sum(path.stat().st_size for path in kept) > SNAPSHOT_BYTES:
            for path in kept[1:-1:2]:
                path.unlink(missing_ok=True)


def as_line(event: Event) -> dict[str, Any]:
    """An event as a JSON object; what JSON does not know (NaN, ∞) becomes null."""
    kind = "step" if isinstance(event, StepStats) else type(event).__name__.lower()
    line: dict[str, Any] = {"kind": kind}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        if not callable(value):
            line[field.name] = value
    return line


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON, whole or not at all."""
    write_atomically(path, json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n")
