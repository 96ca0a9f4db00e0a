"""The character tokenizer: every distinct character of the text is one token.

The ids are the places of the characters in sorted order, as in the tutorial:

>>> CharTokenizer.train("hello").tokens
['e', 'h', 'l', 'o']
>>> CharTokenizer.train("hello").encode("hole")
[1, 3, 2, 0]

A text may hold characters that the training text never had. They are never a KeyError: the
caller chooses between an error that names them, dropping them, or replacing them.
"""

import json
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpt.errors import CheckpointError, TextError

ON_UNKNOWN = ("error", "drop", "replace")


@dataclass(frozen=True)
class Unknown:
    """A character that the tokenizer does not know, and where it stands in the text."""

    character: str
    position: int

    @property
    def name(self) -> str:
        """The Unicode name, such as "EURO SIGN"."""
        return unicodedata.name(self.character, f"U+{ord(self.character):04X}")

    def __str__(self) -> str:
        return f"{self.character!r} ({self.name}) at position {self.position}"


class CharTokenizer:
    """Characters to ids and back. `tokens[i]` is the character with id i."""

    kind = "character"

    def __init__(self, tokens: Sequence[str]) -> None:
        if len(set(tokens)) != len(tokens) or any(len(t) != 1 for t in tokens):
            raise CheckpointError("A character vocabulary must list distinct single characters.")
        self.tokens = list(tokens)
        codes = np.array([ord(t) for t in self.tokens], dtype=np.int64)
        # One table lookup a character; -1 marks the unknown. Only as long as the largest code.
        self._ids = np.full(int(codes.max(initial=0)) + 2, -1, dtype=np.int32)
        self._ids[codes] = np.arange(len(codes), dtype=np.int32)

    @classmethod
    def train(cls, text: str) -> "CharTokenizer":
        """Collect the distinct characters of `text` in sorted order."""
        return cls(sorted(set(text)))

    @property
    def vocab_size(self) -> int:
        """V, the number of distinct tokens."""
        return len(self.tokens)

    def encode(self, text: str, unknown: str = "error") -> list[int]:
        """Return one id per character; see `encode_array` for `unknown`."""
        return self.encode_array(text, unknown).tolist()

    def encode_array(self, text: str, unknown: str = "error") -> np.ndarray:
        """Return the ids as an int32 array.

        `unknown` decides about characters that are not in the vocabulary: "error" raises
        TextError naming the first ones, "drop" leaves them out, "replace" puts a space (or, where
        the vocabulary has none, its first token) in their place.
        """
        if unknown not in ON_UNKNOWN:
            raise TextError(f"unknown must be one of {', '.join(ON_UNKNOWN)}, got {unknown!r}.")
        ids = self._look_up(text)
        strange = ids < 0
        if not strange.any():
            return ids
        if unknown == "drop":
            return ids[~strange]
        if unknown == "replace":
            return np.where(strange, np.int32(max(0, self._look_up(" ")[0])), ids)
        first = self.unknown(text)
        shown = ", ".join(map(str, first[:3])) + (", …" if len(first) > 3 else "")
        raise TextError(
            f"The training text never had {shown}: leave such characters out, or choose to drop or"
            " replace them."
        )

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; raises TextError for an id outside the vocabulary."""
        ids = [int(i) for i in ids]
        strange = next((i for i in ids if not 0 <= i < self.vocab_size), None)
        if strange is not None:
            raise TextError(f"Token ids go from 0 to {self.vocab_size - 1}, got {strange}.")
        return "".join([self.tokens[i] for i in ids])

    def unknown(self, text: str) -> list[Unknown]:
        """Return every character of `text` that is not in the vocabulary, with its position."""
        return [Unknown(text[i], int(i)) for i in np.flatnonzero(self._look_up(text) < 0)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary as a JSON file."""
        Path(path).write_text(json.dumps(self.to_dict()), encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CharTokenizer":
        """Read a vocabulary written by `save`."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokens": self.tokens}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "CharTokenizer":
        return cls(values["tokens"])

    def _look_up(self, text: str) -> np.ndarray:
        """Ids of all characters, -1 where unknown. Works on the code points at C speed."""
        codes = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
        return self._ids[np.minimum(codes, len(self._ids) - 1)]
