"""What the cache of keys and values keeps and saves, step by step, from the settings alone."""

from dataclasses import dataclass

from gpt.config import ModelConfig
from gpt.sampling import window_start

FLOAT = 4  # bytes of a float32


@dataclass(frozen=True)
class CacheStep:
    """One token being written, in numbers of tokens; all but `start` count what the model reads."""

    start: int  # where the window begins in the text
    window: int  # tokens in it: what is computed without a cache
    kept: int  # of these, whose keys and values are there from the step before
    computed: int  # of these, which go through the model now
    bytes: int  # keys and values kept after this step


def cache_steps(
    config: ModelConfig, prompt: int, new: int, stride: int | None = None
) -> list[CacheStep]:
    """The steps of writing `new` tokens after `prompt` ones, as `gpt.generate` takes them.

    When the context is full the window moves on by `stride`, every token stands at another
    position, and nothing of the cache can stay.

    >>> [(s.kept, s.computed) for s in cache_steps(ModelConfig(block_size=4), 3, 4)]
    [(0, 3), (3, 1), (0, 3), (3, 1)]
    """
    steps: list[CacheStep] = []
    for tokens in range(prompt, prompt + new):
        start = window_start(tokens, config.block_size, stride)
        goes_on = bool(steps) and steps[-1].start == start and config.causal
        window = tokens - start
        kept = window - 1 if goes_on else 0
        held = cache_bytes(config, window) if config.causal else 0
        steps.append(CacheStep(start, window, kept, window - kept, held))
    return steps


def cache_bytes(config: ModelConfig, tokens: int, batch: int = 1) -> int:
    """Bytes of the keys and values of `tokens` tokens in all layers: 2·L·K·D numbers a token.

    K is the number of heads of keys and values: groups of heads that share them keep less. The
    bigram has none.
    """
    if config.architecture == "bigram":
        return 0
    numbers = 2 * config.n_layer * config.kv_heads * config.size_of_head
    return FLOAT * batch * tokens * numbers
