"""GPT-2's tokenizer: bytes, and pairs of them merged in the order in which they were learnt.

A text is cut into pieces (a word with the space before it, a number, signs, spaces), each piece is
written as bytes, and the pair that was learnt first is merged until none is left (Sennrich et al.
2016; Radford et al. 2019, section 2.2). Every text can be written: the 256 bytes are tokens too.
Reads the files of a Hugging Face folder. Leaves out: learning the merges.
"""

import codecs
import json
import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gpt.errors import CheckpointError, TextError
from gpt.tokenizers.character import ON_UNKNOWN, Unknown

END_OF_TEXT = "<|endoftext|>"  # between two documents; one token wherever it stands
REMEMBERED = 100_000  # pieces whose tokens are kept: most words of a text come again


def _byte_letters() -> list[str]:
    """The visible character that stands for each byte in the files: itself, or one from 256 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]


LETTERS = _byte_letters()
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}

# GPT-2's rule for pieces. It speaks of all of Unicode's letters, numbers and spaces, for which
# Python's `re` has no sign: it is read on a text where each of them has become an L, a 0 or a tab.
PIECES = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII
)


HALVES = re.compile("[\ud800-\udfff]")  # a character in two parts is one of UTF-16 only


class _Kinds(dict[int, str]):
    """What each character becomes for PIECES, looked up when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code < 128:
            self[code] = character
        elif character.isspace():
            self[code] = "\t"
        else:
            self[code] = {"L": "L", "N": "0"}.get(unicodedata.category(character)[0], "!")
        return self[code]


class GPT2Tokenizer:
    """Text to byte-pair tokens and back.

    `vocab` gives the id of each token, written in byte letters ("Ġthe" is " the"); `merges` are
    pairs of tokens, "Ġ t", the first learnt first.
    """

    kind = "gpt2"

    def __init__(self, vocab: Mapping[str, int], merges: Sequence[str]) -> None:
        """Raises CheckpointError unless ids are 0, 1, 2, … and every byte and merge has one."""
        self.vocab, self.merges = dict(vocab), list(merges)
        if sorted(self.vocab.values()) != list(range(len(self.vocab))):
            raise CheckpointError("The ids of a vocabulary must be 0, 1, 2, … without a gap.")
        pairs = [tuple(merge.split(" ")) for merge in self.merges]
        needed = [*LETTERS, *("".join(pair) for pair in pairs)]
        if missing := [token for token in needed if token not in self.vocab]:
            raise CheckpointError(f"The vocabulary lacks {missing[0]!r}, a byte or a merge.")
        self._rank = {pair: rank for rank, pair in enumerate(pairs)}
        self._bytes = [_as_bytes(t) for t in sorted(self.vocab, key=self.vocab.__getitem__)]
        self._known: dict[str, list[int]] = {}
        self._kinds = _Kinds()

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> "GPT2Tokenizer":
        """Read vocab.json and merges.txt, or else tokenizer.json, of a Hugging Face folder."""
        folder = Path(folder)
        try:
            if not (folder / "vocab.json").exists():
                return cls(*_from_tokenizer_json(folder / "tokenizer.json"))
            vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
            return cls(vocab, [line for line in lines if line and not line.startswith("#version")])
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{folder} has no tokenizer of GPT-2: {Path(error.filename).name} is missing; it"
                " needs vocab.json and merges.txt, or tokenizer.json."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"The tokenizer files in {folder} are damaged: {error}") from None

    @property
    def vocab_size(self) -> int:
        """V, the number of distinct tokens."""
        return len(self.vocab)

    @property
    def start(self) -> int:
        """What an empty prompt begins with: the end of the document before, as in training."""
        return self.vocab.get(END_OF_TEXT, 0)

    @cached_property
    def tokens(self) -> list[str]:
        r"""The text of each token alone; bytes of a part of a character as they are: `\xf0\x9f`."""
        return [token.decode(errors="backslashreplace") for token in self._bytes]

    def encode(self, text: str, unknown: str = "error") -> list[int]:
        """Return the ids. Only half characters (lone surrogates) cannot be written.

        `unknown` decides about those: "error" raises TextError, "drop" leaves them out, "replace"
        puts "�" in their place.
        """
        if unknown not in ON_UNKNOWN:
            raise TextError(f"unknown must be one of {', '.join(ON_UNKNOWN)}, got {unknown!r}.")
        if strange := self.unknown(text):
            if unknown == "error":
                raise TextError(f"No token can hold {strange[0]}, half a character: leave it out.")
            text = HALVES.sub("" if unknown == "drop" else "�", text)
        first, *others = text.split(END_OF_TEXT) if END_OF_TEXT in self.vocab else [text]
        ids = self._encode(first)
        for part in others:
            ids += [self.vocab[END_OF_TEXT], *self._encode(part)]
        return ids

    def encode_array(self, text: str, unknown: str = "error") -> np.ndarray:
        """Return the ids as an int32 array."""
        return np.array(self.encode(text, unknown), dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids, "�" for bytes that are no character; TextError for others."""
        ids = [int(i) for i in ids]
        strange = next((i for i in ids if not 0 <= i < self.vocab_size), None)
        if strange is not None:
            raise TextError(f"Token ids go from 0 to {self.vocab_size - 1}, got {strange}.")
        return b"".join([self._bytes[i] for i in ids]).decode(errors="replace")

    def decoder(self) -> Callable[[int, bool], str]:
        """A function (id, is it the last one) → text, for ids that come one by one.

        The bytes of an unfinished character wait for the next id; after the last one they are "�".
        """
        waiting = codecs.getincrementaldecoder("utf-8")(errors="replace")
        return lambda i, last: waiting.decode(self._bytes[i], last)

    def unknown(self, text: str) -> list[Unknown]:
        """Return every half character of `text`, with its position."""
        return [Unknown(half.group(), half.start()) for half in HALVES.finditer(text)]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "vocab": self.vocab, "merges": self.merges}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GPT2Tokenizer":
        return cls(values["vocab"], values["merges"])

    def _encode(self, text: str) -> list[int]:
        shape = text if text.isascii() else text.translate(self._kinds)
        return [
            i for piece in PIECES.finditer(shape) for i in self._piece(text[slice(*piece.span())])
        ]

    def _piece(self, piece: str) -> list[int]:
        if piece not in self._known:
            letters = [LETTERS[byte] for byte in piece.encode()]
            ids = [self.vocab[token] for token in self._merged(letters)]
            if len(self._known) >= REMEMBERED:
                return ids
            self._known[piece] = ids
        return self._known[piece]

    def _merged(self, tokens: list[str]) -> list[str]:
        """Merge until no pair has been learnt: ["Ġ", "t", "h", "e"] → ["Ġ", "t", "he"] → …"""
        while len(tokens) > 1:
            pair = min(pairwise(tokens), key=lambda pair: self._rank.get(pair, math.inf))
            if pair not in self._rank:
                break
            merged: list[str] = []
            at = 0
            while at < len(tokens):
                both = tuple(tokens[at : at + 2]) == pair
                merged.append("".join(pair) if both else tokens[at])
                at += 2 if both else 1
            tokens = merged
        return tokens


def _as_bytes(token: str) -> bytes:
    """What a token stands for; a token that is not in byte letters stands for itself."""
    if all(letter in BYTES for letter in token):
        return bytes(BYTES[letter] for letter in token)
    return token.encode()


def _from_tokenizer_json(path: Path) -> tuple[dict[str, int], list[str]]:
    """Vocabulary and merges of the one file that newer versions of `transformers` write."""
    contents = json.loads(path.read_text(encoding="utf-8"))
    model, pieces = contents["model"], contents["pre_tokenizer"]
    if model["type"] != "BPE" or pieces["type"] != "ByteLevel" or pieces["add_prefix_space"]:
        raise ValueError("it is not a tokenizer of GPT-2's kind.")
    added = {token["content"]: token["id"] for token in contents["added_tokens"]}
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    return {**model["vocab"], **added}, merges
