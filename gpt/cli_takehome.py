"""The commands `export` and `verify`: take a run home, and see whether it is what it says.

`verify` ends with status 0 when the first steps came to the same losses, 1 when they did not, 2
when nothing could be compared. Options are read in `cli`.
"""

import argparse
import json
import sys
from pathlib import Path

import gpt
from gpt.errors import ConfigError

FORMATS = ("script", "notebook", "huggingface", "receipt")


def export_command(options: argparse.Namespace, folder: Path) -> None:
    """Write the run or checkpoint in `folder` to --out in the format that was asked for."""
    from gpt import takehome

    out: Path = options.out
    if out.exists():
        raise ConfigError(f"{out} exists already: choose another --out.")
    if options.format == "huggingface":
        model, tokenizer, card = gpt.load_checkpoint(folder)
        takehome.save_huggingface(out, model, tokenizer, card["preset"]["title"])
    else:
        if options.format == "receipt":
            text = takehome.to_json(takehome.receipt(folder))
        elif options.format == "notebook":
            text = takehome.notebook(takehome.read_recipe(folder))
        else:
            text = takehome.script(takehome.read_recipe(folder), out.name)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    print(f"{out} is written.", file=sys.stderr)


def verify_command(options: argparse.Namespace, place: Path) -> None:
    """Compare a run, or a receipt, with its first steps made anew; one JSON object on stdout."""
    from gpt import takehome
    from gpt.bench import use_threads

    found = takehome.read_receipt(place)
    corpus = takehome.corpus_of(found, place, options.corpus)
    use_threads()(takehome.flops_of(found))
    result = takehome.verify(found, corpus)
    print(json.dumps(result))
    if not result["matches"]:
        print(
            f"Not the same: losses differ by up to {result['difference']:.2g} nats,"
            f" {result['tolerance']:g} can be rounding.",
            file=sys.stderr,
        )
        raise SystemExit(1)
