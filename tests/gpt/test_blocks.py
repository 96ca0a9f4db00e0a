import math
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from gpt.blocks import Block, FeedForward
from gpt.config import ModelConfig
from tests.gpt.helpers import normal

CONFIG = ModelConfig(block_size=8, n_head=2, n_embd=16)
X = normal(2, 5, 16)


def written_out(block, x):
    """The same block as a formula for each place of the norm."""
    config = block.config
    for part, norm in [
        (block.attention, block.attention_norm),
        (block.feed_forward, block.feed_forward_norm),
    ]:
        path = x if config.residual else torch.zeros_like(x)
        if part is None:
            continue
        if config.norm == "pre":
            x = path + part(norm(x))
        elif config.norm == "post":
            x = norm(path + part(x))
        else:
            x = path + part(x)
    return x


@pytest.mark.parametrize(
    ("norm", "residual", "feed_forward"),
    list(product(["pre", "post", "none"], [True, False], [True, False])),
)
def test_every_combination_of_switches(norm, residual, feed_forward):
    block = Block(replace(CONFIG, norm=norm, residual=residual, feed_forward=feed_forward), 0)
    torch.testing.assert_close(block(X), written_out(block, X))
    assert (block.feed_forward is None) == (not feed_forward)
    assert (block.attention_norm is None) == (norm == "none")


def test_a_bare_block_is_attention_alone():
    block = Block(replace(CONFIG, norm="none", residual=False, feed_forward=False), 0)
    assert torch.equal(block(X), block.attention(X))


def by_formula(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@pytest.mark.parametrize(
    ("name", "bend"), [("relu", F.relu), ("gelu", F.gelu), ("gelu_tanh", by_formula)]
)
def test_feed_forward_widens_bends_and_narrows(name, bend):
    feed_forward = FeedForward(replace(CONFIG, activation=name))
    assert feed_forward.widen.weight.shape == (64, 16)
    expected = feed_forward.narrow(bend(feed_forward.widen(X)))
    torch.testing.assert_close(feed_forward(X), expected)


def test_the_tutorials_first_feed_forward_is_one_map_and_the_bend():
    feed_forward = FeedForward(replace(CONFIG, feed_forward_multiple=0))
    assert torch.equal(feed_forward(X), feed_forward.widen(X).relu())


def test_positions_think_alone():
    """The feed-forward network gives a position the same answer in any company."""
    feed_forward = FeedForward(CONFIG)
    torch.testing.assert_close(feed_forward(X)[:, 2:3], feed_forward(X[:, 2:3]))


def test_without_bias_no_part_has_one():
    names = [name for name, _ in Block(replace(CONFIG, bias=False), 0).named_parameters()]
    assert names and not any(name.endswith("bias") for name in names)


def test_queries_keys_and_values_have_a_bias_only_if_told():
    assert Block(CONFIG, 0).attention.query_key_value.bias is None
    told = Block(replace(CONFIG, qkv_bias=True, n_kv_head=1), 0)
    assert told.attention.query_key_value.bias.shape == (16 + 8 + 8,)


def test_dropout_acts_in_training_only():
    block = Block(replace(CONFIG, dropout=0.5), 0)
    assert not torch.equal(block(X), block(X))
    block.eval()
    assert torch.equal(block(X), block(X))
