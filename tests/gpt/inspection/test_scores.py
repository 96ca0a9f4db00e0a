"""Head scores against attention built by hand, and against their closed forms."""

import math

import pytest
import torch

import gpt
from gpt.inspection import head_scores, trace
from tests.gpt.helpers import KINDS, MODEL, V, ids_of

SHARES = ("previous", "first", "current", "duplicate", "induction")


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
        ("duplicate", [0, 1, 0, 1, 3]),  # a row without an earlier copy does not count
        ("induction", [0, 0, 1, 2, 2]),  # after the a, after the b, after the first b
    ],
)
def test_a_head_that_does_one_thing_scores_1_for_it(name, places):
    """Read on the text a b a b b."""
    scores = head_scores(one_hot(places), torch.tensor([[0, 1, 0, 1, 1]]))
    assert scores[name].values.tolist() == [[1.0]] and scores["entropy"].values.item() == 0
    others = set(SHARES) - {name}
    assert all(0 <= scores[other].values.item() < 1 for other in others)


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


def test_duplicate_counts_every_earlier_copy_and_only_rows_that_have_one():
    """Of a b a a, row 2 sees one copy among 3 tokens, row 3 two among 4."""
    scores = head_scores(even(4), torch.tensor([[0, 1, 0, 0]]))
    assert scores["duplicate"].values.item() == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert scores["duplicate"].uniform == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_a_text_without_repeats_has_no_duplicate_score():
    scores = head_scores(even(3), torch.tensor([[0, 1, 2]]))
    assert math.isnan(scores["duplicate"].values.item()) and math.isnan(scores["duplicate"].uniform)
    assert not math.isnan(scores["previous"].uniform)


def test_induction_needs_a_token_between():
    """Of a a, the second a comes after the first: looking at oneself is no induction."""
    scores = head_scores(one_hot([0, 1, 2]), torch.tensor([[0, 0, 0]]))
    assert scores["induction"].values.item() == 0  # row 2 may look at 1, not at itself
    alone = head_scores(one_hot([0, 1]), torch.tensor([[0, 0]]))["induction"]
    assert math.isnan(alone.values.item())


def test_the_entropy_of_even_attention_is_1_however_short_the_row():
    """Divided by ln T, as is often seen, it would read 0.82 at T = 256."""
    for T in (2, 32, 256):
        score = head_scores(even(T), torch.arange(T)[None])["entropy"]
        assert score.values.item() == pytest.approx(1, abs=1e-5)
        assert score.uniform == pytest.approx(1, abs=1e-5)


def test_the_entropy_of_a_row_by_hand():
    pattern = even(3).clone()
    pattern[..., 2, :] = torch.tensor([0.5, 0.25, 0.25])
    nats = 0.5 * math.log(2) + 0.5 * math.log(4)
    expected = (1 + nats / math.log(3)) / 2
    found = head_scores(pattern, torch.arange(3)[None])["entropy"].values.item()
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("T", [2, 5, 64])
def test_distances(T):
    """Even: i/2 for row i, (T - 1)/4 over all. One token back: 1, but the first row stays at 0."""
    back = head_scores(one_hot([max(0, i - 1) for i in range(T)]), torch.arange(T)[None])
    assert back["distance"].values.item() == pytest.approx((T - 1) / T)
    assert back["distance"].uniform == pytest.approx((T - 1) / 4, rel=1e-5)


@pytest.mark.parametrize("config", KINDS)
def test_scores_layer_by_layer_are_those_of_all_at_once(config):
    model, ids = gpt.build_model(config, V), ids_of(3, 8)
    together = head_scores(trace(model, ids)["pattern"], ids, config.causal)
    for name, score in gpt.model_head_scores(model, ids).items():
        torch.testing.assert_close(score.values, together[name].values)
        assert score.uniform == together[name].uniform


def test_the_bigram_has_no_heads_to_score():
    scores = gpt.model_head_scores(gpt.build_model(gpt.PRESETS["bigram"].model, V), ids_of(1, 8))
    assert all(score.values.shape == (0, 0) for score in scores.values())
    assert scores["previous"].uniform > 0


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
