"""Sampling: draw the next token, join it to the text, again and again.

The model gives a score for every token (logits); `filters.probabilities` says what the next one is
drawn from.

With the cache of keys and values each step computes one position instead of all. A model with
learned positions can look at `block_size` tokens; when they are full, the window moves on by half
(`window_start`), is read once, and then grows again. Cached and uncached follow the same rule and
say the same. The tutorial's own loop, which moves the window by one token at each step, is
`stride=1`. A step costs the time to read all weights from memory, whether it is for one text or for
several: `generate_batch` writes them together.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpt.attention import KVCache
from gpt.errors import ConfigError
from gpt.filters import check_filters, probabilities
from gpt.model import LanguageModel

Filters = tuple[float, int | None, float | None]  # temperature, top_k, top_p


@dataclass(frozen=True)
class Token:
    """One drawn token: its id, text, probability after all filters, and the scores.

    A character may take several tokens: its text is then that of the last of them.
    """

    id: int
    text: str
    probability: float
    logits: Tensor  # (V,)


def window_start(tokens: int, block_size: int, stride: int | None = None) -> int:
    """Index of the first of `tokens` tokens that the model looks at.

    The window begins at a multiple of `stride` (half the context unless told otherwise).

    >>> [window_start(n, block_size=8) for n in (1, 8, 9, 12, 13)]
    [0, 0, 4, 4, 8]
    """
    stride = stride or max(1, block_size // 2)
    return max(0, math.ceil((tokens - block_size) / stride)) * stride


class Reader:
    """Reads texts of equal length as they grow, `batch` at once, and scores what comes next.

    With `use_cache` only tokens that are new since the last call are computed.
    """

    def __init__(
        self,
        model: LanguageModel,
        use_cache: bool = True,
        stride: int | None = None,
        batch: int = 1,
    ) -> None:
        config = model.config
        if stride is not None and not 1 <= stride <= config.block_size:
            raise ConfigError(
                f"stride must be between 1 and the context of {config.block_size}, got {stride}."
            )
        self.model, self.stride = model, stride
        self.device = next(model.parameters()).device
        # Without the mask a new token changes what the ones before it say: nothing to keep.
        keeps = use_cache and config.causal
        self.cache = KVCache(config, batch, self.device) if keeps else None
        self.start = 0

    @torch.inference_mode()
    def next_logits(self, texts: Sequence[list[int]], length: int) -> Tensor:
        """Scores (B, V) for the token after the first `length` tokens of each text."""
        start = window_start(length, self.model.config.block_size, self.stride)
        if self.cache is not None and start != self.start:
            self.cache.clear()
        self.start = start
        known = start + (self.cache.length if self.cache is not None else 0)
        idx = torch.tensor([ids[known:length] for ids in texts], device=self.device)  # (B, T)
        was_training = self.model.training
        if was_training:  # switching walks all modules: not for every token of a model at rest
            self.model.eval()
        logits, _ = self.model(idx, cache=self.cache)
        if was_training:
            self.model.train()
        return logits[:, -1].clone()  # a view would keep the scores of all positions


def stream(
    model: LanguageModel,
    tokenizer: Any,
    prompt: str | Sequence[int] = "",
    max_new_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    use_cache: bool = True,
    unknown: str = "error",
    stride: int | None = None,
) -> Iterator[Token]:
    """Yield tokens as they are drawn after `prompt`, a text or its ids.

    `unknown` says what happens to characters the tokenizer does not know ("error", "drop",
    "replace"). An empty prompt starts from the tokenizer's `start`. The same seed gives the
    same text; None draws a new one each time. Raises TextError or ConfigError before any token.
    """
    check_filters(temperature, top_k, top_p)
    ids = tokenizer.encode(prompt, unknown=unknown) if isinstance(prompt, str) else list(prompt)
    ids = ids or [tokenizer.start]
    reader = Reader(model, use_cache, stride)
    filters = (temperature, top_k, top_p)
    return _stream(reader, tokenizer, ids, max_new_tokens, filters, _generator(seed))


def _stream(
    reader: Reader,
    tokenizer: Any,
    ids: list[int],
    count: int,
    filters: Filters,
    generator: torch.Generator,
) -> Iterator[Token]:
    decode = tokenizer.decoder()
    for number in range(1, count + 1):
        logits = reader.next_logits([ids], len(ids))[0].float().cpu()  # (V,)
        chosen, probability = _draw(logits, filters, generator)
        ids.append(chosen)
        yield Token(chosen, decode(chosen, number == count), probability, logits)


def _draw(logits: Tensor, filters: Filters, generator: torch.Generator) -> tuple[int, float]:
    """A token for the scores `logits` (V,), and the probability that it had."""
    p = probabilities(logits, *filters)
    chosen = int(torch.multinomial(p, 1, generator=generator))
    return chosen, float(p[chosen])


def _generator(seed: int | None) -> torch.Generator:
    """Random numbers that repeat with `seed`, and never do without one."""
    if seed is not None and not -(2**63) <= seed < 2**64:
        raise ConfigError("seed must be between -2^63 and 2^64 - 1: choose a smaller number.")
    generator = torch.Generator()
    generator.seed() if seed is None else generator.manual_seed(seed)
    return generator


def generate(
    model: LanguageModel,
    tokenizer: Any,
    prompt: str = "",
    max_new_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    use_cache: bool = True,
    unknown: str = "error",
    stride: int | None = None,
) -> str:
    """Return the prompt and what the model writes after it; see `stream` for the settings."""
    settings = (temperature, top_k, top_p, seed, use_cache, unknown, stride)
    tokens = stream(model, tokenizer, prompt, max_new_tokens, *settings)
    return prompt + "".join(token.text for token in tokens)


def generate_batch(
    model: LanguageModel,
    tokenizer: Any,
    prompts: Sequence[str],
    max_new_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    unknown: str = "error",
    stride: int | None = None,
) -> list[str]:
    """Return each prompt and what the model writes after it, one pass of the model for all.

    Prompt i says what `generate` says with seed + i: the same prompt twice gives two texts. (The
    scores differ by rounding, about 1e-6 of their size, so a draw on the edge may fall otherwise.)
    Prompts may differ in length: a shorter one begins to write while longer ones are still read, a
    token at a time, which takes as many more passes as there are tokens between them, at most
    `block_size`.
    """
    check_filters(temperature, top_k, top_p)
    if not prompts:
        return []
    texts = [tokenizer.encode(prompt, unknown=unknown) or [tokenizer.start] for prompt in prompts]
    reader = Reader(model, stride=stride, batch=len(texts))
    block_size, filters = model.config.block_size, (temperature, top_k, top_p)
    # What stands before its window is not read; the window of what is left is the same.
    texts = [ids[window_start(len(ids), block_size, stride) :] for ids in texts]
    begins = [len(ids) for ids in texts]
    generators = [_generator(None if seed is None else seed + i) for i in range(len(texts))]
    for length in range(min(begins), max(begins) + max_new_tokens):
        logits = reader.next_logits(texts, length).float().cpu()  # (B, V)
        for ids, scores, generator in zip(texts, logits, generators, strict=True):
            if len(ids) == length:  # else the next token is the prompt's own
                ids.append(_draw(scores, filters, generator)[0])
    return [
        prompt + tokenizer.decode(ids[begin : begin + max_new_tokens])
        for prompt, ids, begin in zip(prompts, texts, begins, strict=True)
    ]
