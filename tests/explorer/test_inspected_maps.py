"""The map of the embedding and the copies as tables and charts."""

import json

import pandas as pd
import pytest
import torch

from explorer import inspected
from explorer.charts.embedding import create_embedding_chart, create_positions_chart
from explorer.charts.shares import MOST_GLYPHS, create_rollout_chart
from gpt.inspection import Copy


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("a", "vowel"), ("é", "vowel"), ("x", "consonant"), ("Q", "upper case"),
        (" The", "upper case"), ("7", "digit"), ("$", "punctuation"), ("—", "punctuation"),
        ("\n", "space"), ("", "other"), ("字", "other"), ("🙂", "punctuation"),
    ],
)  # fmt: skip
def test_the_kind_of_a_token(token, kind):
    assert inspected.kind_of(token) == kind


def test_the_kind_of_a_word_and_of_a_part():
    kinds = [inspected.kind_of(token, words=True) for token in (" The", "he", " 7", "\n")]
    assert kinds == ["begins a word", "goes on in a word", "digit", "space"]


def test_the_map_marks_the_chosen_token_and_its_neighbours():
    points = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    table = inspected.embedding_points(points, [4, 7, 9], list("0123456 89a"), 7, {9: 0.5})
    assert table["role"].tolist() == ["", "chosen", "neighbour"]
    assert table["token"].tolist() == ["4", "␣", "9"] and table["y"].tolist() == [1, 3, 5]
    assert table["cosine"].tolist()[1:] == [1.0, 0.5] and pd.isna(table["cosine"][0])
    chart = json.dumps(create_embedding_chart(table, [0.25, 0.125]).to_dict())
    assert "axis 1: 25.0% of the variance" in chart and "axis 2: 12.5%" in chart


def test_positions_are_joined_in_their_order():
    table = pd.DataFrame({"position": [0, 1], "x": [0, 1], "y": [1, 0], "chosen": [False, True]})
    assert '"order"' in json.dumps(create_positions_chart(table, [0.5, 0.5]).to_dict())


def test_copies_are_listed_with_their_surroundings_and_nothing_is_added_at_the_ends():
    training = "abc def ghi"
    copies = [Copy(1, 3, 4), Copy(5, 3, 0)]
    table = inspected.found_copies("xdef-abc", training, copies, 2)
    assert table["surroundings"].tolist() == ["c␣⟦def⟧␣g", "⟦abc⟧␣d"]
    assert table["position"].tolist() == [4, 0]
    assert inspected.copied_lengths("xdef-abc", copies) == [0, 3, 3, 3, 0, 3, 3, 3]


def test_where_copies_overlap_the_longer_one_counts():
    assert inspected.copied_lengths("abcdef", [Copy(0, 4, 0), Copy(3, 3, 9)]) == [4, 4, 4, 4, 3, 3]


@pytest.mark.parametrize("length", [MOST_GLYPHS, MOST_GLYPHS + 1])
def test_tokens_stand_below_the_axis_while_there_is_room(length):
    shares = pd.DataFrame({"position": range(length), "token": ["⏎"] * length})
    described = create_rollout_chart(shares.assign(share=0.1, even=0.1), 3).to_dict()
    expression = described["layer"][0]["encoding"]["x"]["axis"]["labelExpr"]
    assert ("\\u23ce" in expression) == (length <= MOST_GLYPHS)
