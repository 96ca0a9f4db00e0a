"""Train the shipped models and pack them with their cards and training records.

    GPT_DATA=… python checkpoints/make_pretrained.py [NAME …] [--runs FOLDER]

Each model is trained by the command line itself, so its card can name the command. A run that
stands already in FOLDER is packed as it is. A shipped folder is a checkpoint (model.safetensors in
bfloat16, config.json with the card) and the record of its training: run.json, events.jsonl (all
evaluations and samples, some of the steps) and snapshots/ for looking back. The losses on the card
are measured on the weights as they are stored.
"""

import argparse
import json
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402

import gpt  # noqa: E402
from gpt.cli import main as command_line  # noqa: E402

PRETRAINED = ROOT / "checkpoints" / "pretrained"
STEP_LINES = 300  # that a shipped record keeps, evenly spread


@dataclass(frozen=True)
class Recipe:
    """One shipped model. `settings` are those that differ from the preset's own."""

    preset: str
    title: str
    settings: dict[str, Any] = field(default_factory=dict)
    corpus: str = "tinyshakespeare"
    snapshots: int = 12  # points of its history that are shipped


RECIPES = {
    "bigram": Recipe("bigram", "Bigram"),
    "self_attention": Recipe("self_attention", "One head of self-attention"),
    "multi_head": Recipe("multi_head", "Multi-head attention"),
    "blocks": Recipe("blocks", "Transformer blocks"),
    "gpt_mini": Recipe(
        "gpt_mini",
        "Laptop GPT, with ReLU and untied read-out",
        {"activation": "relu", "tie_weights": "false"},
        snapshots=4,
    ),
    "gpt_modern": Recipe(
        "gpt_modern",
        "Modern GPT, trained to its best",
        {"max_steps": 6000, "eval_interval": 500, "eval_iters": 20, "keep_best": "true"},
        snapshots=8,
    ),
    "copying": Recipe(
        "blocks",
        "Two layers of attention that learned to copy",
        {
            "n_layer": 2,
            "n_head": 2,
            "n_embd": 64,
            "block_size": 64,
            "feed_forward": "false",
            "bias": "false",
            "init": "gpt2",
            "optimizer": "muon",
            "schedule": "linear",
            "warmup_steps": 50,
            "learning_rate": 3e-3,
            "beta2": 0.99,
            "max_steps": 2500,
            "eval_interval": 100,
            "eval_iters": 10,
            "prompt": "qwertyuiopqwe",
            "sample_tokens": 60,
        },
        corpus="copying",
        snapshots=26,
    ),
    "gpt_large": Recipe(
        "gpt_tutorial",
        "Modern GPT of 10.7 million parameters",
        {
            "positions": "rotary",
            "qk_norm": "true",
            "activation": "swiglu",
            "bias": "false",
            "optimizer": "muon",
            "schedule": "linear",
            "warmup_steps": 50,
            "learning_rate": 3e-3,
            "weight_decay": 0.1,
            "beta2": 0.99,
            "batch_size": 32,
            "max_steps": 2200,
            "eval_interval": 110,
            "eval_iters": 20,
        },
        snapshots=1,
    ),
}


def command(recipe: Recipe) -> list[str]:
    """The arguments of `python -m gpt` that train the model."""
    settings = [f"--set={name}={value}" for name, value in recipe.settings.items()]
    return ["train", recipe.preset, "--corpus", recipe.corpus, "--seed", "1337", *settings]


def pack(run: Path, folder: Path, recipe: Recipe) -> None:
    """Copy what is worth shipping of a finished run."""
    model, tokenizer, run_card = gpt.load_checkpoint(run / "checkpoint")
    model = model.to(torch.bfloat16)
    preset = gpt.Preset.from_dict(run_card["preset"])
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    card = about(recipe, model, run_card, events)
    gpt.save_checkpoint(folder, model, tokenizer, preset, card)
    model, tokenizer, _ = gpt.load_checkpoint(folder)  # as whoever opens it will have it
    card |= measured(model, tokenizer, gpt.load_corpus(recipe.corpus))
    if recipe.corpus == "copying":
        card |= induction(model, tokenizer)
    gpt.write_json(folder / "config.json", gpt.read_config(folder) | {"card": card})
    (folder / "run.json").write_bytes((run / "run.json").read_bytes())
    kept = chosen_snapshots(run, folder, recipe.snapshots)
    lines = (json.dumps(e, separators=(",", ":")) for e in thinned(events, kept))
    (folder / "events.jsonl").write_text("".join(line + "\n" for line in lines))


def about(
    recipe: Recipe, model: Any, run_card: dict[str, Any], events: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the card says of where the model comes from."""
    finished = next(event for event in reversed(events) if event["kind"] == "finished")
    curve = [
        [e["step"], round(e["train_loss"], 4), round(e["val_loss"], 4)]
        for e in events
        if e["kind"] == "evaluation"
    ]
    return {
        "title": recipe.title,
        "corpus": recipe.corpus,
        "corpus_sha256": run_card["corpus_sha256"],
        "command": "python -m gpt " + shlex.join(command(recipe)),
        "seed": 1337,
        "step": run_card["step"],
        "steps": finished["step"],
        "loss_curve": curve,
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": "cpu, 2 shared cores of an Intel Xeon with AMX",
        "torch": torch.__version__,
        "minutes": round(seconds_until(run_card["step"], events) / 60, 2),
        "weights": "bfloat16",
        "licence": "MIT; the text is in the public domain",
    }


def seconds_until(step: int, events: list[dict[str, Any]]) -> float:
    """Training time until the weights of a step were made, without evaluations, by the record."""
    steps = [event for event in events if event["kind"] == "step"]
    times = [event["seconds"] for event in steps]
    return float(np.interp(step, [event["step"] for event in steps], times))


def measured(model: Any, tokenizer: Any, corpus: gpt.Corpus) -> dict[str, Any]:
    """Both losses of the stored weights, over the whole of each split."""
    device = torch.device("cpu")
    splits = gpt.encode_splits(tokenizer, corpus.text, model.config.block_size, device)
    losses = {f"{name}_loss": round(gpt.whole_loss(model, ids), 4) for name, ids in splits.items()}
    how = "both losses over every window of the split that does not overlap another"
    return losses | {"measured": f"{how} (python -m gpt eval)"}


def induction(model: Any, tokenizer: Any) -> dict[str, Any]:
    """The strongest induction head, what chance would give it, and what it is good for."""
    letters = [i for i, token in enumerate(tokenizer.tokens) if token != "\n"]
    found = gpt.induction_scores(model, tokens=letters)
    score = found.heads["induction"]
    layer, head = divmod(int(score.values.argmax()), score.values.shape[1])
    return {
        "induction_head": f"layer {layer}, head {head} (from 0)",
        "induction_score": round(score.values.max().item(), 3),
        "induction_score_of_even_attention": round(score.uniform, 3),
        "loss_first_half": round(found.first_loss, 3),
        "loss_repeated_half": round(found.repeated_loss, 3),
    }


def chosen_snapshots(run: Path, folder: Path, most: int) -> set[int]:
    """Ship some of the snapshots, in bfloat16: the steps that were kept."""
    for old in folder.glob("snapshots/*.safetensors"):
        old.unlink()
    paths = sorted((run / "snapshots").glob("*.safetensors"))
    # Early changes are the fastest, and the first snapshots are closer together: every n-th is
    # right. The middle one, where a single one is all that is worth its size.
    places = torch.linspace(0, len(paths) - 1, min(most, len(paths))).round().int().tolist()
    for place in places if most > 1 else [len(paths) // 2]:
        weights = {n: w.to(torch.bfloat16) for n, w in gpt.read_weights(paths[place]).items()}
        gpt.save_weights(folder / "snapshots" / paths[place].name, weights)
    return {int(path.stem) for path in folder.glob("snapshots/*.safetensors")}


def thinned(events: list[dict[str, Any]], snapshots: set[int]) -> list[dict[str, Any]]:
    """The record without most of its steps and without the snapshots that are not shipped."""
    steps = [event for event in events if event["kind"] == "step"]
    every = max(1, len(steps) // STEP_LINES)
    kept = {event["step"] for event in steps[::every]} | {steps[-1]["step"]}
    return [
        event
        for event in events
        if not (event["kind"] == "step" and event["step"] not in kept)
        and not (event["kind"] == "snapshot" and event["step"] not in snapshots)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--runs", type=Path, default=ROOT / "checkpoints" / "runs" / "pretrained")
    options = parser.parse_args()
    for name in options.names or RECIPES:
        recipe, run = RECIPES[name], options.runs / name
        if not (run / "run.json").exists():
            command_line([*command(recipe), "--out", str(run)])
        pack(run, PRETRAINED / name, recipe)


if __name__ == "__main__":
    main()
