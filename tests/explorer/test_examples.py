"""The example in a text box is one whose signs the model knows."""

import pytest

import gpt
from explorer.examples import EXAMPLES, SENTENCE, SHORT, example_for, fitting
from gpt.toys import TOYS


@pytest.mark.parametrize("task", TOYS)
def test_a_toys_vocabulary_gets_a_line_of_that_toy(task):
    tokenizer = gpt.CharTokenizer.train(gpt.load_corpus(task).text)
    # Both ways to write sums have the same signs: their example reads the same from both sides.
    wanted = "addition" if task == "addition_reversed" else task
    assert example_for(tokenizer) == TOYS[wanted].example
    sum_of = TOYS["addition"].example.partition("=")[2]
    assert sum_of == sum_of[::-1]


def test_a_sentence_comes_first_and_stands_where_nothing_is_known():
    assert example_for(gpt.CharTokenizer.train("To be, or not that is the question")) == SHORT
    assert example_for(gpt.CharTokenizer.train("xyz"), SENTENCE) == SENTENCE


def test_only_an_example_makes_place_for_another():
    assert fitting(None, "new") == fitting(EXAMPLES[2], "new") == "new"
    assert fitting("my own", "new") == "my own"
