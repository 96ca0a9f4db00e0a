"""Inspection as tables and charts: nothing is lost on the way, and every chart is bounded."""

import pytest
import torch

import gpt
from explorer import inspected
from explorer.charts.history import create_loss_history_chart, create_score_history_chart
from explorer.charts.inside import (
    create_attribution_chart,
    create_lens_chart,
    create_next_tokens_chart,
)
from explorer.charts.shares import STATES, create_kept_chart, create_rollout_chart
from explorer.charts.sweep import create_sweep_chart
from explorer.panels.inside.history import jump_words
from explorer.panels.inside.lens import window
from explorer.panels.inside.reading import quoted
from gpt.inspection import Effects

CONFIG = gpt.ModelConfig(block_size=8, n_layer=2, n_head=2, n_embd=16)
IDS = torch.tensor([[1, 2, 3, 1, 2]])
VOCABULARY = ["\n", " ", "a", "b", "c", "d"]


@pytest.fixture
def model():
    return gpt.build_model(CONFIG, len(VOCABULARY), seed=3).eval()


def test_the_true_token_is_listed_even_when_it_is_unlikely():
    p = torch.tensor([0.5, 0.3, 0.15, 0.03, 0.019, 0.001])
    table = inspected.next_tokens(p, VOCABULARY, 2, true=5, beside=p.flip(0))
    assert table["token"].tolist() == ["⏎", "␣", "d"]
    assert table["rank"].tolist() == [1, 2, 6] and table["true"].tolist() == [False, False, True]
    assert table["beside"].tolist() == pytest.approx([0.001, 0.019, 0.5])
    create_next_tokens_chart(table).to_dict()


def test_the_lens_ends_with_what_the_model_says(model):
    lens = gpt.logit_lens(model, IDS, positions=range(1, 4))
    cells = inspected.lens_cells(lens, list("abcab"), VOCABULARY, range(1, 4))
    assert len(cells) == 9 and cells["position"].unique().tolist() == [1, 2, 3]
    assert cells["row"].unique().tolist() == ["embeddings", "layer 1", "model"]
    p = model(IDS)[0][0].softmax(-1)
    said = cells[cells["row"] == "model"]["probability"].tolist()
    assert said == pytest.approx(p[1:4].max(-1).values.tolist(), abs=1e-6)
    create_lens_chart(cells, 2).to_dict()


@pytest.mark.parametrize("around", [8, 24])
@pytest.mark.parametrize("length", [2, 24, 256])
def test_the_window_of_positions_has_the_chosen_one(length, around):
    for position in range(length):
        places = window(position, length, around)
        assert position in places and len(places) == min(length, around)
        assert places[0] >= 0 and places[-1] < length
        beside = around // 4  # there is something to see on both sides
        assert position - places[0] >= min(beside, position)
        assert places[-1] - position >= min(beside, length - 1 - position) - 1


@pytest.mark.parametrize("most", [3, 5, 100])
def test_however_few_parts_are_shown_they_sum_to_the_score(model, most):
    found = gpt.attribute(model, IDS, 2, "mean")
    parts = inspected.attribution_parts(found, most)
    assert len(parts) <= most
    assert parts["share"].sum() == pytest.approx(found.logit.item(), abs=1e-5)
    create_attribution_chart(parts).to_dict()


def effects(heads, errors):
    nothing = torch.tensor([torch.nan])
    return Effects(2.0, torch.tensor([heads]), torch.tensor([errors]), nothing, nothing)


def test_effects_under_two_standard_errors_are_noise():
    cells = inspected.sweep_cells([effects([0.5, -0.1], [0.1, 0.1])])
    assert cells["noise"].tolist() == [False, True]
    assert cells["label"].tolist() == ["+0.500", "(-0.100)"]
    assert "feed-forward" not in cells["part"].tolist()  # there is none
    create_sweep_chart(cells).to_dict()


def test_an_effect_without_an_error_proves_nothing():
    cells = inspected.sweep_cells([effects([0.5], [float("nan")])])
    assert cells["noise"].tolist() == [True]


def test_the_steepest_rise_is_told_with_the_loss_there():
    import pandas as pd

    scores = [
        {"induction": gpt.HeadScore(torch.tensor([[0.0, value]]), 0.02)}
        for value in (0.01, 0.1, 0.9, 0.95)
    ]
    history = inspected.score_history([0, 10, 20, 30], scores, "induction")
    losses = pd.DataFrame(
        {"step": [0, 10, 20, 30], "loss": [3.3, 3.2, 0.5, 0.4], "what": ["second"] * 4}
    )
    said = jump_words(history, losses, "after the same token")
    assert "highest in head 1.2" in said and "between steps 10 and 20, from 0.10 to 0.90" in said
    assert "3.20 to 0.50" in said
    create_score_history_chart(history, "1.2", "score", 0.02, 30).to_dict()
    create_loss_history_chart(losses, 30).to_dict()


def test_shares_and_states_can_be_drawn():
    import pandas as pd

    create_rollout_chart(
        pd.DataFrame({"position": [0], "token": ["a"], "share": [1.0], "even": [1.0]}), 0
    ).to_dict()
    cells = pd.DataFrame({"layer": [1], "position": [0], "token": ["a"], "state": STATES[:1]})
    create_kept_chart(cells, 0).to_dict()


def test_a_token_is_shown_letter_by_letter_and_not_as_markdown():
    assert quoted("\n") == "‘⏎’"
    assert quoted("<b>*") == "‘\\<b\\>\\*’"
