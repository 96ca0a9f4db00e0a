"""The four averages against PyTorch's cumulative sum and against `Head`."""

import pytest
import torch
from torch import nn

import gpt
from tests.gpt.helpers import normal

CLOSE = {"rtol": 0, "atol": 1e-6}
SHAPES = [(1, 1, 1), (1, 8, 2), (4, 8, 2), (3, 1, 5), (2, 64, 32)]
PLAIN = {
    "loops": gpt.average_with_loops,
    "matmul": lambda x: gpt.average_with_matmul(x)[0],
    "softmax": lambda x: gpt.average_with_softmax(x)[0],
    "attention": lambda x: gpt.average_with_attention(x, torch.zeros_like, nn.Identity(), same)[0],
}


def same(x):
    return x


def truth(x):
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]


def head(C=16, **settings):
    torch.manual_seed(0)
    return gpt.Head(gpt.ModelConfig(block_size=64, n_head=2, n_embd=C, **settings))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("version", PLAIN)
def test_it_is_the_cumulative_sum_over_the_count(version, shape):
    x = normal(*shape)
    found = PLAIN[version](x)
    assert found.shape == x.shape and found.dtype == x.dtype
    torch.testing.assert_close(found, truth(x), **CLOSE)


@pytest.mark.parametrize("version", PLAIN)
def test_the_worked_example(version):
    x = torch.tensor([2.0, 4.0, 0.0]).view(1, 3, 1)
    torch.testing.assert_close(PLAIN[version](x).flatten(), torch.tensor([2.0, 3.0, 2.0]))


@pytest.mark.parametrize("average", [gpt.average_with_matmul, gpt.average_with_softmax])
def test_the_weights_are_equal_over_the_past_and_exactly_0_after_it(average):
    weights = average(normal(2, 5, 3))[1]
    expected = torch.tensor([[1 / t if s <= t else 0.0 for s in range(1, 6)] for t in range(1, 6)])
    torch.testing.assert_close(weights, expected)
    assert (weights.triu(1) == 0).all()


@pytest.mark.parametrize("T", [1, 8, 64])
@pytest.mark.parametrize("qkv_bias", [False, True])
def test_attention_is_the_head_with_the_same_weights(T, qkv_bias):
    one, x = head(qkv_bias=qkv_bias), normal(3, T, 16)
    output, weights = gpt.average_with_attention(x, one.query, one.key, one.value)
    expected, expected_weights = one(x)
    assert output.shape == (3, T, 8) and weights.shape == (3, T, T)
    torch.testing.assert_close(output, expected, **CLOSE)
    torch.testing.assert_close(weights, expected_weights, **CLOSE)


def test_attention_weights_depend_on_the_data():
    one = head()
    first, second = (
        gpt.average_with_attention(normal(1, 8, 16, seed=seed), one.query, one.key, one.value)[1]
        for seed in (0, 1)
    )
    assert (first - second).abs().max() > 0.01
    torch.testing.assert_close(first.sum(-1), torch.ones(1, 8))


@pytest.mark.parametrize("version", [*PLAIN, "with weights"])
def test_the_future_does_not_leak(version):
    one = head(C=4)
    average = PLAIN.get(
        version, lambda x: gpt.average_with_attention(x, one.query, one.key, one.value)[0]
    )
    x = normal(2, 8, 4)
    changed = x.clone()
    changed[:, 5:] = 1e6
    before, after = average(x), average(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize("version", PLAIN)
def test_it_can_be_learnt_through(version):
    x = normal(1, 4, 2).requires_grad_()
    PLAIN[version](x)[0, 2].sum().backward()
    expected = torch.tensor([1 / 3, 1 / 3, 1 / 3, 0.0])[:, None].expand(4, 2)
    torch.testing.assert_close(x.grad[0], expected)
