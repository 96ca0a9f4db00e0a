"""The command `train`: a run folder, a progress bar on stderr, one JSON object on stdout.

The training is `gpt.train`, the same loop that the pages use. Of several processes that torchrun
starts, the first shows and records it. Options are read in `cli`.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import gpt
from gpt.cli_owner import owned
from gpt.errors import ConfigError
from gpt.record import as_line

RUNS = Path("checkpoints/runs")
COMMAND_LINE = "command line"


def train_command(options: argparse.Namespace) -> None:
    """Train a preset, or go on with a run, and print one JSON object."""
    with contextlib.ExitStack() as lock:
        _train(options, lock)


def _train(options: argparse.Namespace, lock: contextlib.ExitStack) -> None:
    """`lock` lets go of the run's folder at the end."""
    folder, preset, corpus, about, state = _open_run(options, lock)
    from gpt.bench import use_threads  # loads torch: after most mistakes are told

    with gpt.process_group(options.device) as group:
        tokenizer = gpt.train_tokenizer(corpus.text, **about)
        if options.minutes is not None:
            preset = _fit(preset, tokenizer.vocab_size, options, group.size)
        share = preset.train.batch_size // group.size
        use_threads()(gpt.flops_per_iteration(preset.model, tokenizer.vocab_size, share))
        model = gpt.build_model(preset.model, tokenizer.vocab_size, preset.train.seed)
        events = gpt.train(model, corpus, tokenizer, preset.train, options.device, state, group)
        with Interrupt(group):
            if group.rank > 0:
                _follow(events, group)
                return
            if state is None:  # after all mistakes are told, so that --out is still free after one
                lock.enter_context(owned(folder))
                _describe(folder, preset, corpus, about, options)
            else:
                _describe_again(folder, preset)
            card = {"corpus": corpus.name, "corpus_sha256": corpus.sha256}
            recorder = gpt.Recorder(folder, model, tokenizer, preset, card)
            summary = Summary(preset.train.max_steps, state)
            ended = _record(events, recorder, summary, group)
    if ended is None:
        print(f"Stopped at step {summary.step}. To continue: --resume {folder}", file=sys.stderr)
        raise SystemExit(130)
    where = {"run": str(folder), "checkpoint": str(folder / "checkpoint"), "preset": preset.name}
    about = {"parameters": sum(p.numel() for p in model.parameters()), "processes": group.size}
    about["device"] = str(next(model.parameters()).device)
    print(json.dumps(where | summary.result() | about))


def _record(events: Any, recorder: Any, summary: "Summary", group: Any) -> Any:
    """Show a training and write it down -> its last event, or None when it was asked to stop."""
    event, request = None, None
    _tell_pages(recorder.folder, "training", summary)
    try:
        while not isinstance(event, gpt.Finished) and not group.stopping:
            event = events.send(request)
            recorder.take(event)
            summary.take(event)
            if isinstance(event, gpt.Evaluation):  # some seconds apart in a run worth a look
                _tell_pages(recorder.folder, "training", summary)
            request = recorder.request()
        if not isinstance(event, gpt.Finished):
            recorder.take(events.send("snapshot"))
    finally:
        recorder.close()
        summary.close()
    ended = event if isinstance(event, gpt.Finished) else None
    _tell_pages(recorder.folder, "finished" if ended else "stopped", summary)
    group.wait()
    return ended


def _tell_pages(folder: Path, state: str, summary: "Summary") -> None:
    """Keep status.json, which lists of runs show. "by" says who trains: pages cannot steer it."""
    path = folder / "status.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        known = {}
    by = COMMAND_LINE if state == "training" else None
    news = {"state": state, "reason": "", "step": summary.step, "by": by} | summary.losses
    gpt.write_json(path, (known if isinstance(known, dict) else {}) | news)


def _follow(events: Any, group: Any) -> None:
    """Take part in a training that the first process records."""
    for _ in events:
        if group.stopping:
            break
    group.wait()


def _fit(preset: Any, vocab_size: int, options: argparse.Namespace, processes: int) -> Any:
    """The recipe that takes `--minutes` on this machine; what had to change goes to stderr."""
    from gpt.bench import use_threads

    if not options.minutes > 0:
        raise ConfigError(f"--minutes must be above 0, got {options.minutes:g}.")
    if processes > 1:
        raise ConfigError("--minutes plans for one process: give --steps instead.")
    if options.resume or options.steps:
        raise ConfigError("--minutes chooses the steps of a new run: leave out --steps, --resume.")
    path = RUNS / "machine.json"
    probe = gpt.load_probe(path)
    if probe is None or probe.device != gpt.pick_device(options.device).type:
        probe = gpt.probe_machine(options.device, prepare=use_threads())
        gpt.save_probe(path, probe)
    plan = gpt.fit_to_time(preset, vocab_size, probe, 60 * options.minutes)
    changes = (f"{name} {old} → {new}" for name, (old, new) in plan.changed.items())
    print(f"About {plan.seconds:.0f} s: {', '.join(changes)}", file=sys.stderr)
    return plan.preset


def _open_run(
    options: argparse.Namespace, lock: contextlib.ExitStack
) -> tuple[Path, Any, Any, dict[str, Any], Any]:
    """Return folder, preset, corpus, tokenizer as in run.json, and the state to resume, if any."""
    changes = dict(_assignment(text) for text in options.settings)
    if options.steps is not None:
        changes["max_steps"] = options.steps
    if options.resume is not None:
        if (options.resume / "run.json").exists() and os.environ.get("RANK", "0") == "0":
            lock.enter_context(owned(options.resume))  # before its state is read
        folder, preset, corpus, about, state = _reopen_run(options.resume)
        asked = (options.tokenizer or about["kind"], options.vocab_size or about.get("vocab_size"))
        if asked != (about["kind"], about.get("vocab_size")):
            raise ConfigError("A run keeps its tokenizer: leave out --tokenizer and --vocab-size.")
        preset = preset.with_settings(changes)
        if "batch_size" in changes:
            preset = _for_all(preset)
        return folder, preset, corpus, about, state
    preset = gpt.get_preset(options.preset).with_settings({"seed": options.seed} | changes)
    preset = _for_all(preset)
    corpus = gpt.load_corpus(options.corpus)
    folder = options.out or RUNS / gpt.new_run_id()
    _check_free(folder)
    return folder, preset, corpus, _tokenizer(options), None


def _check_free(folder: Path) -> None:
    if (folder / "run.json").exists():
        raise ConfigError(f"{folder} holds a run already: choose another --out, or --resume it.")


def _tokenizer(options: argparse.Namespace) -> dict[str, Any]:
    """The tokenizer that was asked for, in the words of `train_tokenizer`."""
    from gpt.tokenizers.bpe import VOCAB_SIZE  # brings numpy

    about: dict[str, Any] = {"kind": options.tokenizer or "character"}
    if about["kind"] == "bpe" or options.vocab_size is not None:
        about["vocab_size"] = options.vocab_size or VOCAB_SIZE
    return about


def _for_all(preset: Any) -> Any:
    """A person asks for the batch_size of each process; the run has, and keeps, that of all."""
    processes = int(os.environ.get("WORLD_SIZE", 1))  # that torchrun started
    return preset.with_settings({"batch_size": preset.train.batch_size * processes})


def _describe(
    folder: Path, preset: Any, corpus: Any, tokenizer: dict[str, Any], options: argparse.Namespace
) -> None:
    _check_free(folder)  # another process may have been quicker
    about = gpt.describe_run(preset, corpus, options.device, tokenizer)
    about["corpus"]["source"] = options.corpus
    gpt.write_json(folder / "run.json", about | {"id": folder.name})


def _describe_again(folder: Path, preset: Any) -> None:
    """Say so where the run goes on with other settings, as more steps."""
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if about["train"] != preset.train.to_dict():
        gpt.write_json(folder / "run.json", about | {"train": preset.train.to_dict()})


def _reopen_run(folder: Path) -> tuple[Path, Any, Any, dict[str, Any], Any]:
    try:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        preset = gpt.get_preset(about["preset"]).with_settings(about["model"] | about["train"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        raise ConfigError(f"{folder} is not a run: it has no readable run.json.") from None
    corpus = gpt.load_corpus(about["corpus"].get("source", about["corpus"]["name"]))
    if corpus.sha256 != about["corpus"]["sha256"]:
        raise ConfigError(f"The text {corpus.name} has changed since {folder} was started.")
    state = gpt.load_state(folder / "resume" / "state.safetensors")
    return folder, preset, corpus, about.get("tokenizer", {"kind": "character"}), state


class Interrupt:
    """The first Ctrl-C asks to end after the present step; a second one ends at once.

    So does SIGTERM, with which systems end a program, and torchrun its processes.
    """

    def __init__(self, group: Any) -> None:
        self.group = group

    def __enter__(self) -> None:
        asks = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._ask) for number in asks}

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _ask(self, number: int, frame: Any) -> None:
        self.group.stop_asked = True
        signal.signal(number, signal.SIG_DFL)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set needs FIELD=VALUE, got {text!r}.")
    return name.strip(), value.strip()


class Summary:
    """Shows the progress of a training on stderr, and remembers what it came to."""

    def __init__(self, max_steps: int, state: Any = None) -> None:
        """state: what the training goes on from; None: it begins."""
        from tqdm import tqdm

        self.bar = tqdm(total=max_steps, unit="step", file=sys.stderr, dynamic_ncols=True)
        self.step, self.started, self.speeds = 0, time.perf_counter(), []  # type: ignore[var-annotated]
        self.end: Any = None
        self.losses: dict[str, Any] = {}  # of the last estimate, and of the best
        if state is not None:
            self.step = state.meta["step"]
            last, best = state.meta["last"] or {}, state.meta["best"] or {}
            self.losses = {name: last.get(name) for name in ("train_loss", "val_loss")}
            self.losses |= {f"best_{name}": best.get(name) for name in ("step", "val_loss")}
        self.exact_match: dict[str, Any] = {}  # of the last evaluation, where the text is a toy

    def take(self, event: Any) -> None:
        self.step = event.step
        self.bar.update(event.step - self.bar.n)
        if isinstance(event, gpt.StepStats):
            self.speeds.append(event.tokens_per_second)
            self.bar.set_postfix_str(f"loss {event.loss:.3f}", refresh=False)
        elif isinstance(event, gpt.Evaluation):
            losses = f"train {event.train_loss:.4f}  validation {event.val_loss:.4f}"
            if event.exact_match is not None:
                losses += f"  exact match {event.exact_match:.3f}"
                self.exact_match = {"exact_match": event.exact_match, "problems": event.problems}
            self.bar.write(f"step {event.step:>6}  {losses}", file=sys.stderr)
            known = as_line(event)  # None in place of what is no number
            self.losses |= {name: known[name] for name in ("train_loss", "val_loss")}
            best = self.losses.get("best_val_loss")
            if best is None or event.val_loss < best:
                self.losses |= {"best_step": event.step, "best_val_loss": event.val_loss}
        elif isinstance(event, gpt.Finished):
            self.end = event
            self.bar.write(event.message, file=sys.stderr)

    def close(self) -> None:
        self.bar.close()

    def result(self) -> dict[str, Any]:
        return {
            "steps": self.end.step,
            "reason": self.end.reason,
            "train_loss": self.end.train_loss,
            "val_loss": self.end.val_loss,
            "best_val_loss": self.end.best_val_loss,
            "tokens_per_second": statistics.median(self.speeds) if self.speeds else None,
            "seconds": time.perf_counter() - self.started,
        } | self.exact_match
