"""Toy texts: they follow their rule, and are the same everywhere."""

import random

import pytest

from gpt.text import load_corpus
from gpt.toys import (
    DEEPEST,
    TOYS,
    addition,
    addition_reversed,
    brackets,
    copying,
    reversing,
    sorting,
)

HASHES = {  # a Python that drew other letters would make cards and measured figures untrue
    "copying": "6b8a7565bcfa513f222f79d4ddbe73f3b91df5f058f80d28392b05b835e98fc2",  # shipped model
    "reversing": "2b47ea2108f713e58daf9cc82207a4a17a2c092f2be728a9c968891333dac40a",
    "sorting": "0a618196a322c55ff6091da55362c0af3b236e557c5f43c960b41d72a6a0549b",
    "addition": "11877fc591203ecf76b7b5268fa72812f3dd3121b26df9134c4d9365ee0b9b24",
    "addition_reversed": "57d47d748d8e7c3417700b34f4817ce7fd1ac45e1d9c39aa346e53edae8683e6",
    "brackets": "f10e11fc9f2f2c03d1dd8ff79a1ee778532d119642aabf2240dded4afb53da89",
}
WRITERS = [copying, reversing, sorting, addition, addition_reversed, brackets]


def closes(line: str) -> int:
    """The most brackets open at once, by a stack; -1 where one does not fit."""
    stack, most = [], 0
    for sign in line:
        if sign in "([{":
            stack.append(sign)
        elif not stack or stack.pop() + sign not in ("()", "[]", "{}"):
            return -1
        most = max(most, len(stack))
    return -1 if stack else most


def follows(task: str, line: str) -> bool:
    """Whether Python itself says that the line is right."""
    if task == "copying":
        half = line[: len(line) // 2]
        return line == half * 2 and len(set(half)) == len(half) and 4 <= len(half) <= 20
    if task in ("reversing", "sorting"):
        word, answer = line.split("|" if task == "reversing" else ">")
        right = list(reversed(word)) if task == "reversing" else sorted(word)
        return list(answer) == right and len(set(word)) == len(word) and 4 <= len(word) <= 10
    if task == "brackets":
        return 8 <= len(line) <= 24 and 1 <= closes(line) <= DEEPEST
    question, answer = line.split("=")
    a, b = map(int, question.split("+"))
    known = answer[::-1] if task == "addition_reversed" else answer
    return 0 <= a <= 999 and 0 <= b <= 999 and str(a + b) == known


@pytest.mark.parametrize("task", TOYS)
def test_every_line_is_right_and_the_example_is_such_a_line(task):
    text = TOYS[task].write()
    assert text.endswith("\n")
    wrong = [line for line in [*text.splitlines(), TOYS[task].example] if not follows(task, line)]
    assert wrong == []


@pytest.mark.parametrize(
    ("task", "line"),
    [
        ("copying", "qxbfqxfb"), ("reversing", "qxbf|fbqx"), ("sorting", "qxbf>bfxq"),
        ("addition", "27+385=411"), ("addition_reversed", "27+385=412"), ("brackets", "([)]([])"),
    ],
)  # fmt: skip
def test_a_wrong_line_would_be_noticed(task, line):
    assert not follows(task, line)


def test_halves_of_many_lengths_so_that_counting_places_does_not_help():
    lengths = {len(line) // 2 for line in copying(lines=500).splitlines()}
    assert lengths == set(range(4, 21))


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_seed_decides_the_text(write):
    assert write(seed=1, lines=5) == write(seed=1, lines=5) != write(seed=2, lines=5)


def test_the_corpora_are_the_ones_that_were_learned():
    """The shipped model's card names the hash of `copying`."""
    assert {task: load_corpus(task).sha256 for task in TOYS} == HASHES


@pytest.mark.parametrize("task", TOYS)
def test_the_size_is_that_of_a_text_to_learn_from_and_lines_hardly_ever_repeat(task):
    text = load_corpus(task).text
    lines = text.splitlines()
    assert 250_000 < len(text) < 600_000
    assert len(lines) - len(set(lines)) == (3 if task == "copying" else 0)


@pytest.mark.parametrize("task", TOYS)
def test_a_problem_is_a_line_cut_in_two(task):
    draw, toy = random.Random(1), TOYS[task]
    for line in toy.write().splitlines()[:200]:
        problem = toy.ask(line, draw)
        assert (line + "\n").startswith(problem.question + problem.answer)
        assert problem.question and problem.answer
        if task == "brackets":
            assert problem.answer in toy.choices
        elif task != "copying":
            assert problem.answer.endswith("\n")
