"""What a head looks at, in words: the habit far above an even head's share, or none."""

import math

import pytest
import torch

import gpt
from explorer import habits

IDS = torch.tensor([[1, 2, 3, 4, 1, 2, 3, 4]])
T = 8


def scores_of(*patterns):
    """Heads of one layer with these weights (T, T)."""
    return gpt.head_scores(torch.stack(patterns)[None, None], IDS)


def even():
    visible = torch.ones(T, T).tril()
    return visible / visible.sum(-1, keepdim=True)


def looking(places):
    """A head whose row i looks at places[i] alone."""
    return torch.eye(T)[places]


PREVIOUS = looking([0, 0, 1, 2, 3, 4, 5, 6])
INDUCTION = looking([0, 0, 0, 0, 1, 2, 3, 4])


def test_a_head_is_named_by_what_it_does_far_more_than_an_even_one():
    scores = scores_of(PREVIOUS, INDUCTION, even())
    assert habits.habit(scores, 0, 0)[:2] == ("previous", 1.0)
    assert habits.habit(scores, 0, 1).score == "induction"
    uniform = scores["previous"].uniform
    assert habits.label(scores, 0, 0) == f"previous token 1.00 (even {uniform:.2f})"
    assert habits.sentence(scores, 0, 0) == (
        "Head 1.1 gives 100% of its weight to the previous token; evenly spread it would be"
        f" {uniform:.0%}."
    )


def test_an_even_head_has_no_habit():
    scores = scores_of(PREVIOUS, even())
    assert not habits.habit(scores, 0, 1).clear
    assert habits.label(scores, 0, 1) == "no clear habit (entropy 1.00)"
    assert [habits.brief(scores, 0, head) for head in (0, 1)] == ["previous", ""]
    assert "no clear habit: its entropy is 1.00" in habits.sentence(scores, 0, 1)


def test_places_that_the_text_does_not_have_are_no_habit():
    scores = gpt.head_scores(PREVIOUS[None, None, None], torch.arange(T)[None])
    assert math.isnan(scores["induction"].values.item())
    assert habits.habit(scores, 0, 0).score == "previous"


@pytest.mark.parametrize("layer, head, name", [(0, 0, "1.1"), (11, 9, "12.10")])
def test_layers_and_heads_count_from_1_on_the_screen(layer, head, name):
    assert habits.name(layer, head) == name
