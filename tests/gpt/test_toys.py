"""Toy texts: they follow their rule, and are the same everywhere."""

from gpt.text import load_corpus
from gpt.toys import copying


def test_every_line_says_different_letters_twice():
    for line in copying(seed=3, lines=500).splitlines():
        half = line[: len(line) // 2]
        assert line == half * 2 and len(set(half)) == len(half) and 4 <= len(half) <= 20


def test_halves_of_many_lengths_so_that_counting_places_does_not_help():
    lengths = {len(line) // 2 for line in copying(lines=500).splitlines()}
    assert lengths == set(range(4, 21))


def test_a_seed_decides_the_text():
    assert copying(seed=1, lines=5) == copying(seed=1, lines=5) != copying(seed=2, lines=5)


def test_the_corpus_is_the_one_that_the_shipped_model_learned():
    """Its card names this hash: a Python that drew other letters would make the card untrue."""
    sha256 = "6b8a7565bcfa513f222f79d4ddbe73f3b91df5f058f80d28392b05b835e98fc2"
    assert load_corpus("copying").sha256 == sha256
