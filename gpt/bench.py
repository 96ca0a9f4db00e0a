"""What this machine can do, as one dictionary: training, sampling, encoding, and how near the peak.

Training is timed on `gpt.train` itself, events included, with the presets' own settings; sampling
on a model of `gpt_tutorial`'s size, with and without the cache of keys and values. What is compared
takes turns (A B A B …), so that a machine that slows down slows all of them, and the median is
reported, which one disturbed step cannot move. The text is the embedded one: no network. Weights
are untrained, which costs the same time. Leaves out evaluations and samples while training. The
whole measurement also runs the comparisons of tests/benchmarks, where they stand beside this
package: the tutorial's own form, Hugging Face's GPT-2, and the race to a loss.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gpt.config import Preset
from gpt.costs import FLOPS_FOR_THREADS, available_cores, flops_per_iteration, useful_threads
from gpt.devices import multiplies_in_bfloat16, pick_device
from gpt.events import StepStats
from gpt.model import build_model
from gpt.presets import PRESETS
from gpt.sampling import generate
from gpt.text import Corpus, is_local, load_corpus
from gpt.timing import MachineProbe, probe_machine, work_of_step
from gpt.tokenizers import CharTokenizer
from gpt.training import train

RUNGS = ("bigram", "self_attention", "multi_head", "blocks", "gpt_mini", "gpt_modern")
SAMPLED = "gpt_tutorial"  # the size at which the cache matters


def trained_on() -> tuple[Corpus, CharTokenizer]:
    """What the models of this file read: a text that is always there, in characters."""
    corpus = load_corpus("python_docs")
    return corpus, CharTokenizer.train(corpus.text)


def measure(quick: bool = False, device: str = "auto") -> dict[str, Any]:
    """Measure this machine; `quick` takes seconds, the whole about ten minutes on two CPU cores.

    Progress goes to stderr. Raises ConfigError for a device that is not there.
    """
    start = time.perf_counter()
    vocab_size = trained_on()[1].vocab_size
    place, threads = pick_device(device), torch.get_num_threads()
    peak = measure_peak(place.type)
    training = measure_training(RUNGS, rounds=10 if quick else 40, device=place.type)
    if not quick:
        training |= measure_training([SAMPLED], rounds=3, device=place.type, warm_up=1)
    probe = probe_machine(device, prepare=use_threads())
    for name, figures in training.items():
        add_shares(figures, PRESETS[name], vocab_size, peak, probe)
    torch.set_num_threads(threads)
    report = {
        "device": torch.cuda.get_device_name() if place.type == "cuda" else place.type,
        "threads": threads,
        "torch": torch.__version__,
        "matmul_gflops": peak,
        "training": training,
        "sampling": measure_sampling(96 if quick else 256, 1 if quick else 3, place.type),
        "encoding_milliseconds_per_megabyte": measure_encoding(),
    }
    if not quick:
        report |= {"peers": compare("bench_peers.py"), "race": compare("bench_race.py")}
    return report | {"seconds": time.perf_counter() - start}


def measure_peak(device: str, size: int = 2048) -> dict[str, float]:
    """GFLOP/s of one large matrix product, in each precision that the hardware multiplies itself:
    nothing computes faster here. In bfloat16 without such hardware a single one takes a minute."""
    peak = {}
    has_bfloat16 = multiplies_in_bfloat16(torch.device(device))
    for dtype in [torch.float32, torch.bfloat16][: 1 + has_bfloat16]:
        a = torch.randn(size, size, device=device).to(dtype)

        def multiply(a: torch.Tensor = a) -> float:
            return (a @ a)[0, 0].item()  # waits for the device

        seconds = interleaved({f"matmul {dtype}": multiply}, rounds=9)[f"matmul {dtype}"]
        peak[str(dtype).removeprefix("torch.")] = 2 * size**3 / seconds / 1e9
    return peak


def add_shares(
    figures: dict[str, float],
    preset: Preset,
    vocab_size: int,
    peak: dict[str, float],
    probe: MachineProbe,
) -> None:
    """Beside a measured speed: the share of the peak, and what `timing` predicted."""
    work = work_of_step(preset, vocab_size, probe.device)
    precision = "bfloat16" if "bfloat16 flop" in work else "float32"
    flops = flops_of(preset, vocab_size)
    figures["share_of_peak"] = flops * figures["steps_per_second"] / peak[precision] / 1e9
    figures["predicted_over_measured"] = probe.seconds_for(work) * figures["steps_per_second"]


def measure_encoding() -> float:
    """Milliseconds that a megabyte of text takes to become ids."""
    text = (load_corpus("python_docs").text * 3)[:1_000_000]
    tokenizer = CharTokenizer.train(text)
    encode = {"encode": lambda: tokenizer.encode_array(text)}
    return 1000 * interleaved(encode, rounds=9)["encode"]


def compare(script: str) -> dict[str, Any] | None:
    """Run a comparison of tests/benchmarks; None where it, or the text that it needs, is not here.

    A process of its own, so that nothing set here is set there.
    """
    path = Path(__file__).parents[1] / "tests" / "benchmarks" / script
    if not path.exists() or not is_local("tinyshakespeare"):
        return None
    done = subprocess.run(
        [sys.executable, str(path)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def use_threads() -> Callable[[float], None]:
    """A function that sets the threads of this process to what steps of so many FLOPs can use.

    For a process that trains and does nothing else: the command line's, and this file's. PyTorch's
    own number does not know of a container's share of processor time.
    """
    available = min(torch.get_num_threads(), available_cores())
    return lambda flops: torch.set_num_threads(useful_threads(flops, available))


def measure_training(
    names: Sequence[str], rounds: int, device: str, warm_up: int = 3
) -> dict[str, dict[str, float]]:
    """Median speed of the presets `names` over `rounds` steps of each, with the threads it uses."""
    corpus, tokenizer = trained_on()
    flops = {name: flops_of(PRESETS[name], tokenizer.vocab_size) for name in names}
    use, report = use_threads(), {}
    parts: dict[bool, dict[str, Callable[[], object]]] = {False: {}, True: {}}
    for name in names:  # one group for each number of threads: changing it takes time
        steps = training_steps(PRESETS[name], corpus, tokenizer, device)
        parts[flops[name] >= FLOPS_FOR_THREADS][name] = partial(next, steps)
    for group in parts.values():
        if group:
            use(flops[next(iter(group))])
        for name, seconds in interleaved(group, rounds, warm_up).items():
            tokens = PRESETS[name].train.batch_size * PRESETS[name].model.block_size
            report[name] = {
                "milliseconds_per_step": 1000 * seconds,
                "steps_per_second": 1 / seconds,
                "tokens_per_second": tokens / seconds,
            }
    return report


def flops_of(preset: Preset, vocab_size: int) -> float:
    """FLOPs of one step."""
    return flops_per_iteration(preset.model, vocab_size, preset.train.batch_size)


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
    _, tokenizer = trained_on()
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
    turns = range(warm_up + rounds if parts else 0)
    for turn in tqdm(turns, desc=", ".join(parts), file=sys.stderr, leave=False):
        for name, part in parts.items():
            start = clock()
            part()
            if turn >= warm_up:
                seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
