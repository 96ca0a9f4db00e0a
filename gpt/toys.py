"""Texts that follow one rule, made from a seed: what there is to learn in them is known exactly.

On such a text a small model learns a mechanism that a picture can show. `copying` is the task of
Elhage et al. 2021 and Olsson et al. 2022 ("In-context learning and induction heads"): what comes
next stands earlier in the line, after the last copy of the present letter.
"""

import random
from collections.abc import Callable

SEED = 1337
LINES = 20_000
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def copying(seed: int = SEED, lines: int = LINES) -> str:
    """Lines of 4 to 20 different letters in random order, said twice, such as "qxbfqxbf".

    The first half cannot be foreseen; the second, from its second letter on, can be foreseen
    wholly. Halves differ in length, so that counting back a fixed number of places does not help.
    """
    draw = random.Random(seed)
    halves = ["".join(draw.sample(LETTERS, draw.randint(4, 20))) for _ in range(lines)]
    return "".join(f"{half}{half}\n" for half in halves)


TOYS: dict[str, Callable[[], str]] = {"copying": copying}
