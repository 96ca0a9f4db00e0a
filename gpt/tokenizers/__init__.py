"""Tokenizers: text to numbers and back."""

from collections.abc import Mapping
from typing import Any

from gpt.errors import CheckpointError, ConfigError, nearest
from gpt.tokenizers.bpe import VOCAB_SIZE, BPETokenizer, Merge, learn_merges
from gpt.tokenizers.character import CharTokenizer, Unknown
from gpt.tokenizers.gpt2 import GPT2Tokenizer

__all__ = [
    "BPETokenizer",
    "CharTokenizer",
    "GPT2Tokenizer",
    "Merge",
    "Unknown",
    "learn_merges",
    "tokenizer_from_dict",
    "train_tokenizer",
]

KINDS = {kind.kind: kind for kind in (CharTokenizer, BPETokenizer, GPT2Tokenizer)}
TRAINABLE = ("character", "bpe")


def train_tokenizer(text: str, kind: str = "character", vocab_size: int | None = None) -> Any:
    """Make a tokenizer of a text, "character" or "bpe"; the same text always gives the same one.

    `vocab_size` is for byte pairs only (None: their usual one); the characters of a text are as
    many as they are. Raises ConfigError for anything else.
    """
    if kind not in TRAINABLE:
        raise ConfigError(f"There is no tokenizer {kind!r} to train.{nearest(kind, TRAINABLE)}")
    if kind == "bpe":
        return BPETokenizer.train(text, VOCAB_SIZE if vocab_size is None else vocab_size)
    if vocab_size is not None:
        raise ConfigError(
            "vocab_size is for byte pairs: leave it out, or choose the tokenizer bpe."
        )
    return CharTokenizer.train(text)


def tokenizer_from_dict(values: Mapping[str, Any]) -> Any:
    """Rebuild the tokenizer that a checkpoint's config describes."""
    kind = values.get("kind")
    if kind not in KINDS:
        raise CheckpointError(f"This program has no tokenizer of kind {kind!r}: update it.")
    return KINDS[kind].from_dict(values)
