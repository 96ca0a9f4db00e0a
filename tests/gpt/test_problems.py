"""Exact match: asked of models that always, never or half of the time know the answer."""

import json
import math

import pytest
import torch
from torch import nn

import gpt
from gpt.cli import main
from gpt.config import ModelConfig
from gpt.errors import TextError
from gpt.problems import exact_match, guessing, held_out_problems
from gpt.text import load_corpus, split
from gpt.toys import TOYS, Problem

SMALL = ModelConfig(block_size=16, n_layer=1, n_head=2, n_embd=8, init="tutorial")
TASKS = list(TOYS)


def tokenizer_of(task):
    return gpt.CharTokenizer.train(load_corpus(task).text)


class Knows(nn.Module):
    """Writes the right answers to some problems, and elsewhere always its first token."""

    def __init__(self, tokenizer, problems, context=64):
        super().__init__()
        self.config = ModelConfig(block_size=context, causal=False)  # so it reads the whole text
        self.weight = nn.Parameter(torch.zeros(1))
        self.tokenizer = tokenizer
        self.lines = [f"\n{p.question}{p.answer}" for p in problems]

    def forward(self, idx, targets=None, cache=None):
        logits = torch.zeros(*idx.shape, self.tokenizer.vocab_size)
        for row, ids in enumerate(idx.tolist()):
            read = self.tokenizer.decode(ids)
            for line in self.lines:
                if line.startswith(read) and line != read:
                    logits[row, -1, self.tokenizer.encode(line[len(read)])[0]] = 1.0
        return logits, None


@pytest.mark.parametrize("task", TASKS)
def test_problems_are_held_out(task):
    """Outside the training part, as lines of the validation part say."""
    text = load_corpus(task).text
    training, validation = (set(part.splitlines()) for part in split(text))
    problems = held_out_problems(task, text)
    assert len(problems) == 128 and problems == held_out_problems(task, text)
    for problem in problems:
        asked = problem.question + problem.answer.rstrip("\n")
        assert any(line.startswith(asked) for line in validation)
        assert not any(line.startswith(problem.question) for line in training)


@pytest.mark.parametrize("task", TASKS)
def test_who_knows_all_gets_one_and_who_knows_half_gets_half(task):
    tokenizer = tokenizer_of(task)
    problems = held_out_problems(task, load_corpus(task).text, 20)
    found = exact_match(Knows(tokenizer, problems), tokenizer, task, problems)
    assert (found.share, found.error, found.problems, found.wrong) == (1.0, 0.0, 20, [])
    if task == "brackets":
        return  # its first choice is right now and then
    found = exact_match(Knows(tokenizer, problems[:10]), tokenizer, task, problems)
    assert found.share == 0.5 and found.error == math.sqrt(0.25 / 20)
    assert [wrong[:2] for wrong in found.wrong] == [(p.question, p.answer) for p in problems[10:]]


def test_all_of_the_answer_counts_also_where_it_ends():
    tokenizer = tokenizer_of("reversing")
    right = Problem("abcd|", "dcba\n")
    too_long = Problem("abcd|", "dcbaq\n")
    found = exact_match(Knows(tokenizer, [too_long]), tokenizer, "reversing", [right])
    assert found.wrong == [("abcd|", "dcba\n", "dcbaq")]
    too_short = Problem("abcd|", "dcb\n")
    found = exact_match(Knows(tokenizer, [too_short]), tokenizer, "reversing", [right])
    assert found.wrong == [("abcd|", "dcba\n", "dcb\n")]


def test_brackets_are_chosen_among_the_closing_ones_and_guessing_gets_a_third():
    tokenizer, text = tokenizer_of("brackets"), load_corpus("brackets").text
    problems = held_out_problems("brackets", text, 400)
    assert guessing(problems) == pytest.approx(1 / 3, abs=0.02)
    found = exact_match(
        gpt.build_model(SMALL, tokenizer.vocab_size), tokenizer, "brackets", problems
    )
    assert {answer for _, _, answer in found.wrong} <= set(")]}")
    assert abs(found.share - 1 / 3) < 5 * found.error


def test_guessing_is_the_chance_that_two_answers_are_the_same():
    assert guessing([Problem("", answer) for answer in "aabc"]) == pytest.approx(2 / 12)
    assert guessing([Problem("", "a")]) == 0.0


@pytest.mark.parametrize("causal", [True, False])
def test_the_answers_are_those_that_generate_writes_greedily(causal):
    """With the cache or without, and past the end of the context."""
    tokenizer = tokenizer_of("reversing")
    config = ModelConfig(
        block_size=8, n_layer=1, n_head=2, n_embd=8, causal=causal, init="tutorial"
    )
    model = gpt.build_model(config, tokenizer.vocab_size).train()
    problems = held_out_problems("reversing", load_corpus("reversing").text, 12)
    wrong = exact_match(model, tokenizer, "reversing", problems).wrong
    assert len(wrong) == 12 and model.training
    for question, right, answer in wrong:
        prompt = "\n" + question
        said = gpt.generate(model, tokenizer, prompt, len(right), temperature=0)[len(prompt) :]
        line, newline, _ = said.partition("\n")
        assert answer == line + newline


def test_mistakes_are_said():
    tokenizer = tokenizer_of("sorting")
    model = Knows(tokenizer, [])
    with pytest.raises(TextError, match=r"no toy task 'sortin'.*sorting"):
        exact_match(model, tokenizer, "sortin", [Problem("ab>", "ab\n")])
    with pytest.raises(TextError, match="at least 1"):
        exact_match(model, tokenizer, "sorting", [])


def test_training_on_a_toy_task_tells_exact_match_with_every_evaluation():
    corpus, tokenizer = load_corpus("brackets"), tokenizer_of("brackets")
    train = gpt.TrainConfig(max_steps=1, eval_interval=1, eval_iters=1, sample_tokens=2)
    model = gpt.build_model(SMALL, tokenizer.vocab_size)
    told = [
        (event.exact_match, event.problems)
        for event in gpt.train(model, corpus, tokenizer, train, "cpu")
        if isinstance(event, gpt.Evaluation)
    ]
    problems = held_out_problems("brackets", corpus.text)
    last = exact_match(model, tokenizer, "brackets", problems)
    assert len(told) == 2 and told[-1] == (pytest.approx(last.share), 128)


def test_eval_says_how_the_shipped_copying_model_does(capsys, monkeypatch):
    monkeypatch.setattr("gpt.cli.PROBLEMS", 128)
    assert main(["eval", "copying", "--corpus", "copying"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["exact_match"] > 0.9 and said["guessing"] < 0.01
    assert said["problems"] == 128 and 0 < said["exact_match_error"] < 0.03
    assert said["wrong"][0].keys() == {"question", "right", "answered"}
