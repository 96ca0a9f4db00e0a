"""The command line: train, sample, evaluate, export, verify, measure, list.

Progress goes to stderr; the last line of stdout of `train`, `eval`, `verify`, `bench` is one JSON
object. Exit status 0, or 2 with one sentence for a person's mistake, or 1 from `verify` when a run
is not what its receipt says, or 130 after Ctrl-C (the checkpoint stands). Of several processes that
torchrun starts, the first says what is wrong. For `train` itself see `cli_train`, for `export` and
`verify` `cli_takehome`.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gpt
from gpt.cli_takehome import FORMATS, export_command, verify_command
from gpt.cli_train import RUNS, train_command
from gpt.devices import pick_device
from gpt.errors import CheckpointError, ConfigError, GPTError, nearest
from gpt.toys import TOYS

PRETRAINED = Path("checkpoints/pretrained")
HUGGINGFACE = Path("checkpoints/huggingface")
PROBLEMS, WRONG = 1000, 5  # of a toy task: asked, and shown of those answered wrongly
MOST_TOKENS = 1_000_000  # written at once, which takes minutes to hours
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
    """Say a mistake, on one line whatever it quotes, and return the exit status."""
    _wait_for_turn(min(1, int(os.environ.get("RANK", 0))))
    line = " ".join(sentence.split())
    print(line.encode(errors="backslashreplace").decode(), file=sys.stderr)
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
    train.add_argument("--tokenizer", choices=("character", "bpe"), help="default: character")
    train.add_argument("--vocab-size", type=int, help="of bpe (default: 1024)")
    train.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="settings")
    train.add_argument("--out", type=Path, help="where the run goes (default: checkpoints/runs/…)")
    train.add_argument("--resume", type=Path, metavar="DIR", help="continue a run of this command")
    train.set_defaults(run=train_command)

    sample = commands.add_parser("sample", help="write text with a checkpoint")
    sample.add_argument("checkpoint", metavar="CHECKPOINT", help="a folder, or a name from `list`")
    sample.add_argument("--prompt", default="", help="default: what a text begins with")
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

    export = commands.add_parser("export", help="take a run or a checkpoint home")
    export.add_argument("checkpoint", metavar="CHECKPOINT")
    export.add_argument("--format", choices=FORMATS, required=True)
    export.add_argument(
        "--out", type=Path, required=True, metavar="PATH", help="must not exist yet"
    )
    export.set_defaults(run=lambda options: export_command(options, _find(options.checkpoint)))

    verify = commands.add_parser("verify", help="make a run's first steps anew and compare")
    verify.add_argument("place", metavar="RUN", help="a run, a checkpoint's name, or a receipt")
    verify.add_argument("--corpus", help="its text, if it is not where it was")
    verify.set_defaults(run=lambda options: verify_command(options, _run_or_receipt(options.place)))

    bench = commands.add_parser("bench", help="measure this machine")
    bench.add_argument("--quick", action="store_true", help="about half a minute")
    bench.set_defaults(run=_bench)

    commands.add_parser("list", help="presets, texts, checkpoints, devices").set_defaults(run=_list)
    return parser


def _sample(options: argparse.Namespace) -> None:
    if not 0 <= options.tokens <= MOST_TOKENS:
        raise ConfigError(
            f"--tokens is a whole number from 0 to {MOST_TOKENS:,}, got {options.tokens}: for a"
            " longer text, give the end of this one as the next --prompt."
        )
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
    about = {"checkpoint": str(folder), "corpus": corpus.name}
    print(json.dumps(about | losses | bits | _exact_match(model, tokenizer, corpus)))


def _exact_match(model: Any, tokenizer: Any, corpus: Any) -> dict[str, Any]:
    """How a toy task's problems are answered, with some of the wrong answers; {} of other texts."""
    if corpus.name not in TOYS:
        return {}
    problems = gpt.held_out_problems(corpus.name, corpus.text, PROBLEMS)
    found = gpt.exact_match(model, tokenizer, corpus.name, problems)
    names = ("question", "right", "answered")
    return {
        "exact_match": found.share,
        "exact_match_error": found.error,
        "guessing": found.guessing,
        "problems": found.problems,
        "wrong": [dict(zip(names, wrong, strict=True)) for wrong in found.wrong[:WRONG]],
    }


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
    return load(folder, str(pick_device(device)))[:2]


def _run_or_receipt(name: str) -> Path:
    """The folder of a run or a shipped checkpoint, or the file of a receipt."""
    if Path(name).is_file():
        return Path(name)
    folder = _find(name)
    return folder.parent if (folder.parent / "run.json").exists() else folder


def _find(name: str) -> Path:
    """The folder of a checkpoint, given as a folder, as a run, or by the name of a shipped one."""
    for folder in (Path(name), Path(name) / "checkpoint", PRETRAINED / name, HUGGINGFACE / name):
        if (folder / "config.json").exists():
            return folder
    known = [f.name for place in (PRETRAINED, HUGGINGFACE) for f in place.glob("*/")]
    raise CheckpointError(f"There is no checkpoint {name!r}.{nearest(name, known)}")
