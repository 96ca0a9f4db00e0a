"""The command line: train, sample, evaluate, measure, list.

Progress goes to stderr; the last line of stdout of `train`, `eval` and `bench` is one JSON object.
Exit status 0, or 2 with one sentence for a person's mistake, or 130 after Ctrl-C (the checkpoint
stands). The training is `gpt.train`, the same loop that the pages use. Of several processes that
torchrun starts, the first shows and records the training, and says what is wrong.
"""

import argparse
import json
import math
import os
import signal
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gpt
from gpt.errors import CheckpointError, ConfigError, GPTError, nearest

PRETRAINED = Path("checkpoints/pretrained")
RUNS = Path("checkpoints/runs")
HUGGINGFACE = Path("checkpoints/huggingface")
SCORES = 2**26  # numbers in the scores of one batch, 256 MB
LAST_WORDS = 5.0  # seconds that one of several processes leaves to another to say what is wrong


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except GPTError as error:
        return _refuse(str(error))
    except BrokenPipeError:  # whoever read the output has left, as `head` does
        return 0
    except OSError as error:
        return _refuse(f"{error.strerror or error}: {error.filename or 'no file'}.")
    except RuntimeError:  # perhaps only because another process is gone, which says why
        _wait_for_turn(2)
        raise
    return 0


def _refuse(sentence: str) -> int:
    """Say a mistake and return the exit status."""
    _wait_for_turn(min(1, int(os.environ.get("RANK", 0))))
    print(sentence, file=sys.stderr)
    return 2


def _wait_for_turn(turn: int) -> None:
    """Among torchrun's processes, wait: it ends all when one has said what is wrong and ended."""
    if "RANK" in os.environ:
        time.sleep(turn * LAST_WORDS)


class _Parser(argparse.ArgumentParser):
    """An argument parser that says a mistake in one line and knows the nearest right name."""

    def error(self, message: str) -> Any:
        raise SystemExit(_refuse(f"{message} (see {self.prog} --help)"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m gpt", description="Build, train and sample a GPT.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    train = commands.add_parser("train", help="train a preset")
    train.add_argument("preset", metavar="PRESET", help="see `list`")
    train.add_argument("--corpus", default="tinyshakespeare", help="a name or a UTF-8 text file")
    train.add_argument("--steps", type=int, help="optimizer updates (default: the preset's)")
    train.add_argument("--minutes", type=float, help="what fits into so many minutes here, instead")
    train.add_argument("--seed", type=int, default=1337)
    train.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    train.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="settings")
    train.add_argument("--out", type=Path, help="where the run goes (default: checkpoints/runs/…)")
    train.add_argument("--resume", type=Path, metavar="DIR", help="continue a run of this command")
    train.set_defaults(run=_train)

    sample = commands.add_parser("sample", help="write text with a checkpoint")
    sample.add_argument("checkpoint", metavar="CHECKPOINT", help="a folder, or a name from `list`")
    sample.add_argument("--prompt", default="\n")
    sample.add_argument("--tokens", type=int, default=500)
    sample.add_argument("--temperature", type=float, default=1.0, help="0 is greedy")
    sample.add_argument("--top-k", type=int)
    sample.add_argument("--top-p", type=float)
    sample.add_argument("--seed", type=int)
    sample.add_argument("--device", default="cpu")
    sample.set_defaults(run=_sample)

    evaluate = commands.add_parser("eval", help="measure a checkpoint on a whole text")
    evaluate.add_argument("checkpoint", metavar="CHECKPOINT")
    evaluate.add_argument("--corpus", default="tinyshakespeare")
    evaluate.add_argument("--device", default="cpu")
    evaluate.set_defaults(run=_evaluate)

    bench = commands.add_parser("bench", help="measure this machine")
    bench.add_argument("--quick", action="store_true", help="about half a minute")
    bench.set_defaults(run=_bench)

    commands.add_parser("list", help="presets, texts, checkpoints, devices").set_defaults(run=_list)
    return parser


# --- train -----------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> None:
    folder, preset, corpus, state = _open_run(options)
    from gpt.bench import use_threads  # loads torch: after most mistakes are told

    with gpt.process_group(options.device) as group:
        tokenizer = gpt.CharTokenizer.train(corpus.text)
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
                _describe(folder, preset, corpus, options)
            card = {"corpus": corpus.name, "corpus_sha256": corpus.sha256}
            recorder = gpt.Recorder(folder, model, tokenizer, preset, card)
            summary = Summary(preset.train.max_steps)
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
    try:
        while not isinstance(event, gpt.Finished) and not group.stopping:
            event = events.send(request)
            recorder.take(event)
            summary.take(event)
            request = recorder.request()
        if not isinstance(event, gpt.Finished):
            recorder.take(events.send("snapshot"))
    finally:
        recorder.close()
        summary.close()
    ended = event if isinstance(event, gpt.Finished) else None
    status = {"state": "finished" if ended else "stopped", "step": summary.step}
    status_path = recorder.folder / "status.json"
    gpt.write_json(status_path, status | {"val_loss": ended and ended.val_loss})
    group.wait()
    return ended


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


def _open_run(options: argparse.Namespace) -> tuple[Path, Any, Any, Any]:
    """Return the folder, the preset, the corpus, and the state to resume from, if any."""
    changes = dict(_assignment(text) for text in options.settings)
    if options.steps is not None:
        changes["max_steps"] = options.steps
    if options.resume is not None:
        folder, preset, corpus, state = _reopen_run(options.resume)
        preset = preset.with_settings(changes)
        if "batch_size" in changes:
            preset = _for_all(preset)
        return folder, preset, corpus, state
    preset = gpt.get_preset(options.preset).with_settings({"seed": options.seed} | changes)
    preset = _for_all(preset)
    corpus = gpt.load_corpus(options.corpus)
    folder = options.out or RUNS / gpt.new_run_id()
    if (folder / "run.json").exists():
        raise ConfigError(f"{folder} holds a run already: choose another --out, or --resume it.")
    return folder, preset, corpus, None


def _for_all(preset: Any) -> Any:
    """A person asks for the batch_size of each process; the run has, and keeps, that of all."""
    processes = int(os.environ.get("WORLD_SIZE", 1))  # that torchrun started
    return preset.with_settings({"batch_size": preset.train.batch_size * processes})


def _describe(folder: Path, preset: Any, corpus: Any, options: argparse.Namespace) -> None:
    about = gpt.describe_run(preset, corpus, options.device)
    about["corpus"]["source"] = options.corpus
    gpt.write_json(folder / "run.json", about | {"id": folder.name})


def _reopen_run(folder: Path) -> tuple[Path, Any, Any, Any]:
    try:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        preset = gpt.get_preset(about["preset"]).with_settings(about["model"] | about["train"])
    except (OSError, KeyError, TypeError, ValueError):
        raise ConfigError(f"{folder} is not a run: it has no readable run.json.") from None
    corpus = gpt.load_corpus(about["corpus"].get("source", about["corpus"]["name"]))
    if corpus.sha256 != about["corpus"]["sha256"]:
        raise ConfigError(f"The text {corpus.name} has changed since {folder} was started.")
    state = gpt.load_state(folder / "resume" / "state.safetensors")
    return folder, preset, corpus, state


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

    def __init__(self, max_steps: int) -> None:
        from tqdm import tqdm

        self.bar = tqdm(total=max_steps, unit="step", file=sys.stderr, dynamic_ncols=True)
        self.step, self.started, self.speeds = 0, time.perf_counter(), []  # type: ignore[var-annotated]
        self.end: Any = None

    def take(self, event: Any) -> None:
        self.step = event.step
        self.bar.update(event.step - self.bar.n)
        if isinstance(event, gpt.StepStats):
            self.speeds.append(event.tokens_per_second)
            self.bar.set_postfix_str(f"loss {event.loss:.3f}", refresh=False)
        elif isinstance(event, gpt.Evaluation):
            losses = f"train {event.train_loss:.4f}  validation {event.val_loss:.4f}"
            self.bar.write(f"step {event.step:>6}  {losses}", file=sys.stderr)
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
        }


# --- the rest --------------------------------------------------------------------------------


def _sample(options: argparse.Namespace) -> None:
    model, tokenizer = _load(_find(options.checkpoint), options.device)
    filters = (options.temperature, options.top_k, options.top_p, options.seed)
    tokens = gpt.stream(model, tokenizer, options.prompt, options.tokens, *filters)
    print(options.prompt, end="", flush=True)
    for token in tokens:
        print(token.text, end="", flush=True)
    print()


def _evaluate(options: argparse.Namespace) -> None:
    folder = _find(options.checkpoint)
    model, tokenizer = _load(folder, options.device)
    corpus = gpt.load_corpus(options.corpus)
    device = next(model.parameters()).device
    splits = gpt.encode_splits(tokenizer, corpus.text, model.config.block_size, device)
    # So many windows at once that their scores stay small: of GPT-2, one.
    batch = max(1, min(64, SCORES // (model.config.block_size * tokenizer.vocab_size)))
    losses = {f"{name}_loss": gpt.whole_loss(model, ids, batch) for name, ids in splits.items()}
    val = splits["val"]
    tokens_per_character = len(val) / len(tokenizer.decode(val.tolist()))
    bits = {"bits_per_character": losses["val_loss"] / math.log(2) * tokens_per_character}
    print(json.dumps({"checkpoint": str(folder), "corpus": corpus.name} | losses | bits))


def _bench(options: argparse.Namespace) -> None:
    from gpt.bench import measure

    print(json.dumps(measure(quick=options.quick)))


def _list(options: argparse.Namespace) -> None:
    _print_table("Presets", {p.name: p.summary for p in gpt.PRESETS.values()})
    _print_table("Texts", gpt.CORPORA)
    _print_table("Checkpoints", {str(f): _title(f) for f in _checkpoints()})
    _print_table("Devices", gpt.available_devices())


def _print_table(title: str, rows: Mapping[str, str]) -> None:
    print(title)
    for name, text in rows.items():
        print(f"  {name:<18} {text}")


def _checkpoints() -> list[Path]:
    folders = [*PRETRAINED.glob("*/"), *HUGGINGFACE.glob("*/"), *RUNS.glob("*/checkpoint/")]
    return sorted(f for f in folders if (f / "config.json").exists())


def _title(folder: Path) -> str:
    if gpt.is_huggingface(folder):
        return "from a Hugging Face folder"
    try:
        config = gpt.read_config(folder)
        val_loss = config["card"].get("val_loss")
        loss = f", validation loss {val_loss:.3f}" if val_loss is not None else ""
        return config["card"].get("title", config["preset"]["title"]) + loss
    except GPTError as error:
        return str(error)


def _load(folder: Path, device: str) -> tuple[Any, Any]:
    """Model and tokenizer of a checkpoint, or of a Hugging Face folder."""
    load = gpt.load_huggingface if gpt.is_huggingface(folder) else gpt.load_checkpoint
    return load(folder, device)[:2]


def _find(name: str) -> Path:
    """The folder of a checkpoint, given as a folder, as a run, or by the name of a shipped one."""
    for folder in (Path(name), Path(name) / "checkpoint", PRETRAINED / name, HUGGINGFACE / name):
        if (folder / "config.json").exists():
            return folder
    known = [f.name for place in (PRETRAINED, HUGGINGFACE) for f in place.glob("*/")]
    raise CheckpointError(f"There is no checkpoint {name!r}.{nearest(name, known)}")
