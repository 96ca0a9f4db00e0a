"""Learning byte pairs: merge the pair that occurs most often, again and again.

Every byte is a token at first. The most frequent pair of neighbours becomes a token of its own, the
pairs are counted anew, and so on (Sennrich et al. 2016, algorithm 1; on bytes as in Radford et al.
2019). Of pairs that are equally frequent, the one whose tokens have the lowest ids is first: merges
and ids are those of Hugging Face's `tokenizers`. Each distinct piece of the text is kept once, with
how often it occurs, and only those that hold the merged pair are counted anew.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import Any

from gpt.errors import CheckpointError, ConfigError
from gpt.tokenizers.byte_pairs import (
    END_OF_TEXT,
    LETTERS,
    RULES,
    BytePairs,
    cut_at,
    merge_pair,
    pieces,
)

LEAST = 2  # a pair that occurs once is no pattern
VOCAB_SIZE = 1024  # unless told otherwise
MAX_VOCAB_SIZE = 65_536

Pair = tuple[int, int]


@dataclass(frozen=True)
class Merge:
    """One step of learning: the pair in byte letters, and how often it occurred at that moment."""

    rank: int  # 0 = learnt first
    pair: tuple[str, str]
    count: int


class BPETokenizer(BytePairs):
    """Byte pairs learnt from a text. Ids: special tokens, the 256 bytes, then the merges' tokens.

    >>> tokenizer = BPETokenizer.train("low lower lowest " * 3, vocab_size=260)
    >>> tokenizer.merges
    ['o w', 'l ow', 'Ġ low']
    """

    kind = "bpe"

    @classmethod
    def train(
        cls,
        text: str,
        vocab_size: int = VOCAB_SIZE,
        rule: str = "gpt2",
        special_tokens: Sequence[str] = (END_OF_TEXT,),
    ) -> "BPETokenizer":
        """Learn merges until there are `vocab_size` tokens, or no pair occurs twice.

        rule: how the text is cut into pieces, "gpt2" or "gpt4". Raises ConfigError when the bytes
        and special tokens alone are more than `vocab_size`.
        """
        least = len(LETTERS) + len(special_tokens)
        if not least <= vocab_size <= MAX_VOCAB_SIZE:
            raise ConfigError(
                f"vocab_size must be between {least} (the bytes and special tokens alone) and"
                f" {MAX_VOCAB_SIZE}, got {vocab_size}."
            )
        learnt = learn_merges(text, vocab_size - least, rule, special_tokens)
        return cls.from_merges((" ".join(merge.pair) for merge in learnt), rule, special_tokens)

    @classmethod
    def from_merges(
        cls,
        merges: Iterable[str],
        rule: str = "gpt2",
        special_tokens: Sequence[str] = (END_OF_TEXT,),
    ) -> "BPETokenizer":
        """The tokenizer of some merges, "Ġ t"; the first of many are those of a smaller one.

        Raises CheckpointError for a merge of anything but two tokens that are known before it.
        """
        merges = list(merges)
        names = [*special_tokens, *sorted(LETTERS)]
        vocab = {name: i for i, name in enumerate(dict.fromkeys(names))}
        for merge in merges:
            pair = merge.split(" ")
            if len(pair) != 2 or not all(token in vocab for token in pair):
                raise CheckpointError(f"The merge {merge!r} is not one of two tokens before it.")
            vocab.setdefault("".join(pair), len(vocab))
        return cls(vocab, merges, rule, special_tokens)

    @property
    def start(self) -> int:
        """What an empty prompt begins with: a new line, which a text has and END_OF_TEXT may not
        have been met in training."""
        return self.vocab[LETTERS[ord("\n")]]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the merges as a JSON file."""
        Path(path).write_text(json.dumps(self.to_dict()), encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BPETokenizer":
        """Read what `save` has written."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "merges": self.merges,
            "rule": self.rule,
            "special_tokens": self.special_tokens,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BPETokenizer":
        return cls.from_merges(values["merges"], values["rule"], values["special_tokens"])


def learn_merges(
    text: str,
    n: int,
    rule: str = "gpt2",
    special_tokens: Sequence[str] = (END_OF_TEXT,),
) -> Iterator[Merge]:
    """Yield merges as they are learnt, until `n` tokens are new or no pair occurs twice.

    The special tokens of the text are left out, and no pair reaches over them.
    """
    if rule not in RULES:
        raise ConfigError(f"rule must be one of {', '.join(RULES)}, got {rule!r}.")
    if "" in special_tokens:
        raise ConfigError("A special token must not be empty: leave it out.")
    found: Counter[str] = Counter()
    for part in cut_at(text, special_tokens)[::2]:
        found.update(pieces(part, rule))
    counts = _PairCounts(found)
    names = sorted(LETTERS)
    ids = {name: i for i, name in enumerate(names)}
    rank = 0
    while len(names) < len(LETTERS) + n and (most := counts.most_frequent()):
        (first, second), count = most
        token = names[first] + names[second]
        if token not in ids:  # two pairs may make the same token
            ids[token] = len(names)
            names.append(token)
        counts.merge((first, second), ids[token])
        yield Merge(rank, (names[first], names[second]), count)
        rank += 1


class _PairCounts:
    """How often each pair of neighbours occurs in the pieces of a text, while pairs are merged."""

    def __init__(self, found: Mapping[str, int]) -> None:
        """found: each piece and how often it occurs."""
        place = {letter: i for i, letter in enumerate(sorted(LETTERS))}
        of_byte = [place[letter] for letter in LETTERS]
        self.words = [[of_byte[byte] for byte in piece.encode()] for piece in found]
        self.times = list(found.values())
        self.counts: dict[Pair, int] = defaultdict(int)
        self.where: dict[Pair, set[int]] = defaultdict(set)  # words that hold, or held, the pair
        for w, word in enumerate(self.words):
            for pair in pairwise(word):
                self.counts[pair] += self.times[w]
                self.where[pair].add(w)
        # Counts in the heap may be too large: a pair is put right when it comes to the top.
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapify(self.heap)

    def most_frequent(self) -> tuple[Pair, int] | None:
        """The pair to merge next and its count; None when no pair occurs LEAST times."""
        while self.heap:
            noted, pair = heappop(self.heap)
            count = self.counts[pair]
            if count == -noted and count >= LEAST:
                return pair, count
            if count >= LEAST:
                heappush(self.heap, (-count, pair))
        return None

    def merge(self, pair: Pair, token: int) -> None:
        """Put `token` in the place of `pair` in all words."""
        changes: dict[Pair, int] = defaultdict(int)
        for w in self.where.pop(pair):
            before, times = self.words[w], self.times[w]
            after = merge_pair(before, pair, token)
            if len(after) == len(before):
                continue
            self.words[w] = after
            for old in pairwise(before):
                changes[old] -= times
            for new in pairwise(after):
                changes[new] += times
                self.where[new].add(w)
        for changed, change in changes.items():
            self.counts[changed] += change
            if change > 0:
                heappush(self.heap, (-self.counts[changed], changed))
