"""What the byte-pair tokenizers share: pieces, bytes, and merging pairs until none is left.

A text is cut into pieces (a word with the space before it, a number, signs, spaces), each piece is
written as bytes, and the pair that was learnt first is merged until none is left (Sennrich et al.
2016; Radford et al. 2019, section 2.2). Every text can be written: the 256 bytes are tokens too.
Learning the merges is the work of `bpe`, reading GPT-2's that of `gpt2`.
"""

import codecs
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import Any, TypeVar

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

# The rules for pieces. They speak of all of Unicode's letters, numbers and spaces, for which
# Python's `re` has no sign: they are read on a text where each of them has become an L, a 0 or a
# tab. GPT-4's (cl100k) keeps three digits at most together, and new lines with the signs before.
GPT2 = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII
)
GPT4 = re.compile(
    r"'(?:[sdmtSDMT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\nA-Za-z0-9]?[A-Za-z]+|[0-9]{1,3}"
    r"| ?[^\sA-Za-z0-9]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    re.ASCII,
)
RULES = {"gpt2": GPT2, "gpt4": GPT4}
HALVES = re.compile("[\ud800-\udfff]")  # a character in two parts is one of UTF-16 only


class _Kinds(dict[int, str]):
    """What each character becomes for the rules, looked up when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code < 128:
            self[code] = character
        elif character.isspace():
            self[code] = "\t"
        else:
            self[code] = {"L": "L", "N": "0"}.get(unicodedata.category(character)[0], "!")
        return self[code]


def pieces(text: str, rule: str = "gpt2") -> Iterator[str]:
    """Cut a text by one of RULES; the pieces together are the text.

    >>> list(pieces("I'd say 1234"))
    ['I', "'d", ' say', ' 1234']
    """
    if text.isascii():
        return map(itemgetter(0), RULES[rule].finditer(text))
    # GPT-4's endings are read in any case, and the old long s is an s in capitals.
    kinds = _Kinds({0x17F: "s"} if rule == "gpt4" else {})
    shape = text.translate(kinds)
    return (text[slice(*piece.span())] for piece in RULES[rule].finditer(shape))


Token = TypeVar("Token", str, int)


def merge_pair(tokens: list[Token], pair: tuple[Token, Token], both: Token) -> list[Token]:
    """Put `both` in the place of each `pair`, from left to right.

    >>> merge_pair(["a", "a", "a", "b"], ("a", "a"), "aa")
    ['aa', 'a', 'b']
    """
    first, second = pair
    merged: list[Token] = []
    at, last = 0, len(tokens) - 1
    while at <= last:
        if at < last and tokens[at] == first and tokens[at + 1] == second:
            merged.append(both)
            at += 2
        else:
            merged.append(tokens[at])
            at += 1
    return merged


class BytePairs:
    """Text to byte-pair tokens and back.

    `vocab` gives the id of each token, written in byte letters ("Ġthe" is " the"); `merges` are
    pairs of tokens, "Ġ t", the first learnt first; a text is cut by `rule`, and at each of the
    `special_tokens`, which are one token wherever they stand.
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        merges: Sequence[str],
        rule: str = "gpt2",
        special_tokens: Sequence[str] = (END_OF_TEXT,),
    ) -> None:
        """Raises CheckpointError unless ids are 0, 1, 2, … and every byte and merge has one."""
        self.vocab, self.merges, self.rule = dict(vocab), list(merges), rule
        self.special_tokens = [token for token in special_tokens if token in self.vocab]
        if rule not in RULES:
            raise CheckpointError(f"rule must be one of {', '.join(RULES)}, got {rule!r}.")
        if sorted(self.vocab.values()) != list(range(len(self.vocab))):
            raise CheckpointError("The ids of a vocabulary must be 0, 1, 2, … without a gap.")
        pairs = [tuple(merge.split(" ")) for merge in self.merges]
        if missing := [t for t in (*LETTERS, *map("".join, pairs)) if t not in self.vocab]:
            raise CheckpointError(f"The vocabulary lacks {missing[0]!r}, a byte or a merge.")
        self._rank = {pair: rank for rank, pair in enumerate(pairs)}
        special = {token: token.encode() for token in self.special_tokens}
        by_id = sorted(self.vocab, key=self.vocab.__getitem__)
        self._bytes = [special.get(token) or as_bytes(token) for token in by_id]
        self._known: dict[str, list[int]] = {}

    @property
    def vocab_size(self) -> int:
        """V, the number of distinct tokens."""
        return len(self.vocab)

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
        ids: list[int] = []
        for number, part in enumerate(cut_at(text, self.special_tokens)):
            ids += [self.vocab[part]] if number % 2 else self._encode(part)
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

    def bytes_of(self, i: int) -> bytes:
        """The bytes that token `i` stands for."""
        return self._bytes[i]

    def groups(self, ids: Sequence[int]) -> list[list[int]]:
        """Ids that share a character together, the others alone: each group is readable text.

        With bytes only, " é" is [[" "], ["\\xc3", "\\xa9"]].
        """
        waiting = codecs.getincrementaldecoder("utf-8")(errors="replace")
        groups: list[list[int]] = [[]]
        for i in ids:
            groups[-1].append(i)
            waiting.decode(self._bytes[i])
            if not waiting.getstate()[0]:  # no bytes of an unfinished character
                groups.append([])
        return groups if groups[-1] else groups[:-1]

    def unknown(self, text: str) -> list[Unknown]:
        """Return every half character of `text`, with its position."""
        if text.isascii():
            return []
        return [Unknown(half.group(), half.start()) for half in HALVES.finditer(text)]

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = []
        known = self._known
        for piece in pieces(text, self.rule):
            ids += known.get(piece) or self._piece(piece)
        return ids

    def _piece(self, piece: str) -> list[int]:
        letters = [LETTERS[byte] for byte in piece.encode()]
        ids = [self.vocab[token] for token in self._merged(letters)]
        if len(self._known) < REMEMBERED:
            self._known[piece] = ids
        return ids

    def _merged(self, tokens: list[str]) -> list[str]:
        """Merge until no pair has been learnt: ["Ġ", "t", "h", "e"] → ["Ġ", "t", "he"] → …"""
        rank: Any = self._rank
        while len(tokens) > 1:
            learnt, pair = min((rank.get(pair, math.inf), pair) for pair in pairwise(tokens))
            if learnt == math.inf:
                break
            tokens = merge_pair(tokens, pair, "".join(pair))
        return tokens


def cut_at(text: str, special_tokens: Sequence[str]) -> list[str]:
    """The text between special tokens, and them at odd places: "a<s>b" → ["a", "<s>", "b"]."""
    if not any(token in text for token in special_tokens):
        return [text]
    longest_first = sorted(special_tokens, key=len, reverse=True)
    return re.split(f"({'|'.join(map(re.escape, longest_first))})", text)


def as_bytes(token: str) -> bytes:
    """What a token stands for; a token that is not in byte letters stands for itself."""
    if all(letter in BYTES for letter in token):
        return bytes(BYTES[letter] for letter in token)
    return token.encode()
