"""Induction on doubled blocks: the stripe, its neighbours that are not it, and the two losses."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

import gpt
from gpt.inspection import doubled_blocks, head_scores, trace
from tests.gpt.helpers import MODEL, V

CONFIG = replace(MODEL, block_size=24)


def diagonal(pattern, S, back):
    """Mean of A[i, i - back] over the second half of a doubled block."""
    rows = range(S, 2 * S)
    return torch.stack([pattern[..., i, i - back] for i in rows], -1).mean((1, -1))  # (L, H)


def harmonic(n):
    return sum(1 / k for k in range(1, n + 1))


@pytest.mark.parametrize("S", [2, 5, 12])
def test_on_doubled_blocks_the_scores_are_stripes(S):
    model = gpt.build_model(CONFIG, V)
    found = gpt.induction_scores(model, S, draws=3, seed=4)
    idx = doubled_blocks(V, S, 3, seed=4)
    pattern = trace(model, idx)["pattern"]
    torch.testing.assert_close(found.heads["induction"].values, diagonal(pattern, S, S - 1))
    torch.testing.assert_close(found.heads["duplicate"].values, diagonal(pattern, S, S))
    assert found.heads["induction"].uniform == pytest.approx((harmonic(2 * S) - harmonic(S)) / S)


def test_the_baseline_at_64_is_the_known_one():
    ids = torch.arange(64).repeat(2)[None]
    pattern = torch.ones(128, 128).tril()
    pattern = (pattern / pattern.sum(-1, keepdim=True))[None, None, None]
    score = head_scores(pattern, ids)["induction"]
    assert score.uniform == pytest.approx(0.0108, abs=5e-5)
    assert score.values.item() == pytest.approx(score.uniform)


def test_only_the_token_after_the_copy_counts():
    """A head on the copy itself scores 0, and so does the pair (S - 1, 0), which starts no copy."""
    S = 4
    ids = torch.arange(S).repeat(2)[None]
    on_the_copy = torch.eye(2 * S)[[0, 0, 0, 0, 0, 1, 2, 3]][None, None, None]
    scores = head_scores(on_the_copy, ids)
    assert scores["induction"].values.item() == 0 and scores["duplicate"].values.item() == 1
    after_the_copy = torch.eye(2 * S)[[0, 0, 0, 0, 1, 2, 3, 4]][None, None, None]
    scores = head_scores(after_the_copy, ids)
    assert scores["induction"].values.item() == 1 and scores["duplicate"].values.item() == 0


def test_a_table_of_pairs_is_as_good_the_first_time_as_the_second():
    """It sees the same pairs in both halves, if both losses are over the same tokens."""
    model = gpt.build_model(replace(gpt.PRESETS["bigram"].model, block_size=20), V, seed=3)
    found = gpt.induction_scores(model)
    assert found.block == 10 and found.draws == 8
    assert found.first_loss == pytest.approx(found.repeated_loss, rel=1e-6)


def test_the_losses_are_those_of_the_tokens_they_name():
    model, S = gpt.build_model(CONFIG, V).eval(), 6
    found = gpt.induction_scores(model, S, draws=2)
    idx = doubled_blocks(V, S, 2)
    logits = model(idx)[0]
    costs = [F.cross_entropy(logits[:, i - 1], idx[:, i]).item() for i in range(1, 2 * S)]
    assert found.first_loss == pytest.approx(sum(costs[: S - 1]) / (S - 1), rel=1e-5)
    assert found.repeated_loss == pytest.approx(sum(costs[S:]) / (S - 1), rel=1e-5)


def test_a_block_is_of_different_tokens_said_twice_and_depends_on_the_seed_alone():
    idx = doubled_blocks(9, 5, 8)
    assert idx.shape == (8, 10) and torch.equal(idx[:, :5], idx[:, 5:])
    assert all(len(set(row.tolist())) == 5 for row in idx)
    assert torch.equal(idx, doubled_blocks(9, 5, 8)) and len({str(row) for row in idx}) == 8
    assert not torch.equal(idx, doubled_blocks(9, 5, 8, seed=1))


@pytest.mark.parametrize("block", [1, 13, 50])
def test_a_block_that_does_not_fit_is_refused(block):
    with pytest.raises(gpt.GPTError, match=f"from 2 to 12 tokens.* context of 24: got {block}"):
        gpt.induction_scores(gpt.build_model(CONFIG, V), block)


def test_tokens_that_end_the_text_can_be_left_out():
    """A newline in the block once hid the head of a model that copies within a line."""
    model = gpt.build_model(CONFIG, V).eval()
    found = gpt.induction_scores(model, tokens=[3, 5, 7, 9])
    assert found.block == 4
    idx = torch.tensor([3, 5, 7, 9])[doubled_blocks(4, 4, 8)]
    expected = head_scores(trace(model, idx)["pattern"], idx)["induction"].values
    torch.testing.assert_close(found.heads["induction"].values, expected)
    with pytest.raises(gpt.GPTError, match="the 4 tokens to draw from"):
        gpt.induction_scores(model, 5, tokens=[3, 5, 7, 9])


def test_a_small_vocabulary_or_context_limits_the_block():
    assert gpt.induction_scores(gpt.build_model(CONFIG, 7)).block == 7
    with pytest.raises(gpt.GPTError, match="context of 3"):
        gpt.induction_scores(gpt.build_model(replace(MODEL, block_size=3), V))
