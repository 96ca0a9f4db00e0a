"""Tokenizers: text to numbers and back."""

from collections.abc import Mapping
from typing import Any

from gpt.errors import CheckpointError
from gpt.tokenizers.character import CharTokenizer, Unknown

__all__ = ["CharTokenizer", "Unknown", "tokenizer_from_dict"]


def tokenizer_from_dict(values: Mapping[str, Any]) -> CharTokenizer:
    """Rebuild the tokenizer that a checkpoint's config describes."""
    kind = values.get("kind")
    if kind != "character":
        raise CheckpointError(f"This program has no tokenizer of kind {kind!r}: update it.")
    return CharTokenizer.from_dict(values)
