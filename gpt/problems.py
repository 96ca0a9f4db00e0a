"""Exact match: how many held-out problems of a toy task a model answers rightly, to the last sign.

The loss on a toy text mixes what can be foreseen with what cannot (the random letters of a
question); the share of right answers does not. The model reads a newline and the question, and then
writes what is likeliest, one token after the other, from its own tokens and never from the true
ones. An answer is right when all of it is, the newline that ends it included (`copying` does not
ask for that). `brackets` asks for one sign: the likeliest of the three closing brackets.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gpt.errors import TextError, nearest
from gpt.model import LanguageModel
from gpt.sampling import Reader
from gpt.text import split
from gpt.toys import SEED, TOYS, Problem

PROBLEMS = 128  # asked in every evaluation of a training
POSITIONS = 2**13  # of contexts that are kept at once: bounds the memory of the keys and values


@dataclass(frozen=True)
class ExactMatch:
    """How a model did on `problems` problems.

    `share` is that of right answers, `error` its standard error √(share (1 − share) / problems).
    `guessing` is the share that guessing gets right: an answer drawn from those to the other
    problems. `wrong` lists (question, right answer, the model's answer).
    """

    share: float
    error: float
    guessing: float
    problems: int
    wrong: list[tuple[str, str, str]]


def held_out_problems(task: str, text: str, most: int = PROBLEMS) -> list[Problem]:
    """The first `most` problems of the toy `text` that stand in its validation part alone.

    A line that the split cuts in two belongs to neither part. A question with which a line of the
    training part begins is passed over: of `brackets` that is every second one, the shortest.
    """
    training, validation = split(text)
    draw, ask = random.Random(SEED), _toy(task).ask
    problems: list[Problem] = []
    for line in validation.partition("\n")[2].splitlines():
        if len(problems) == most:
            break
        problem = ask(line, draw)
        if f"\n{problem.question}" not in training:
            problems.append(problem)
    return problems


def exact_match(
    model: LanguageModel, tokenizer: Any, task: str, problems: Sequence[Problem]
) -> ExactMatch:
    """Ask `model` all `problems` of a toy task; see the module's header.

    Raises TextError when there is no such task or no problem, or when the tokenizer does not know
    a sign of a question.
    """
    choices = _toy(task).choices
    if not problems:
        raise TextError("There is no problem to ask: give at least 1.")
    at_once, said = max(1, POSITIONS // model.config.block_size), []
    for first in range(0, len(problems), at_once):
        said += _answers(model, tokenizer, problems[first : first + at_once], choices)
    wrong = [
        (problem.question, problem.answer, answer)
        for problem, answer in zip(problems, said, strict=True)
        if answer != problem.answer
    ]
    n = len(problems)
    share = 1 - len(wrong) / n
    error = math.sqrt(share * (1 - share) / n)
    return ExactMatch(share, error, guessing(problems), n, wrong)


def guessing(problems: Sequence[Problem]) -> float:
    """What guessing gets right: the chance that two of the answers are the same."""
    counts, n = Counter(problem.answer for problem in problems).values(), len(problems)
    return sum(c * (c - 1) for c in counts) / max(1, n * (n - 1))


def _toy(task: str) -> Any:
    if task not in TOYS:
        raise TextError(f"There is no toy task {task!r}.{nearest(task, TOYS)}")
    return TOYS[task]


@torch.inference_mode()
def _answers(
    model: LanguageModel, tokenizer: Any, problems: Sequence[Problem], choices: str
) -> list[str]:
    """The likeliest answers, each cut to the length of the right one, or where its line ends."""
    texts = [tokenizer.encode(f"\n{problem.question}") for problem in problems]
    begins = [len(ids) for ids in texts]
    ends = [len(ids) + len(p.answer) for ids, p in zip(texts, problems, strict=True)]
    banned = torch.zeros(tokenizer.vocab_size)  # (V,), added to the scores
    if choices:
        banned += -torch.inf
        banned[tokenizer.encode(choices)] = 0.0
    reader = Reader(model, batch=len(texts))
    was_training = model.training
    model.eval()  # once, and not for every token
    for length in range(min(begins), max(ends)):
        scores = reader.next_logits(texts, length)  # (B, V)
        likeliest = (scores + banned.to(scores)).argmax(-1).tolist()  # (B,)
        for ids, chosen in zip(texts, likeliest, strict=True):
            if len(ids) == length:  # else the next token is the question's own
                ids.append(chosen)
    model.train(was_training)
    said = []
    for ids, begin, problem in zip(texts, begins, problems, strict=True):
        answer, newline, _ = tokenizer.decode(ids[begin:]).partition("\n")
        said.append((answer + newline)[: len(problem.answer)])
    return said
