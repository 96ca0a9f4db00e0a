"""How fast `gpt/` is beside the tutorial's form, nanoGPT's and Hugging Face's GPT-2, in one run.

    python tests/benchmarks/bench_peers.py [--steps 40] [--tokens 256 1000] [--threads N]
                                           [--clock wall|cpu]
                                           [--only training|rungs|sampling|tokenizer]

What is compared takes turns and medians are divided, so that the ratios hold on a disturbed machine
too; the sides of the training comparison are processes of their own, so that none runs with what
another has set. Progress goes to stderr, the last line of stdout is one JSON object.

Training is `gpt_mini`'s size (batch 12, context 64): ours is `gpt.train`, events included, in its
own choice of precision and in float32; the tutorial's and nanoGPT's forms are restated in
tests/peers/, with batches of their own; GPT-2 is transformers'
GPT2LMHeadModel of that size, ReLU, no dropout, SDPA, AdamW, gradients clipped as the preset does,
with the tutorial's batches. Sampling is `gpt_tutorial`'s size with untrained weights: ours cached
and the tutorial's `generate`; within the context also ours without the cache, and eight texts
written together; then the filters alone, for a small and a large vocabulary. The
tokenizer learns 1,024 byte pairs of a megabyte and encodes it, on one core, beside Hugging Face's
`tokenizers`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "peers")]

import nanogpt_form as nanogpt  # noqa: E402
import tutorial_form as tutorial  # noqa: E402

import gpt  # noqa: E402
from gpt.bench import interleaved, training_steps  # noqa: E402

Clock = Callable[[], float]
TARGETS = {
    "over_tutorial": 3.3,
    "over_nanogpt": 1.5,
    "cached_over_tutorial_at_256": 6.0,
    "cached_over_tutorial_at_1000": 6.0,
    "encode_cold_megabytes_per_second": 2.0,
}
MOST = {"train_seconds": 5.0}


def huggingface_step(rung: tutorial.Rung, train_ids: torch.Tensor, vocab_size: int) -> Any:
    """One training step of transformers' GPT-2 at the size of `rung`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=rung.block_size,
        n_embd=rung.n_embd,
        n_layer=rung.n_layer,
        n_head=rung.n_head,
        activation_function="relu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
        use_cache=False,
        attn_implementation="sdpa",
    )
    model = GPT2LMHeadModel(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rung.learning_rate)

    def step() -> None:
        x, y = tutorial.get_batch(train_ids, rung)
        logits = model(input_ids=x).logits  # (B, T, V)
        loss = F.cross_entropy(logits.view(-1, vocab_size), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # as the preset has it
        optimizer.step()
        loss.item()

    return step


def tutorial_step(rung: tutorial.Rung, train_ids: torch.Tensor, vocab_size: int) -> Any:
    model = tutorial.TutorialModel(rung, vocab_size)
    optimizer = tutorial.make_optimizer(model)
    return lambda: tutorial.training_step(model, optimizer, train_ids).item()


OURS: dict[str, dict[str, Any]] = {
    "ours": {"activation": "relu"},  # as the tutorial and Hugging Face's side have it
    "ours_float32": {"activation": "relu", "precision": "float32"},
    "ours_gelu": {},  # as nanoGPT's form has it
    "ours_gelu_float32": {"precision": "float32"},
}


def our_step(preset: str, settings: dict[str, Any]) -> Any:
    corpus = gpt.load_corpus("python_docs")
    same = gpt.PRESETS[preset].with_settings(settings)
    steps = training_steps(same, corpus, gpt.CharTokenizer.train(corpus.text))
    return lambda: next(steps)


TEXTS = 8  # that are written together
TURN = 10  # steps that a side makes before the next has its turn
_step: Callable[[], object]  # of the side that this process is
_clock: Clock


def become(side: str, preset: str, threads: int, clock: Clock) -> None:
    """Make this process one side of the comparison, as it comes: settings of its own only."""
    global _step, _clock
    torch.set_num_threads(threads)
    _clock = clock
    if side in OURS:
        _step = our_step(preset, OURS[side])
    else:
        train_ids, _, vocab_size = tutorial.encode(gpt.load_corpus("python_docs").text)
        if side == "nanogpt":
            _step = nanogpt.training_step(train_ids.numpy().astype("uint16"), vocab_size)
        else:
            make = {"tutorial": tutorial_step, "hugging_face": huggingface_step}[side]
            _step = make(tutorial.RUNGS[preset], train_ids, vocab_size)
    for _ in range(5):
        _step()


def turn() -> list[float]:
    """Seconds of each step of one turn; the first, on a cold processor cache, does not count."""
    seconds = []
    for _ in range(TURN + 1):
        start = _clock()
        _step()
        seconds.append(_clock() - start)
    return seconds[1:]


def compare_training(preset: str, steps: int, clock: Clock) -> dict[str, Any]:
    """Steps per second at `preset`'s size, and how many times each peer's ours is."""
    sides = ["ours", "tutorial"]
    if preset == "gpt_mini":
        sides += ["ours_float32", "ours_gelu", "ours_gelu_float32", "nanogpt"]
        sides += ["hugging_face"] if importlib.util.find_spec("transformers") else []
    threads = torch.get_num_threads()
    with contextlib.ExitStack() as stack:
        processes = {
            side: stack.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), become, (side, preset, threads, clock))
            )
            for side in sides
        }
        for process in processes.values():  # one after the other: loading is work for all cores
            process.submit(turn).result()
        taken: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(math.ceil(steps / TURN)):
            for side, process in processes.items():
                taken[side] += process.submit(turn).result()
    seconds = {side: statistics.median(all_of_it) for side, all_of_it in taken.items()}
    report: dict[str, Any] = {f"{n}_steps_per_second": 1 / s for n, s in seconds.items()}
    report["threads"] = threads
    for suffix in ("", "_float32"):
        for peer in ("tutorial", "hugging_face", "nanogpt"):
            ours = ("ours_gelu" if peer == "nanogpt" else "ours") + suffix
            if {peer, ours} <= seconds.keys():
                report[f"over_{peer}{suffix}"] = seconds[peer] / seconds[ours]
    return report


def compare_sampling(tokens: int, rounds: int, clock: Clock) -> dict[str, Any]:
    """Tokens per second over texts of `tokens` tokens at `gpt_tutorial`'s size."""
    tokenizer = gpt.CharTokenizer.train(gpt.load_corpus("python_docs").text)
    model = gpt.build_model(gpt.PRESETS["gpt_tutorial"].model, tokenizer.vocab_size).eval()
    peer = tutorial.TutorialModel(tutorial.RUNGS["gpt_tutorial"], tokenizer.vocab_size).eval()
    first = torch.zeros((1, 1), dtype=torch.long)

    def ours(count: int, use_cache: bool) -> None:
        gpt.generate(model, tokenizer, "\n", count, seed=1, use_cache=use_cache)

    def theirs(count: int) -> None:
        with torch.no_grad():
            peer.generate(first, count)

    count = tokens - 1  # the prompt is the first of them
    ways: dict[str, Callable[[int], object]] = {
        "cached": lambda n: ours(n, True),
        "tutorial": theirs,
    }
    if tokens <= model.config.block_size:  # longer texts take minutes and say the same
        ways["uncached"] = lambda n: ours(n, False)
        ways["together"] = lambda n: gpt.generate_batch(model, tokenizer, ["\n"] * TEXTS, n, seed=1)
    for way in ways.values():
        way(8)
    parts = {name: partial(way, count) for name, way in ways.items()}
    seconds = interleaved(parts, rounds, warm_up=0, clock=clock)
    report = {f"{name}_tokens_per_second": count / s for name, s in seconds.items()}
    report["cached_over_tutorial"] = seconds["tutorial"] / seconds["cached"]
    if "uncached" in seconds:
        report["cached_over_uncached"] = seconds["uncached"] / seconds["cached"]
        report["together_tokens_per_second"] *= TEXTS
        report["together_over_cached"] = TEXTS * seconds["cached"] / seconds["together"]
    return {f"{name}_at_{tokens}": value for name, value in report.items()}


def filter_speeds(rounds: int, clock: Clock) -> dict[str, float]:
    """Microseconds that the filters take for a token, beside sorting the whole vocabulary."""
    found = {}
    for V in (65, 50_257):
        logits = 4 * torch.randn(V, generator=torch.Generator().manual_seed(1))  # peaked
        parts: dict[str, Callable[[], object]] = {
            "temperature": partial(gpt.probabilities, logits, 0.8),
            "top_k": partial(gpt.probabilities, logits, 0.8, 40),
            "top_p": partial(gpt.probabilities, logits, 0.8, None, 0.9),
            "sort": partial(torch.sort, logits, descending=True, stable=True),
        }
        seconds = interleaved(parts, 100 * rounds, clock=clock)
        found |= {f"{name}_microseconds_at_V_{V}": 1e6 * s for name, s in seconds.items()}
    return found


def compare_tokenizers(rounds: int, clock: Clock) -> dict[str, float]:
    """Seconds to learn byte pairs of a megabyte, and megabytes encoded a second, on one core."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # theirs too
    from tokenizers import ByteLevelBPETokenizer

    text = gpt.load_corpus("tinyshakespeare").text[:1_000_000]
    size = len(text.encode()) / 1e6
    theirs = ByteLevelBPETokenizer()

    def train_theirs() -> None:
        theirs.train_from_iterator([text], vocab_size=1024, show_progress=False)

    ours = gpt.BPETokenizer.train(text)
    ways: dict[str, Callable[[], object]] = {
        "train": lambda: gpt.BPETokenizer.train(text),
        "their_train": train_theirs,
        # A new tokenizer remembers no word yet.
        "encode_cold": lambda: gpt.tokenizer_from_dict(ours.to_dict()).encode(text),
        "encode": lambda: ours.encode(text),
        "their_encode": lambda: theirs.encode(text),
    }
    seconds = interleaved(ways, rounds, warm_up=1, clock=clock)
    report = {f"{name}_seconds": seconds[name] for name in ("train", "their_train")}
    for name in ("encode_cold", "encode", "their_encode"):
        report[f"{name}_megabytes_per_second"] = size / seconds[name]
    report["train_over_hugging_face"] = seconds["their_train"] / seconds["train"]
    report["encode_cold_over_hugging_face"] = seconds["their_encode"] / seconds["encode_cold"]
    report["encode_over_hugging_face"] = seconds["their_encode"] / seconds["encode"]
    return report


def matmul_peak(clock: Clock, size: int = 1024) -> float:
    """GFLOP/s of a large float32 product here: what the arithmetic itself allows."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = interleaved({"matmul": lambda: a @ b}, rounds=10, clock=clock)["matmul"]
    return 2 * size**3 / seconds / 1e9


def floor_of_training(preset: str, vocab_size: int) -> float:
    """GFLOP of one step, multiplications only."""
    settings = gpt.PRESETS[preset]
    return gpt.flops_per_iteration(settings.model, vocab_size, settings.train.batch_size) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=40, help="rounds of training steps")
    parser.add_argument("--tokens", type=int, nargs="+", default=[256, 1000], help="of a text")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of sampling")
    parser.add_argument(
        "--threads", type=int, help="of PyTorch (default: its choice; 1 in sampling)"
    )
    parser.add_argument("--only", choices=("training", "rungs", "sampling", "tokenizer"))
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: one thread")
    options = parser.parse_args()
    clock = time.perf_counter
    if options.clock == "cpu":  # the processor's time of several threads would be added up
        options.threads, clock = 1, time.process_time
    if options.threads:
        torch.set_num_threads(options.threads)
    report: dict[str, Any] = {"torch": torch.__version__, "clock": options.clock}
    if options.only in (None, "training"):
        mini = compare_training("gpt_mini", options.steps, clock)
        peak = matmul_peak(clock)
        limit = peak / floor_of_training("gpt_mini", 65)
        report["gpt_mini"] = mini | {"matmul_gflops": peak, "steps_per_second_at_peak": limit}
    if options.only in (None, "rungs"):
        for name in ("bigram", "self_attention", "multi_head", "blocks"):
            report[name] = compare_training(name, 5 * options.steps, clock)
    if options.only in (None, "sampling"):
        # One thread unless told otherwise, as the app samples: reading the weights of one position
        # is all that a step does, and a second thread does not make memory faster.
        torch.set_num_threads(options.threads or 1)
        report["sampling"] = {"threads": torch.get_num_threads()}
        for tokens in options.tokens:
            report["sampling"] |= compare_sampling(tokens, options.rounds, clock)
        report["filters"] = filter_speeds(options.rounds, clock)
    if options.only in (None, "tokenizer"):
        report["tokenizer"] = compare_tokenizers(options.rounds, clock)
    parts = (report.get(part, {}) for part in ("gpt_mini", "sampling", "tokenizer"))
    measured = {name: value for part in parts for name, value in part.items()}
    report["reached"] = {n: measured[n] >= least for n, least in TARGETS.items() if n in measured}
    report["reached"] |= {n: measured[n] <= most for n, most in MOST.items() if n in measured}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
