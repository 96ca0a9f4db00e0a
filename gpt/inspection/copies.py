"""Does the model write, or recite? The longest pieces of a text that stand in the training text.

The text is compared with the training text at every place at once: all places with one equal
character, of these those with two, and so on until none is left. What keeps it fast is that a
checksum of the first few characters rules out nearly every place before that.
"""

from dataclasses import dataclass

import numpy as np

from gpt.errors import GPTError

LONGEST_CHECKSUM = 8  # characters; longer ones cost more than they rule out
CHECKSUM_BITS = 18  # the checksums of a page of text are then a few thousandths of all


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
    lengths, sources = _matches(*_numbered(text, training), least)
    inside = np.zeros(len(lengths), dtype=bool)  # the piece that starts one earlier ends no earlier
    inside[1:] = lengths[:-1] > lengths[1:]
    starts = np.flatnonzero((lengths >= least) & ~inside)
    copies = [Copy(int(i), int(lengths[i]), int(sources[i])) for i in starts]
    return sorted(copies, key=lambda copy: (-copy.length, copy.start))


def _matches(
    said: np.ndarray, known: np.ndarray, width: int, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each place of the text: how long the longest match is that starts there, and its source.

    Matches shorter than `least` may be missed. Places of the text whose next m characters are equal
    are one class. `found` are the places of the training text whose next m characters are those of
    some class, `its_class` says which.
    """
    lengths, sources = np.zeros((2, len(said) - 1), dtype=np.int64)
    places = np.arange(len(said) - 1)  # in the text, and their classes
    classes = np.zeros_like(places)
    found = _candidates(said, known, min(least, LONGEST_CHECKSUM))
    its_class = np.zeros_like(found)
    m = 0
    while len(places):
        longer, classes_now = np.unique(classes * width + said[places + m], return_inverse=True)
        table = np.full((classes.max() + 1) * width, -1, dtype=np.int64)
        table[longer] = np.arange(len(longer))
        its_class = table[its_class * width + known[found + m]]
        found, its_class = found[its_class >= 0], its_class[its_class >= 0]
        first = np.full(len(longer), -1, dtype=np.int64)
        first[its_class[::-1]] = found[::-1]  # of several places the last one written stays
        alive = first[classes_now] >= 0
        places, classes = places[alive], classes_now[alive]
        m += 1
        lengths[places], sources[places] = m, first[classes]
    return lengths, sources


def _candidates(said: np.ndarray, known: np.ndarray, characters: int) -> np.ndarray:
    """Places of the training text whose next few characters may stand in the text too."""
    in_text = np.zeros(1 << CHECKSUM_BITS, dtype=bool)
    in_text[_checksums(said[:-1], characters)] = True
    return np.flatnonzero(in_text[_checksums(known[:-1], characters)])


def _checksums(numbers: np.ndarray, characters: int) -> np.ndarray:
    """A number below 2^CHECKSUM_BITS for each run of so many characters."""
    runs = max(0, len(numbers) - characters + 1)
    sums = np.zeros(runs, dtype=np.uint32)
    for k in range(characters):
        sums = sums * np.uint32(0x9E3779B1) + numbers[k : k + runs].astype(np.uint32)
    return (sums ^ (sums >> np.uint32(15))) & np.uint32((1 << CHECKSUM_BITS) - 1)


def _numbered(text: str, training: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Characters as small numbers, and how many: those of `text` from 0, all others one number.

    Each ends with a number that the other never has, so that no match goes on behind the end.
    """
    text_codes, training_codes = (
        np.frombuffer(part.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
        for part in (text, training)
    )
    alphabet, numbers = np.unique(text_codes, return_inverse=True)
    foreign, end = len(alphabet), len(alphabet) + 1
    table = np.full(
        max(text_codes.max(initial=0), training_codes.max(initial=0)) + 1, foreign, dtype=np.int64
    )
    table[alphabet] = np.arange(foreign)
    return np.append(numbers, end), np.append(table[training_codes], foreign), end + 1
