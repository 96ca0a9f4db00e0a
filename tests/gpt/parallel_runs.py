"""Trainings that `test_parallel.py` has done by two processes, and by itself, to compare them.

    torchrun --nproc_per_node=2 -m tests.gpt.parallel_runs FOLDER ARGUMENTS…

First the command line's with ARGUMENTS, then the library's, in one start: importing torch takes
longer than all of them. Each process writes what it was told, FOLDER/RANK.json, and its weights,
FOLDER/RANK.NAME.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch.distributed as dist

import gpt
from gpt import cli
from tests.gpt.helpers import MODEL, TRAIN, V, losses_of, start, told

DROPOUT = replace(MODEL, dropout=0.3)
MODERN = replace(
    MODEL, positions="rotary", qk_norm=True, n_kv_head=1, activation="swiglu", bias=False
)
RECIPE = {"schedule": "cosine", "warmup_steps": 2, "keep_best": True, "grad_clip": 0.5}
RUNS: dict[str, tuple[gpt.ModelConfig, dict[str, Any]]] = {
    "bigram": (replace(MODEL, architecture="bigram"), {}),
    # More windows than go through the model at once: an evaluation of three chunks.
    "tied": (replace(MODEL, tie_weights=True), RECIPE | {"eval_iters": 325}),
    "muon": (MODERN, {"optimizer": "muon", "schedule": "linear"}),
    "dropout": (DROPOUT, {"max_steps": 6}),
    "early stop": (MODEL, {"learning_rate": 1.0, "patience": 1, "max_steps": 60}),
    "diverged": (replace(MODEL, norm="none"), {"learning_rate": 10.0, "max_steps": 60}),
}


def run(name: str, group: gpt.Group | None = None) -> tuple[list[Any], Any]:
    """Train -> all that was told, as JSON would have it, and the model."""
    config, settings = RUNS[name]
    model = gpt.build_model(config, V, TRAIN.seed)
    events = [told(event) for event in start(model, group=group, **settings)]
    return json.loads(json.dumps(events)), model


def masks(group: gpt.Group) -> list[Any]:
    """Which of the first numbers each step of the run with dropout drops in this process."""
    model, found = gpt.build_model(DROPOUT, V), []
    layer = model.blocks[0].feed_forward.dropout
    layer.register_forward_hook(
        lambda m, _, out: found.append((out == 0).flatten()[:200].tolist()) if m.training else None
    )
    list(start(model, group=group, max_steps=3))
    return found


def resumed(group: gpt.Group, path: Path) -> list[Any]:
    """The losses of the run with dropout, left after three steps and continued by all."""
    config, settings = RUNS["dropout"]
    events = start(config, group=group, **settings)
    next(e for e in events if isinstance(e, gpt.StepStats) and e.step == 3)
    if group.rank == 0:
        gpt.save_state(path, events.send("snapshot").state())
    group.wait()
    return losses_of(start(config, gpt.load_state(path), group=group, **settings))


def main(folder: Path, arguments: list[str]) -> None:
    assert cli.main(arguments) == 0
    group = gpt.Group(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    # A new meeting place: the addresses that torchrun's still holds are no more.
    dist.init_process_group("gloo", f"file://{folder}/place", None, group.size, group.rank)
    result: dict[str, Any] = {"masks": masks(group)}
    result["resumed"] = resumed(group, folder / "state")
    for name in RUNS:
        result[name], model = run(name, group)
        gpt.save_weights(folder / f"{group.rank}.{name}", gpt.weights_of(model))
    (folder / f"{group.rank}.json").write_text(json.dumps(result))
    group.wait()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
