"""Attention rollout against its formula, and what depth alone does."""

import pytest
import torch

import gpt
from gpt.inspection import trace
from tests.gpt.helpers import V, ids_of, normal


def random_attention(L, B, H, T):
    scores = normal(L, B, H, T, T)
    return scores.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf).softmax(-1)


def test_one_layer_is_half_attention_and_half_staying():
    pattern = random_attention(1, 2, 3, 5)
    shares = gpt.attention_rollout(pattern).shares
    assert shares.shape == (2, 2, 5, 5)
    assert torch.equal(shares[0], torch.eye(5).expand(2, 5, 5))
    torch.testing.assert_close(shares[1], pattern[0].mean(1) / 2 + torch.eye(5) / 2)


def test_layers_multiply_the_newest_from_the_left():
    pattern = random_attention(3, 1, 2, 6).double()
    shares = gpt.attention_rollout(pattern).shares
    steps = [(layer[0].mean(0) + torch.eye(6)) / 2 for layer in pattern]
    torch.testing.assert_close(shares[3, 0], steps[2] @ steps[1] @ steps[0])
    torch.testing.assert_close(shares.sum(-1), torch.ones(4, 1, 6).double())
    assert (shares.triu(1) == 0).all() and (shares[:, 0, 0, 0] == 1).all()


def test_depth_alone_piles_up_on_the_first_token():
    """Six layers of random causal heads at T = 64: 22 % for the last row, not 1/64 = 1.6 %."""
    rollout = gpt.attention_rollout(random_attention(6, 20, 6, 64))
    assert rollout.shares[-1, :, -1, 0].mean().item() == pytest.approx(0.22, abs=0.01)
    assert rollout.uniform[-1, -1, 0].item() == pytest.approx(0.22, abs=0.01)


def test_the_baseline_is_the_rollout_of_even_attention():
    even = torch.ones(5, 5).tril()
    pattern = (even / even.sum(-1, keepdim=True)).expand(2, 3, 4, 5, 5)
    rollout = gpt.attention_rollout(pattern)
    torch.testing.assert_close(rollout.shares, rollout.uniform[:, None].expand(3, 3, 5, 5))
    seeing = gpt.attention_rollout(torch.full((1, 1, 1, 4, 4), 0.25), causal=False)
    torch.testing.assert_close(seeing.shares[:, 0], seeing.uniform)


def test_the_mean_over_the_heads_will_do():
    pattern = random_attention(2, 1, 3, 5)
    one = gpt.attention_rollout(pattern.mean(2, keepdim=True))
    torch.testing.assert_close(one.shares, gpt.attention_rollout(pattern).shares)


def test_without_layers_every_token_is_its_own():
    model = gpt.build_model(gpt.PRESETS["bigram"].model, V)
    rollout = gpt.attention_rollout(trace(model, ids_of(2, 5))["pattern"])
    assert torch.equal(rollout.shares, torch.eye(5).expand(1, 2, 5, 5))
    assert torch.equal(rollout.uniform, torch.eye(5)[None])
