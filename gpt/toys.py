"""Texts that follow one rule, made from a seed: what there is to learn in them is known exactly.

On such a text a small model learns a mechanism that a picture can show, and its answers are right
or wrong (`problems.py`). Every line is a problem with its answer. But for a few of `copying`, no
line stands twice in its text: the validation part holds problems that training never shows.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SEED = 1337
LINES = 20_000
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PARTNERS = {"(": ")", "[": "]", "{": "}"}
DEEPEST = 6  # brackets that are open at once


@dataclass(frozen=True)
class Problem:
    """The beginning of a line, and how it has to go on; a newline in the answer ends the line."""

    question: str
    answer: str


def copying(seed: int = SEED, lines: int = LINES) -> str:
    """Lines of 4 to 20 different letters in random order, said twice, such as "qxbfqxbf".

    The first half cannot be foreseen; the second, from its second letter on, can be foreseen
    wholly. Halves differ in length, so that counting back a fixed number of places does not help.
    What comes next stands after the last copy of the present letter: an induction head finds it
    (Elhage et al. 2021; Olsson et al. 2022, "In-context learning and induction heads").
    """
    draw = random.Random(seed)
    halves = ["".join(draw.sample(LETTERS, draw.randint(4, 20))) for _ in range(lines)]
    return "".join(f"{half}{half}\n" for half in halves)


def reversing(seed: int = SEED, lines: int = LINES) -> str:
    """Lines of 4 to 10 letters and the same backwards, such as "qxbf|fbxq".

    All after "|" can be foreseen: next comes what stood *before* the first copy of the present
    sign, up to the newline before the line. So an induction head that copies the sign on the other
    side does it; so does counting, as in the RASP program for reversing (Weiss et al. 2021,
    "Thinking like transformers"): the k-th from the end.
    """
    draw = random.Random(seed)
    words = (_word(draw) for _ in range(lines))
    return _text(f"{word}|{word[::-1]}" for word in words)


def sorting(seed: int = SEED, lines: int = LINES) -> str:
    """Lines of 4 to 10 letters and the same in the order of the alphabet: "qxbf>bfqx".

    All after ">" can be foreseen: next comes the first letter of the alphabet, after the present
    one, that the word has. One head can look for it among the word's letters; sorting is another
    of the RASP programs of Weiss et al. 2021.
    """
    draw = random.Random(seed)
    words = (_word(draw) for _ in range(lines))
    return _text(f"{word}>{''.join(sorted(word))}" for word in words)


def addition(seed: int = SEED, lines: int = 2 * LINES) -> str:
    """Sums of two numbers of 1 to 3 digits, as people write them: "27+385=412".

    All after "=" can be foreseen, but the first digit of a sum depends on all that follow, through
    the carries: the hard order (Lee et al. 2023, "Teaching arithmetic to small transformers").
    """
    return _sums(seed, lines, backwards=False)


def addition_reversed(seed: int = SEED, lines: int = 2 * LINES) -> str:
    """The same sums with the digits of the sum from the last to the first: "27+385=214".

    Each digit needs two digits of the question and the carry of the digit before it, which stands
    there: the order in which the sum is worked out on paper, and the easy one (Lee et al. 2023).
    """
    return _sums(seed, lines, backwards=True)


def brackets(seed: int = SEED, lines: int = LINES) -> str:
    """Balanced rows of 4 to 12 pairs of (), [] and {}, at most 6 deep: "([]{()})".

    Whether one opens or closes cannot be foreseen; which closing bracket fits can: that of the last
    one still open. This is the Dyck language with three pairs and bounded depth, which two layers
    of attention can follow: one counts the depth, one looks for the last bracket that opened at the
    present depth (Yao et al. 2021, "Self-attention networks can process bounded hierarchical
    languages").
    """
    draw = random.Random(seed)
    return _text(_balanced(draw, draw.randint(4, 12)) for _ in range(lines))


def _word(draw: random.Random) -> str:
    return "".join(draw.sample(LETTERS, draw.randint(4, 10)))


def _sums(seed: int, lines: int, backwards: bool) -> str:
    draw = random.Random(seed)
    pairs = ([draw.randrange(10 ** draw.randint(1, 3)) for _ in "ab"] for _ in range(lines))
    return _text(f"{a}+{b}={str(a + b)[:: -1 if backwards else 1]}" for a, b in pairs)


def _balanced(draw: random.Random, pairs: int) -> str:
    """So many pairs: opened or closed by the toss of a coin, where both can be."""
    row, closing = "", ""  # closing: what fits next, last first
    while pairs or closing:
        if pairs and (not closing or (len(closing) < DEEPEST and draw.random() < 0.5)):
            opened = draw.choice("([{")
            row, closing, pairs = row + opened, PARTNERS[opened] + closing, pairs - 1
        else:
            row, closing = row + closing[0], closing[1:]
    return row


def _text(lines: Iterator[str]) -> str:
    """The lines, each ended by a newline; of lines that are the same, the first."""
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _ask_copying(line: str, draw: random.Random) -> Problem:
    """Once the first letter is said again, the rest of the half; not where it ends, which is a
    second thing to learn: the present letter's last copy is followed by a letter there too."""
    n = len(line) // 2 + 1
    return Problem(line[:n], line[n:])


def _ask_after(mark: str) -> Callable[[str, random.Random], Problem]:
    def ask(line: str, draw: random.Random) -> Problem:
        question, _, answer = line.partition(mark)
        return Problem(question + mark, answer + "\n")

    return ask


def _ask_bracket(line: str, draw: random.Random) -> Problem:
    """One of the places where a bracket closes: which does?"""
    place = draw.choice([i for i, sign in enumerate(line) if sign in PARTNERS.values()])
    return Problem(line[:place], line[place])


@dataclass(frozen=True)
class Toy:
    """A toy task: its text, what it is in a line, and how its lines are made into problems.

    `choices`: the signs among which the answer is chosen, where the question says so.
    """

    write: Callable[[], str]
    summary: str
    example: str  # a line
    ask: Callable[[str, random.Random], Problem]
    choices: str = ""


TOYS: dict[str, Toy] = {
    "copying": Toy(copying, "letters, said twice", "qxbfmzwkdhqxbfmzwkdh", _ask_copying),
    "reversing": Toy(reversing, "letters, then backwards", "qxbfmz|zmfbxq", _ask_after("|")),
    "sorting": Toy(sorting, "letters, then in order", "qxbfmz>bfmqxz", _ask_after(">")),
    "addition_reversed": Toy(
        addition_reversed, "sums with their last digit first", "27+385=214", _ask_after("=")
    ),
    # A sum that reads the same from both sides: this example suits both ways to write sums.
    "addition": Toy(addition, "two numbers and their sum", "147+65=212", _ask_after("=")),
    "brackets": Toy(
        brackets, "brackets that close in order", "([]{()})", _ask_bracket, choices=")]}"
    ),
}
