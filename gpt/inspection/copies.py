"""Does the model write, or recite? The longest pieces of a text that stand in the training text.

The suffix automaton of the text (Blumer et al. 1985, "The smallest automaton recognizing the
subwords of a text") knows all its pieces. The training text is followed through it character by
character, each once, so the work grows with the two lengths added and not multiplied, also where
one character is repeated. What keeps it fast is that a checksum of the next few characters rules
out nearly every place before that.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gpt.errors import GPTError

LONGEST_CHECKSUM = 8  # characters; longer ones cost more than they rule out
CHECKSUM_BITS = 18  # the checksums of a page of text are then a few thousandths of all
START = 0  # the state of the empty piece


@dataclass(frozen=True)
class Copy:
    """A piece of a text that stands word for word in the training text, in characters."""

    start: int  # in the text
    length: int
    source: int  # where it starts in the training text; the first place, if there are several


def longest_copies(text: str, training: str, least: int = 8) -> list[Copy]:
    """All pieces of `text` with at least `least` characters that stand in `training`.

    Each is as long as it can be: none goes on at either end, and none lies inside another. The
    longest come first. Short pieces stand in any text by chance.
    """
    if least < 1:
        raise GPTError(f"least must be at least 1 character, got {least}.")
    automaton = _Automaton(text)
    spans = _likely_spans(_codes(text), _codes(training), least)
    lengths = automaton.longest_known(training[start:end] for start, end in spans)
    copies = []
    for end, (length, after) in enumerate(zip(lengths, [*lengths[1:], 0], strict=False), 1):
        if length >= least and after <= length:  # else the piece goes on
            piece = text[end - length : end]
            copies.append(Copy(end - length, length, training.find(piece)))
    return sorted(copies, key=lambda copy: (-copy.length, copy.start))


class _Automaton:
    """All pieces of a text as paths from START; pieces that end at the same places share a state.

    "abb": its states are of "", "a", "ab", "abb" with "bb", and "b".
    """

    def __init__(self, text: str) -> None:
        self.edges: list[dict[str, int]] = [{}]
        self.links = [-1]  # the state of the longest ending that more places of the text share
        self.lengths = [0]  # of the longest piece of each state
        self.prefixes = [START]  # the state of text[:i]
        for character in text:
            self.prefixes.append(self._append(character, self.prefixes[-1]))

    def _append(self, character: str, last: int) -> int:
        new = self._state({}, START, self.lengths[last] + 1)
        state = last
        while state >= 0 and character not in self.edges[state]:
            self.edges[state][character] = new
            state = self.links[state]
        if state < 0:
            return new
        known, length = self.edges[state][character], self.lengths[state] + 1
        if self.lengths[known] > length:  # its longer pieces do not end here: part the two
            long, known = known, self._state(dict(self.edges[known]), self.links[known], length)
            self.links[long] = known
            while state >= 0 and self.edges[state].get(character) == long:
                self.edges[state][character] = known
                state = self.links[state]
        self.links[new] = known
        return new

    def _state(self, edges: dict[str, int], link: int, length: int) -> int:
        self.edges.append(edges)
        self.links.append(link)
        self.lengths.append(length)
        return len(self.lengths) - 1

    def longest_known(self, parts: Iterable[str]) -> list[int]:
        """How long the longest piece is that ends with each character of the text and stands in one
        of `parts`."""
        known = [0] * len(self.lengths)  # for each state: its longest piece that is there
        for part in parts:
            self._follow(part, known)
        by_length = sorted(range(1, len(known)), key=self.lengths.__getitem__)
        for state in reversed(by_length):  # what is there has all its endings there
            link = self.links[state]
            if known[state]:
                known[link] = self.lengths[link]
        for state in by_length:
            known[state] = known[state] or known[self.links[state]]
        return [known[state] for state in self.prefixes[1:]]

    def _follow(self, part: str, known: list[int]) -> None:
        """Note in `known` the longest piece that ends with each character of `part`."""
        edges, links, lengths = self.edges, self.links, self.lengths
        state = length = 0
        for character in part:
            while character not in edges[state] and state != START:
                state = links[state]
                length = lengths[state]
            if character not in edges[state]:
                continue
            state = edges[state][character]
            length += 1
            if known[state] < length:
                known[state] = length


def _likely_spans(said: np.ndarray, known: np.ndarray, least: int) -> Iterator[tuple[int, int]]:
    """Parts (start, end) of the training text, apart from each other, outside of which no `least`
    characters stand in the text."""
    characters = min(least, LONGEST_CHECKSUM)
    in_text = np.zeros(1 << CHECKSUM_BITS, dtype=bool)
    in_text[_checksums(said, characters)] = True
    likely = in_text[_checksums(known, characters)]
    further = least - characters  # the last of the `least` characters are in the text as well
    starts = np.flatnonzero(likely[: len(likely) - further] & likely[further:])
    if not len(starts):
        return
    gaps = np.flatnonzero(np.diff(starts) > least)  # the places between two spans
    firsts, lasts = starts[np.append(0, gaps + 1)], starts[np.append(gaps, len(starts) - 1)]
    yield from zip(firsts.tolist(), (lasts + least).tolist(), strict=True)


def _checksums(codes: np.ndarray, characters: int) -> np.ndarray:
    """A number below 2^CHECKSUM_BITS for each run of so many characters."""
    runs = max(0, len(codes) - characters + 1)
    sums = np.zeros(runs, dtype=np.uint32)
    for k in range(characters):
        sums = sums * np.uint32(0x9E3779B1) + codes[k : k + runs]
    return (sums ^ (sums >> np.uint32(15))) & np.uint32((1 << CHECKSUM_BITS) - 1)


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
