"""Head scores against attention built by hand, and against their closed forms."""

import math

import pytest
import torch

import gpt
from gpt.inspection import head_scores, trace
from tests.gpt.helpers import MODEL, V, ids_of


def one_hot(places):
    """A head (1, 1, 1, T, T) that gives all the weight of row i to places[i]."""
    return torch.eye(len(places))[places][None, None, None]


def even(T, causal=True):
    allowed = torch.ones(T, T).tril() if causal else torch.ones(T, T)
    return (allowed / allowed.sum(-1, keepdim=True))[None, None, None]


def harmonic(n):
    return sum(1 / k for k in range(1, n + 1))


@pytest.mark.parametrize(
    "name, places",
    [
        ("previous", [0, 0, 1, 2, 3]),
        ("first", [0, 0, 0, 0, 0]),
        ("current", [0, 1, 2, 3, 4]),
        ("same", [0, 1, 0, 1, 3]),  # of a b a b b; a row without an earlier copy does not count
    ],
)
def test_a_head_that_does_one_thing_scores_1_for_it(name, places):
    scores = head_scores(one_hot(places), torch.tensor([[0, 1, 0, 1, 1]]))
    assert scores[name].values.tolist() == [[1.0]]
    assert all(0 <= score.values.item() < 1 for other, score in scores.items() if other != name)


@pytest.mark.parametrize("T", [2, 8, 64])
def test_the_baselines_are_their_closed_forms(T):
    """Row i of uniform attention gives 1/(i+1) to each place: the mean over i ≥ 1 is harmonic."""
    scores = head_scores(even(T), torch.arange(T)[None])
    expected = (harmonic(T) - 1) / (T - 1)
    for name in ("previous", "first", "current"):
        assert scores[name].uniform == pytest.approx(expected, abs=1e-6)
        assert scores[name].values.item() == pytest.approx(expected, abs=1e-6)


def test_the_baseline_at_256_is_the_known_one():
    assert head_scores(even(256), torch.arange(256)[None])["previous"].uniform == pytest.approx(
        0.020, abs=5e-4
    )


def test_same_counts_every_earlier_copy_and_only_rows_that_have_one():
    """Of a b a a, row 2 sees one copy among 3 tokens, row 3 two among 4."""
    scores = head_scores(even(4), torch.tensor([[0, 1, 0, 0]]))
    assert scores["same"].values.item() == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert scores["same"].uniform == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_a_text_without_repeats_has_no_same_score():
    scores = head_scores(even(3), torch.tensor([[0, 1, 2]]))
    assert math.isnan(scores["same"].values.item()) and math.isnan(scores["same"].uniform)
    assert not math.isnan(scores["previous"].uniform)


def test_without_the_mask_chance_is_one_in_T():
    scores = head_scores(even(4, causal=False), torch.arange(4)[None], causal=False)
    assert all(scores[name].uniform == pytest.approx(1 / 4) for name in ("previous", "current"))


def test_many_windows_are_the_mean_of_each():
    """All windows have rows for these scores, as many each."""
    model, ids = gpt.build_model(MODEL, V), ids_of(5, 8)
    together = head_scores(trace(model, ids)["pattern"], ids)
    for name in ("previous", "first", "current"):
        alone = [
            head_scores(trace(model, row[None])["pattern"], row[None])[name].values for row in ids
        ]
        torch.testing.assert_close(together[name].values, torch.stack(alone).mean(0))
        assert together[name].values.shape == (MODEL.n_layer, MODEL.n_head)


@pytest.mark.parametrize("ids", [torch.zeros(1, 4), torch.zeros(2, 3), torch.zeros(1, 1)])
def test_ids_of_another_text_are_refused(ids):
    with pytest.raises(gpt.GPTError, match="do not belong together"):
        head_scores(even(3), ids.long())
