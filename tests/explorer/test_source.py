import sys

import pytest
import torch

import gpt
from explorer.panels.code import functions_of, marked
from explorer.source import coloured, line_shapes, read_source


@pytest.mark.parametrize("shown", [gpt.Head, gpt.GPT, gpt.CharTokenizer, gpt.next_token_loss])
def test_the_coloured_pieces_are_the_source(shown):
    source = read_source(shown)
    lines = ["".join(text for _, text in pieces) for pieces in coloured(source.text)]
    assert lines == source.lines
    with open(source.file, encoding="utf-8") as file:
        assert source.lines[0] in file.read().splitlines()[source.first - 1]


def test_keywords_strings_comments_and_numbers_are_told_apart():
    text = 'def f(x):\n    """Two\n    lines."""\n    return x + 12  # so\n'
    assert coloured(text) == [
        [("keyword", "def"), ("", " f(x):")],
        [("", "    "), ("string", '"""Two')],
        [("string", '    lines."""')],
        [("", "    "), ("keyword", "return"), ("", " x + "), ("number", "12"), ("", "  "),
         ("comment", "# so")],
    ]  # fmt: skip


def test_the_lines_of_a_head_say_what_they_made():
    config = gpt.ModelConfig(n_embd=12, n_head=3, n_layer=1, block_size=5)
    head, source = gpt.Head(config), read_source(gpt.Head)
    found = line_shapes(lambda: head(torch.randn(2, 5, 12)), functions_of(gpt.Head))
    said = {source.lines[number - source.first].strip(): words for number, words in found.items()}
    by_start = {line.split("  #")[0]: words for line, words in said.items()}
    assert by_start["T = x.shape[1]"] == "T = 5"
    assert by_start["q = self.query(x)"] == "q (2, 5, 4)"
    assert by_start["scores = q @ k.transpose(-2, -1) * self.scale"] == "scores (2, 5, 5)"
    assert by_start["return self.dropout(weights) @ v, weights"] == "→ (2, 5, 4), (2, 5, 5)"


def repeated():
    for n in range(3):
        x = torch.zeros(n, 2)
    return x


def test_of_a_line_that_runs_again_the_last_time_is_said():
    found = line_shapes(repeated, [repeated])
    first = repeated.__code__.co_firstlineno
    assert found == {first + 1: "n = 2", first + 2: "x (2, 2)", first + 3: "→ (2, 2)"}


def test_a_tracer_is_left_as_it_was_also_after_an_error():
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError):
        line_shapes(lambda: 1 / 0, [repeated])
    assert sys.gettrace() is before


@pytest.mark.parametrize(
    ("form", "piece"),
    [
        (gpt.Bigram, "logits = self.table(idx)"),
        (gpt.Head, "weights = F.softmax"),
        (gpt.MultiHeadAttention, "y = y.transpose(1, 2).reshape"),
    ],
)
def test_what_the_pages_mark_stands_in_the_source_once(form, piece):
    source = read_source(form)
    (line,) = marked(source, {piece: "words"})
    assert piece in source.lines[line - source.first]
