"""A receipt: what a run was made of, and what its first steps came to; and whether that is so.

Small enough for a mail. `verify` trains the first steps anew, on the CPU, and compares losses.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gpt
from gpt.errors import CheckpointError, ConfigError, TextError
from gpt.takehome.recipe import read_json, read_recipe

VERSION = 1
SAME = 1e-5  # nats between two losses of the same versions, processor and rounding
OTHER = 1e-3  # of another torch, another kind of processor, or an unknown one
ROUGH = (
    3e-2  # where products were rounded to bfloat16 in one place and not in the other, or on a GPU
)
NEEDED = {"preset", "model", "train", "vocab_size", "corpus", "losses"}
DECIDING = ("torch", "device", "processor", "products")


def receipt(folder: str | Path) -> dict[str, Any]:
    """The receipt of the run in `folder`, as plain JSON; {"losses": []} before its first step."""
    recipe = read_recipe(Path(folder))
    return {
        "version": VERSION,
        "run": recipe.run,
        "preset": recipe.preset.name,
        "seed": recipe.preset.train.seed,
        "model": recipe.preset.model.to_dict(),
        "train": recipe.preset.train.to_dict(),
        "vocab_size": recipe.vocab_size,
        "tokenizer": recipe.tokenizer,
        "corpus": {key: recipe.corpus.get(key) for key in ("name", "sha256")},
        "environment": recipe.environment,
        "losses": list(recipe.losses),
    }


def read_receipt(path: str | Path) -> dict[str, Any]:
    """The receipt in a file, or that of a run's folder; raises CheckpointError if there is none."""
    path = Path(path)
    if path.is_dir():
        return receipt(path)
    values = read_json(path)
    if values is None or values.get("version") != VERSION or not values.keys() >= NEEDED:
        raise CheckpointError(f"{path} is neither a run nor a receipt of version {VERSION}.")
    return values


def verify(found: Mapping[str, Any], corpus: gpt.Corpus) -> dict[str, Any]:
    """Train the first steps of a receipt anew and compare -> {"matches": …, "difference": …, …}.

    Losses may differ by rounding: by SAME with the same versions and processor, by OTHER with
    another, by ROUGH where one of the two rounds to bfloat16 or is a GPU. Raises TextError for
    another text, ConfigError where there is nothing that could be compared.
    """
    if corpus.sha256 != found["corpus"]["sha256"]:
        raise TextError(
            f"{corpus.name} is not the text of this run (its SHA-256 begins with"
            f" {corpus.sha256[:8]}, not {str(found['corpus']['sha256'])[:8]}): give the run's own"
            " text as --corpus."
        )
    told, then = list(found["losses"]), found.get("environment") or {}
    model, train = found["model"], found["train"]
    if not told:
        raise ConfigError("This run has no losses yet: verify it after its first step.")
    if model["dropout"] and then.get("device", "cpu") != "cpu":
        raise ConfigError("A GPU's dropout draws other numbers than a CPU's: nothing to compare.")
    preset = gpt.Preset.from_dict({"name": found["preset"], "model": model, "train": train})
    tokenizer = gpt.train_tokenizer(corpus.text, **found.get("tokenizer", {}))
    losses, now = first_steps(preset, corpus, tokenizer, len(told))
    tolerance = tolerance_between(then, now)
    difference = max(abs(a - b) for a, b in zip(told, losses, strict=False))
    return {
        "run": found.get("run", ""),
        "matches": difference <= tolerance and len(losses) == len(told),  # else it diverged
        "steps": len(told),
        "difference": difference,
        "tolerance": tolerance,
        "losses": losses,
        "environment": now,
        "changed": [name for name in DECIDING if then.get(name) != now[name]],
    }


def flops_of(found: Mapping[str, Any]) -> float:
    """FLOPs of one step of a receipt's run."""
    model, train = gpt.ModelConfig.from_dict(found["model"]), found["train"]
    return gpt.flops_per_iteration(model, found["vocab_size"], train["batch_size"])


def first_steps(
    preset: gpt.Preset, corpus: gpt.Corpus, tokenizer: Any, steps: int
) -> tuple[list[float], dict[str, Any]]:
    """The losses of so many first steps on this CPU, and where that was."""
    model = gpt.build_model(preset.model, tokenizer.vocab_size, preset.train.seed)
    # An evaluation changes no weight, so the shortest will do; max_steps shapes the schedule.
    train = replace(preset.train, eval_iters=1, sample_tokens=0, patience=0, keep_best=False)
    losses: list[float] = []
    for event in gpt.train(model, corpus, tokenizer, train, "cpu"):
        if isinstance(event, gpt.StepStats):
            losses.append(event.loss)
        if len(losses) == steps:
            break
    return losses, gpt.describe_environment(model, preset)


def tolerance_between(then: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    """How far two losses may be apart that were computed here and there."""
    if then.get("device", "cpu") != "cpu":
        return ROUGH
    if then.get("products", "float32") != now["products"] or (
        now["products"] != "float32" and then.get("processor") != now["processor"]
    ):
        return ROUGH
    return SAME if all(then.get(name) == now[name] for name in DECIDING) else OTHER


def to_json(found: Mapping[str, Any]) -> str:
    """A receipt as readable text."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def corpus_of(found: Mapping[str, Any], place: Path, given: str | None = None) -> gpt.Corpus:
    """The text of the run or receipt at `place`: `given`, or pasted, or found as in the run."""
    about = found["corpus"]
    kept = place.parent / "texts" / f"{about['sha256']}.txt"
    if given is None and place.is_dir() and kept.is_file():
        return gpt.corpus_from_text(kept.read_bytes().decode("utf-8"), str(about["name"]))
    described = (read_json(place / "run.json") or {}).get("corpus") or {}
    return gpt.load_corpus(given or described.get("source") or about["name"])
