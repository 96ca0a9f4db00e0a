"""What this machine can do: training steps and sampled tokens per second, as one dictionary.

Training is timed on `gpt.train` itself, events included, with the presets' own settings; sampling
on a model of `gpt_tutorial`'s size, with and without the cache of keys and values. What is compared
takes turns (A B A B …), so that a machine that slows down slows all of them, and the median is
reported, which one disturbed step cannot move. The text is the embedded one: no network. Weights
are untrained, which costs the same time. Leaves out evaluations and samples while training.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from gpt.config import PRESETS, Preset
from gpt.devices import pick_device
from gpt.events import StepStats
from gpt.model import build_model
from gpt.sampling import generate
from gpt.text import Corpus, load_corpus
from gpt.tokenizers import CharTokenizer
from gpt.training import train

RUNGS = ("bigram", "self_attention", "multi_head", "blocks", "gpt_mini")
SAMPLED = "gpt_tutorial"  # the size at which the cache matters


def measure(quick: bool = False, device: str = "auto") -> dict[str, Any]:
    """Measure this machine; `quick` takes seconds, the whole a few minutes on two CPU cores.

    Progress goes to stderr. Raises ConfigError for a device that is not there.
    """
    start = time.perf_counter()
    place = pick_device(device)
    training = measure_training(RUNGS, rounds=10 if quick else 40, device=place.type)
    if not quick:
        training |= measure_training((SAMPLED,), rounds=3, device=place.type, warm_up=1)
    return {
        "device": torch.cuda.get_device_name() if place.type == "cuda" else place.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "training": training,
        "sampling": measure_sampling(96 if quick else 256, 1 if quick else 3, place.type),
        "seconds": time.perf_counter() - start,
    }


def measure_training(
    names: tuple[str, ...], rounds: int, device: str, warm_up: int = 3
) -> dict[str, dict[str, float]]:
    """Median speed of the presets `names` over `rounds` steps of each."""
    corpus = load_corpus("python_docs")
    tokenizer = CharTokenizer.train(corpus.text)
    steps = {name: training_steps(PRESETS[name], corpus, tokenizer, device) for name in names}
    parts = {name: lambda run=run: next(run) for name, run in steps.items()}
    seconds = interleaved(parts, rounds, warm_up)
    report = {}
    for name in names:
        preset = PRESETS[name]
        tokens = preset.train.batch_size * preset.model.block_size
        report[name] = {
            "milliseconds_per_step": 1000 * seconds[name],
            "steps_per_second": 1 / seconds[name],
            "tokens_per_second": tokens / seconds[name],
        }
    return report


def training_steps(
    preset: Preset, corpus: Corpus, tokenizer: CharTokenizer, device: str = "cpu"
) -> Iterator[StepStats]:
    """`gpt.train` with `preset`, one item per optimizer step, without end for this purpose."""
    never = 1_000_000
    # The smallest evaluation and no sample at the start; none of either comes after it.
    settings = replace(
        preset.train, max_steps=never, eval_interval=never, eval_iters=1, sample_tokens=0
    )
    model = build_model(preset.model, tokenizer.vocab_size, device=device)
    for event in train(model, corpus, tokenizer, settings, device):
        if isinstance(event, StepStats):
            yield event


def measure_sampling(tokens: int, rounds: int, device: str) -> dict[str, Any]:
    """Tokens per second for one text of `tokens` tokens, with the cache and without it."""
    tokenizer = CharTokenizer.train(load_corpus("python_docs").text)
    model = build_model(PRESETS[SAMPLED].model, tokenizer.vocab_size, device=device).eval()

    def write(count: int, use_cache: bool) -> None:
        generate(model, tokenizer, "\n", count, seed=1, use_cache=use_cache)

    write(8, True)
    write(8, False)
    # The prompt is one token, so tokens - 1 more fill the context without moving the window.
    parts = {
        "cached": lambda: write(tokens - 1, True),
        "uncached": lambda: write(tokens - 1, False),
    }
    seconds = interleaved(parts, rounds, warm_up=0)
    return {
        "model": SAMPLED,
        "tokens": tokens,
        "cached_tokens_per_second": (tokens - 1) / seconds["cached"],
        "uncached_tokens_per_second": (tokens - 1) / seconds["uncached"],
        "cache_speedup": seconds["uncached"] / seconds["cached"],
    }


def interleaved(
    parts: Mapping[str, Callable[[], object]],
    rounds: int,
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Run every part once a round, in turn; return the median seconds of each, warm-up left out.

    `clock=time.process_time` counts the processor's time instead of the wall's: on one thread it
    does not see what else the machine is doing.
    """
    from tqdm import tqdm

    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for turn in tqdm(range(warm_up + rounds), desc=", ".join(parts), file=sys.stderr, leave=False):
        for name, part in parts.items():
            start = clock()
            part()
            if turn >= warm_up:
                seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
