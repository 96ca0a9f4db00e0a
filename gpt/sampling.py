"""Sampling: from scores to the next token, again and again.

The model gives a score for every token (logits). Temperature stretches or flattens them, top-k
and top-p strike out the unlikely, and one token is drawn. Filters act in this order: temperature,
top-k (Fan et al. 2018), top-p (Holtzman et al. 2020).

With the cache of keys and values each step computes one position instead of all. A model with
learned positions can look at `block_size` tokens; when they are full, the window moves on by half
(`window_start`), is read once, and then grows again. Cached and uncached follow the same rule and
say the same. The tutorial's own loop, which moves the window by one token at each step, is
`stride=1`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpt.attention import KVCache
from gpt.errors import ConfigError, GPTError
from gpt.model import LanguageModel


@dataclass(frozen=True)
class Stages:
    """The distribution over the vocabulary (V,) after each filter; every one sums to 1."""

    raw: Tensor
    tempered: Tensor
    top_k: Tensor
    top_p: Tensor  # what the token is drawn from


@dataclass(frozen=True)
class Token:
    """One drawn token: its id, its text, its probability after all filters, and the scores."""

    id: int
    text: str
    probability: float
    logits: Tensor  # (V,)


def filter_stages(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Stages:
    """Return the distribution of `logits` (V,) before and after each filter.

    temperature 0 puts everything on the largest score. top_k keeps the k largest. top_p keeps the
    fewest largest whose sum reaches p: a token stays if the sum before it is below p. Ties keep the
    lower id. Raises ConfigError for values outside their limits, GPTError for scores that are not
    numbers.
    """
    check_filters(temperature, top_k, top_p)
    relative = logits.float() - logits.max()  # the largest is 0, so that nothing overflows
    raw = torch.softmax(relative, dim=-1)
    if raw.isnan().any():
        raise GPTError(
            "The model's scores are not numbers: its training diverged or its weights are damaged."
            " Use an earlier checkpoint, or train with a smaller learning rate."
        )
    if temperature == 0:
        tempered = torch.zeros_like(raw)
        tempered[logits.argmax()] = 1.0
    else:
        tempered = torch.softmax(relative / max(temperature, 1e-30), dim=-1)
    after_k = _keep_top_k(tempered, top_k) if top_k else tempered
    after_p = _keep_top_p(after_k, top_p) if top_p is not None and top_p < 1 else after_k
    return Stages(raw, tempered, after_k, after_p)


def check_filters(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not 0 <= temperature <= 100:
        raise ConfigError(f"temperature must be between 0 (greedy) and 100, got {temperature}.")
    if top_k is not None and top_k < 0:
        raise ConfigError(f"top_k must be at least 1, or 0 or None for no limit, got {top_k}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ConfigError(f"top_p must be above 0 and at most 1, got {top_p}.")


def _keep_top_k(p: Tensor, k: int) -> Tensor:
    kept = torch.zeros_like(p)
    order = torch.sort(p, descending=True, stable=True).indices[:k]
    kept[order] = p[order]
    return kept / kept.sum()


def _keep_top_p(p: Tensor, top_p: float) -> Tensor:
    values, order = torch.sort(p, descending=True, stable=True)
    before = values.cumsum(0) - values  # probability of everything more likely
    kept = torch.zeros_like(p)
    needed = before < top_p
    needed[0] = True  # also where top_p is too small for a float32
    chosen = order[needed & (values > 0)]
    kept[chosen] = p[chosen]
    return kept / kept.sum()


def window_start(tokens: int, block_size: int, stride: int | None = None) -> int:
    """Index of the first of `tokens` tokens that the model looks at.

    The window begins at a multiple of `stride` (half the context unless told otherwise).

    >>> [window_start(n, block_size=8) for n in (1, 8, 9, 12, 13)]
    [0, 0, 4, 4, 8]
    """
    stride = stride or max(1, block_size // 2)
    return max(0, math.ceil((tokens - block_size) / stride)) * stride


class Reader:
    """Reads a growing list of tokens and gives the scores for the next one.

    With `use_cache` only tokens that are new since the last call are computed.
    """

    def __init__(
        self, model: LanguageModel, use_cache: bool = True, stride: int | None = None
    ) -> None:
        block_size = model.config.block_size
        if stride is not None and not 1 <= stride <= block_size:
            raise ConfigError(
                f"stride must be between 1 and the context of {block_size}, got {stride}."
            )
        # Without the mask a new token changes what the ones before it say: nothing to keep.
        self.use_cache = use_cache and model.config.causal
        self.model, self.stride = model, stride
        self.device = next(model.parameters()).device
        self.cache: KVCache | None = None
        self.start = 0

    @torch.inference_mode()
    def next_logits(self, ids: list[int]) -> Tensor:
        """Scores (V,) for the token after `ids`."""
        start = window_start(len(ids), self.model.config.block_size, self.stride)
        if self.cache is None or start != self.start:
            self.start = start
            self.cache = KVCache(self.model.config, 1, self.device) if self.use_cache else None
        new = ids[start + (self.cache.length if self.cache else 0) :]
        idx = torch.tensor([new], device=self.device)  # (1, T)
        was_training = self.model.training
        if was_training:  # switching walks all modules: not for every token of a model at rest
            self.model.eval()
        logits, _ = self.model(idx, cache=self.cache)
        if was_training:
            self.model.train()
        return logits[0, -1]


def stream(
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
) -> Iterator[Token]:
    """Yield tokens as they are drawn.

    `unknown` says what happens to characters the tokenizer does not know ("error", "drop",
    "replace"). An empty prompt starts from token 0, as in the tutorial. The same seed gives the
    same text; None draws a new one each time. Raises TextError or ConfigError before any token.
    """
    check_filters(temperature, top_k, top_p)
    ids = tokenizer.encode(prompt, unknown=unknown) or [0]
    generator = torch.Generator()
    generator.seed() if seed is None else generator.manual_seed(seed)
    reader = Reader(model, use_cache, stride)
    return _stream(reader, tokenizer, ids, max_new_tokens, (temperature, top_k, top_p), generator)


def _stream(
    reader: Reader,
    tokenizer: Any,
    ids: list[int],
    count: int,
    filters: tuple[float, int | None, float | None],
    generator: torch.Generator,
) -> Iterator[Token]:
    for _ in range(count):
        logits = reader.next_logits(ids).float().cpu()
        probabilities = filter_stages(logits, *filters).top_p
        chosen = int(torch.multinomial(probabilities, 1, generator=generator))
        ids.append(chosen)
        yield Token(chosen, tokenizer.decode([chosen]), float(probabilities[chosen]), logits)


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
    tokens = stream(
        model,
        tokenizer,
        prompt,
        max_new_tokens,
        temperature,
        top_k,
        top_p,
        seed,
        use_cache,
        unknown,
        stride,
    )
    return prompt + "".join(token.text for token in tokens)
