"""One shape of model in many sizes, each trained with the same arithmetic (isoFLOP).

Follows Hoffmann et al. 2022 (section 3.2): fix C, the FLOPs of one training; the larger the model,
the fewer tokens it then sees; its learning rate falls along with its own training. FLOPs are those
of `costs.py`, read-out and attention included. N counts all parameters, as Hoffmann does; Kaplan
et al. 2020 leave out the embeddings, see `inner_parameters`. Leaves out how losses are fitted.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gpt.config import ModelConfig, Preset
from gpt.costs import flops_per_iteration, parameters_by_component
from gpt.errors import ConfigError
from gpt.presets import PRESETS
from gpt.timing import MachineProbe, estimate_seconds

MODEL, TRAIN = PRESETS["gpt_mini"].model, PRESETS["gpt_mini"].train  # in other sizes
HEAD_SIZE = 8  # D of every size; widths are multiples of it
WIDTHS = range(16, 513, HEAD_SIZE)
ASPECT = 32  # n_embd / n_layer, the shape of the laptop GPT
FEWEST_STEPS = 50  # so that a whole number of steps is within 1 % of the FLOPs
MOST_STEPS = 1_000_000
# A parameter. Of characters the best size sees about 100 to 160 (measured on Tiny Shakespeare, 7e10
# to 6e11 FLOPs); it should lie well inside.
FEWEST_TOKENS, MOST_TOKENS = 2, 1000
WARMUP = 0.1  # share of the steps, at most as many as the laptop GPT takes
# At width 128; a choice, not tuned: twice the laptop GPT's, because these runs are shorter. Adam's
# best step shrinks with the width (Yang et al. 2022, "Tensor Programs V"): others get 128 / n_embd.
LEARNING_RATE = 2e-3
EVAL_ITERS = 60  # batches: differences between sizes are small, so is the estimate's error
BUDGETS, BUDGET_RATIO = 3, 3.0  # isoFLOP curves, and how many times the next one's FLOPs are


@dataclass(frozen=True)
class SizedRun:
    """One point of a sweep: a recipe, and what it is on the axes of a scaling law."""

    preset: Preset
    budget: float  # FLOPs that it was planned for
    parameters: int  # N, embeddings included
    tokens: int  # D, seen in training; a short text is seen more than once
    flops: float  # C, of all steps: within 1 % of the budget

    def epochs(self, train_tokens: int) -> float:
        """How often the training text, `train_tokens` long, is seen on average."""
        return self.tokens / train_tokens


def size(n_embd: int) -> ModelConfig:
    """The member of the family with width `n_embd`, a multiple of 8.

    >>> size(96).n_layer, size(96).n_head
    (3, 12)
    """
    if n_embd not in WIDTHS:
        raise ConfigError(
            f"n_embd must be a multiple of {HEAD_SIZE} between {WIDTHS[0]} and {WIDTHS[-1]} in"
            f" this family, got {n_embd}: every head has size {HEAD_SIZE}."
        )
    layers = max(1, int(n_embd / ASPECT + 0.5))
    shape = {"n_embd": n_embd, "n_head": n_embd // HEAD_SIZE, "n_layer": layers}
    return PRESETS["gpt_mini"].with_settings(shape).model


def inner_parameters(config: ModelConfig, vocab_size: int) -> int:
    """N as Kaplan et al. 2020 count it: without the embeddings of tokens and positions."""
    parts = parameters_by_component(config, vocab_size)
    return sum(parts.values()) - parts["token embedding"] - parts["position embedding"]


def run_under_budget(n_embd: int, flops: float, vocab_size: int) -> SizedRun:
    """The training of one size that uses `flops`; raises ConfigError when they are too few."""
    model = size(n_embd)
    each = flops_per_iteration(model, vocab_size, TRAIN.batch_size)
    steps = round(flops / each)
    if steps < FEWEST_STEPS:
        raise ConfigError(
            f"{flops:.2g} FLOPs are {steps} steps of width {n_embd}, at least {FEWEST_STEPS} are"
            " needed: choose a smaller size or a larger budget."
        )
    rate = LEARNING_RATE * MODEL.n_embd / n_embd
    changes = model.to_dict() | {
        "max_steps": steps,
        "learning_rate": rate,
        "min_learning_rate": rate / 10,
        "warmup_steps": min(TRAIN.warmup_steps, int(WARMUP * steps)),
        "eval_interval": steps,  # measured before and after: nothing else is compared
        "eval_iters": EVAL_ITERS,
        "sample_tokens": 0,
    }
    return SizedRun(
        preset=PRESETS["gpt_mini"].with_settings(changes),
        budget=flops,
        parameters=_parameters(model, vocab_size),
        tokens=steps * TRAIN.batch_size * model.block_size,
        flops=steps * each,
    )


def widths_for(count: int, flops: float, vocab_size: int) -> list[int]:
    """`count` widths, about evenly apart in log N, whose trainings with `flops` see between
    FEWEST_TOKENS and MOST_TOKENS tokens a parameter: the best one should lie between."""
    sizes = {n_embd: _parameters(size(n_embd), vocab_size) for n_embd in WIDTHS}
    fitting = [n_embd for n_embd in WIDTHS if _is_fit(n_embd, flops, vocab_size)]
    if len(fitting) < count:
        raise ConfigError(
            f"{flops:.2g} FLOPs can train {len(fitting)} sizes of this family, {count} are asked"
            " for: choose fewer sizes or a larger budget."
        )
    low, high = math.log(sizes[fitting[0]]), math.log(sizes[fitting[-1]])
    chosen: list[int] = []
    for place in range(count):
        wish = low + (high - low) * place / max(1, count - 1)
        left = [n_embd for n_embd in fitting if n_embd not in chosen]
        chosen.append(min(left, key=lambda n_embd: abs(math.log(sizes[n_embd]) - wish)))
    return sorted(chosen)


def _is_fit(n_embd: int, flops: float, vocab_size: int) -> bool:
    """Whether the training is long enough to count and short enough to be worth its time."""
    model = size(n_embd)
    steps = flops / flops_per_iteration(model, vocab_size, TRAIN.batch_size)
    tokens = steps * TRAIN.batch_size * model.block_size / _parameters(model, vocab_size)
    return FEWEST_STEPS <= steps <= MOST_STEPS and FEWEST_TOKENS <= tokens <= MOST_TOKENS


def _parameters(config: ModelConfig, vocab_size: int) -> int:
    return sum(parameters_by_component(config, vocab_size).values())


def sizes_under_budget(widths: Sequence[int], flops: float, vocab_size: int) -> list[SizedRun]:
    """One isoFLOP curve: every size trained with `flops`, smallest first."""
    return [run_under_budget(n_embd, flops, vocab_size) for n_embd in sorted(widths)]


def sweep(count: int, flops: float, vocab_size: int) -> list[SizedRun]:
    """`count` sizes under each of three budgets, `flops`, a third and a ninth; smallest first."""
    runs: list[SizedRun] = []
    for power in reversed(range(BUDGETS)):
        amount = flops / BUDGET_RATIO**power
        runs += sizes_under_budget(widths_for(count, amount, vocab_size), amount, vocab_size)
    return runs


def sweep_within(
    seconds: float, count: int, vocab_size: int, probe: MachineProbe
) -> list[SizedRun]:
    """The largest sweep of `count` sizes that the probed machine trains within `seconds`.

    Raises ConfigError when not even the smallest one fits.
    """
    best: list[SizedRun] = []
    for planned in _sweeps(count, vocab_size):
        if sum(estimate_seconds(run.preset, vocab_size, probe) for run in planned) > seconds:
            break
        best = planned
    if not best:
        raise ConfigError(
            f"{count} sizes under {BUDGETS} budgets do not fit into {seconds / 60:g} minutes on"
            " this machine: choose more time or fewer sizes."
        )
    return best


def smallest_sweep(count: int, vocab_size: int) -> list[SizedRun]:
    """The sweep of `count` sizes with the fewest FLOPs."""
    return next(_sweeps(count, vocab_size))


def _sweeps(count: int, vocab_size: int) -> Iterator[list[SizedRun]]:
    """Sweeps of `count` sizes, each a quarter larger than the one before."""
    for tenth in range(95, 180):  # of a power of ten: 3.2e9, 4.0e9, 5.0e9, …
        try:
            yield sweep(count, float(f"{10 ** (tenth / 10):.1e}"), vocab_size)
        except ConfigError:  # so few FLOPs cannot train so many sizes
            continue
