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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from gpt.errors import CheckpointError, TextError

ON_UNKNOWN = ("error", "drop", "replace")
PIECE = 2**16  # characters looked up at a time: what that takes stays in the processor's cache


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
    start = 0  # what an empty prompt begins with, as in the tutorial

    def __init__(self, tokens: Sequence[str]) -> None:
        if len(set(tokens)) != len(tokens) or any(len(t) != 1 for t in tokens):
            raise CheckpointError("A character vocabulary must list distinct single characters.")
        self.tokens = list(tokens)
        codes = np.array([ord(t) for t in self.tokens], dtype=np.int64)
        V = len(codes)
        dtype = next(t for t in (np.uint8, np.int16, np.int32) if np.iinfo(t).max >= V)
        # One table lookup a character; V marks the unknown. Only as long as the largest code.
        self._ids = np.full(int(codes.max(initial=0)) + 2, V, dtype)
        self._ids[codes] = np.arange(V)

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
        """Return the ids as an array of the smallest of uint8, int16, int32 that holds V.

        Beside that array it takes no memory to speak of, however long the text. Convert before
        calculating: uint8 ends at 255.

        `unknown` decides about characters that are not in the vocabulary: "error" raises
        TextError naming the first ones, "drop" leaves them out, "replace" puts a space (or, where
        the vocabulary has none, its first token) in their place.
        """
        if unknown not in ON_UNKNOWN:
            raise TextError(f"unknown must be one of {', '.join(ON_UNKNOWN)}, got {unknown!r}.")
        ids, end = np.empty(len(text), self._ids.dtype), 0
        for _, piece in self._pieces(text):
            strange = piece == self.vocab_size
            if strange.any():
                if unknown == "error":
                    raise self._refusal(text)
                if unknown == "drop":
                    piece = piece[~strange]
                else:
                    piece[strange] = self.tokens.index(" ") if " " in self.tokens else 0
            ids[end : end + len(piece)] = piece
            end += len(piece)
        return ids[:end]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; raises TextError for an id outside the vocabulary."""
        ids = [int(i) for i in ids]
        strange = next((i for i in ids if not 0 <= i < self.vocab_size), None)
        if strange is not None:
            raise TextError(f"Token ids go from 0 to {self.vocab_size - 1}, got {strange}.")
        return "".join([self.tokens[i] for i in ids])

    def decoder(self) -> Callable[[int, bool], str]:
        """A function (id, is it the last one) → text, for ids that come one by one."""
        return lambda i, last: self.decode([i])

    def unknown(self, text: str) -> list[Unknown]:
        """Return every character of `text` that is not in the vocabulary, with its position."""
        return list(self._unknown(text))

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

    def _unknown(self, text: str) -> Iterator[Unknown]:
        for start, ids in self._pieces(text):
            for i in np.flatnonzero(ids == self.vocab_size):
                yield Unknown(text[start + i], start + int(i))

    def _refusal(self, text: str) -> TextError:
        first = list(islice(self._unknown(text), 4))
        shown = ", ".join(map(str, first[:3])) + (", …" if len(first) > 3 else "")
        return TextError(
            f"The training text never had {shown}: leave such characters out, or choose to drop or"
            " replace them."
        )

    def _pieces(self, text: str) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the text piece by piece: where it begins, and its ids, V where unknown.

        Works on the code points at C speed.
        """
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE].encode("utf-32-le", errors="surrogatepass")
            codes = np.frombuffer(piece, dtype=np.uint32)
            yield start, self._ids.take(codes, mode="clip")  # beyond the table: its last, V
