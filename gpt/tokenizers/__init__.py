"""Tokenizers: text to numbers and back."""

from collections.abc import Mapping
from typing import Any

from gpt.errors import CheckpointError
from gpt.tokenizers.character import CharTokenizer, Unknown
from gpt.tokenizers.gpt2 import GPT2Tokenizer

__all__ = ["CharTokenizer", "GPT2Tokenizer", "Unknown", "tokenizer_from_dict"]

KINDS = {kind.kind: kind for kind in (CharTokenizer, GPT2Tokenizer)}


def tokenizer_from_dict(values: Mapping[str, Any]) -> Any:
    """Rebuild the tokenizer that a checkpoint's config describes."""
    kind = values.get("kind")
    if kind not in KINDS:
        raise CheckpointError(f"This program has no tokenizer of kind {kind!r}: update it.")
    return KINDS[kind].from_dict(values)
