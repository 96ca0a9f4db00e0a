"""The race: how much sooner does `gpt_modern` reach the loss of the laptop quick start?

    GPT_DATA=… python tests/benchmarks/bench_race.py [--seeds 5] [--threads 2]
    GPT_DATA=… python tests/benchmarks/bench_race.py --ablation [--seeds 3] [--steps 280]

Every run is a process of its own, timed from its start (Python and PyTorch are loaded, the text is
read and encoded) until the loss over the whole validation split is known. The race: `gpt_mini` with
its own recipe, nanoGPT's quick start, in float32 as that computes on a CPU, once before and once
after `gpt_modern` with each seed. The ablation: `gpt_modern` with one part taken out or put in, and
the same number of steps; loss (mean and standard deviation over the seeds) and milliseconds per
step (median). Progress goes to stderr, the last line of stdout is one JSON object.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

TARGET = 1.88  # nats per token; nanoGPT's quick start is listed with 1.88
QUICK_START = {"precision": "float32"}  # as it computes on a CPU
ABLATION: dict[str, dict[str, Any]] = {
    "gpt_modern": {},
    "learned positions": {"positions": "learned"},
    "no query-key norm": {"qk_norm": False},
    "AdamW (learning rate 5e-3)": {"optimizer": "adamw"},
    "AdamW (learning rate 2e-3)": {"optimizer": "adamw", "learning_rate": 2e-3},
    "squared ReLU": {"activation": "relu_squared"},
    "ReLU": {"activation": "relu"},
    "GELU": {"activation": "gelu"},
    "constant learning rate": {"schedule": "constant"},
    "RMSNorm": {"norm_kind": "rms"},
    "one head of keys and values": {"n_kv_head": 1},
    "tied weights": {"tie_weights": True},
    "the tutorial's parts": {
        "positions": "learned",
        "qk_norm": False,
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "activation": "relu",
        "schedule": "constant",
    },
}


def run(preset: str, changes: dict[str, Any], threads: int) -> dict[str, float]:
    """Train in a process of its own: its seconds, its loss, its milliseconds per step."""
    command = [sys.executable, __file__, "--child", preset, json.dumps(changes)]
    command += ["--threads", str(threads), "--since", str(time.time())]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout)
    print(preset, changes, result, file=sys.stderr, flush=True)
    return result


def child(preset: str, changes: dict[str, Any], threads: int, since: float) -> None:
    import torch

    import gpt
    from gpt.batches import encode_splits

    torch.set_num_threads(threads)
    settings = gpt.get_preset(preset).with_settings(changes)
    corpus = gpt.load_corpus("tinyshakespeare")
    tokenizer = gpt.CharTokenizer.train(corpus.text)
    model = gpt.build_model(settings.model, tokenizer.vocab_size, settings.train.seed)
    steps = [
        event
        for event in gpt.train(model, corpus, tokenizer, settings.train, "cpu")
        if isinstance(event, gpt.StepStats)
    ]
    splits = encode_splits(tokenizer, corpus.text, settings.model.block_size, torch.device("cpu"))
    loss = gpt.whole_loss(model, splits["val"])
    result = {
        "seconds": time.time() - since,
        "loss": loss,
        "milliseconds_per_step": 1000 * steps[-1].seconds / len(steps),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    print(json.dumps(result))


def race(seeds: int, threads: int, always: dict[str, Any]) -> dict[str, Any]:
    before = run("gpt_mini", QUICK_START, threads)
    modern = [run("gpt_modern", always | {"seed": 1337 + i}, threads) for i in range(seeds)]
    after = run("gpt_mini", QUICK_START, threads)
    quick_start = statistics.mean([before["seconds"], after["seconds"]])
    seconds = statistics.median(r["seconds"] for r in modern)
    losses = [r["loss"] for r in modern]
    return {
        "quick_start_seconds": quick_start,
        "quick_start_loss": before["loss"],
        "modern_seconds": [r["seconds"] for r in modern],
        "modern_losses": losses,
        "modern_parameters": modern[0]["parameters"],
        "times_sooner": quick_start / seconds,
        "reached": statistics.median(losses) <= TARGET and seconds <= quick_start / 6,
    }


def ablation(seeds: int, threads: int, always: dict[str, Any]) -> dict[str, Any]:
    table = {}
    for name, changes in ABLATION.items():
        settings = [always | changes | {"seed": 1337 + i} for i in range(seeds)]
        runs = [run("gpt_modern", each, threads) for each in settings]
        losses = [r["loss"] for r in runs]
        table[name] = {
            "loss": statistics.mean(losses),
            "spread": statistics.stdev(losses),
            "milliseconds_per_step": statistics.median(r["milliseconds_per_step"] for r in runs),
            "parameters": runs[0]["parameters"],
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=0, help="runs each (default: 5, ablation: 3)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--steps", type=int, help="of gpt_modern, instead of its own")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--since", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        preset, changes = options.child
        return child(preset, json.loads(changes), options.threads, options.since)
    seeds = options.seeds or (3 if options.ablation else 5)
    always = {"max_steps": options.steps} if options.steps else {}
    measure = ablation if options.ablation else race
    print(json.dumps(measure(seeds, options.threads, always)))


if __name__ == "__main__":
    main()
