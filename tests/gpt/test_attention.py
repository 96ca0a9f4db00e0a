from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gpt.attention import Head, KVCache, MultiHeadAttention, score_scale, turned
from gpt.config import ModelConfig
from tests.gpt.helpers import normal

CONFIG = ModelConfig(block_size=40, n_head=4, n_embd=16)
CLOSE = {"rtol": 1e-4, "atol": 5e-6}

PARITY = [
    pytest.param(B, T, replace(CONFIG, n_head=H, attention_scale=scale, causal=causal))
    for B, T, H, scale, causal in product(
        [1, 3], [1, 5, 40], [1, 2, 4], ["head_size", "n_embd", "none"], [True, False]
    )
]


MODERN = [
    {"positions": "rotary"},
    {"qk_norm": True},
    {"qk_norm": True, "norm_kind": "rms"},
    {"n_kv_head": 2},
    {"n_kv_head": 1, "positions": "rotary", "qk_norm": True, "norm_kind": "rms"},
    {"qkv_bias": True},
    {"qkv_bias": True, "n_kv_head": 2, "positions": "rotary"},
]
PARITY += [
    pytest.param(B, T, replace(CONFIG, **changes))
    for changes in MODERN
    for B, T in [(1, 1), (3, 40)]
]


@pytest.mark.parametrize(("B", "T", "config"), PARITY)
def test_fast_and_readable_attention_are_one_function(B, T, config):
    """Output, input gradient and every weight's gradient of the fused form and of its heads."""
    torch.manual_seed(0)
    fast = MultiHeadAttention(config)
    heads = fast.heads()
    x, y = (normal(B, T, config.n_embd).requires_grad_() for _ in range(2))
    upstream = normal(B, T, config.n_embd, seed=1)

    out = fast(x)
    (out * upstream).sum().backward()

    readable = fast.projection(torch.cat([head(y)[0] for head in heads], dim=-1))
    torch.testing.assert_close(readable, out, **CLOSE)
    (readable * upstream).sum().backward()
    torch.testing.assert_close(y.grad, x.grad, **CLOSE)
    H, K, D = config.n_head, config.kv_heads, config.size_of_head
    for kind, parameter in fast.query_key_value.named_parameters():  # weight, and perhaps bias
        gradients = parameter.grad.unflatten(0, (-1, D)).split((H, K, K))
        for name, expected in zip(("query", "key", "value"), gradients, strict=True):
            found = torch.stack([getattr(getattr(head, name), kind).grad for head in heads])
            groups = found.unflatten(0, (len(expected), -1))  # heads that share a matrix add up
            torch.testing.assert_close(groups.sum(1), expected, **CLOSE)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("n_head", [1, 4])
@pytest.mark.parametrize("qkv_bias", [False, True])
def test_it_is_pytorchs_own_multi_head_attention(n_head, causal, qkv_bias):
    torch.manual_seed(0)
    ours = MultiHeadAttention(replace(CONFIG, n_head=n_head, causal=causal, qkv_bias=qkv_bias))
    theirs = nn.MultiheadAttention(CONFIG.n_embd, n_head, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.query_key_value.weight)
        theirs.in_proj_bias.copy_(ours.query_key_value.bias if qkv_bias else torch.zeros(48))
        theirs.out_proj.weight.copy_(ours.projection.weight)
        theirs.out_proj.bias.copy_(ours.projection.bias)
    x = normal(2, 7, CONFIG.n_embd)
    mask = nn.Transformer.generate_square_subsequent_mask(7) if causal else None
    expected, weights = theirs(x, x, x, attn_mask=mask, average_attn_weights=False)
    torch.testing.assert_close(ours(x), expected, **CLOSE)
    for h, head in enumerate(ours.heads()):
        torch.testing.assert_close(head(x)[1], weights[:, h], **CLOSE)


def test_one_head_is_pytorchs_scaled_dot_product():
    torch.manual_seed(0)
    head, x = Head(CONFIG), normal(2, 6, CONFIG.n_embd)
    out, weights = head(x)
    q, k, v = head.query(x), head.key(x), head.value(x)
    torch.testing.assert_close(out, F.scaled_dot_product_attention(q, k, v, is_causal=True))
    torch.testing.assert_close(weights @ v, out)


def test_weights_sum_to_one_and_never_look_ahead():
    weights = Head(CONFIG)(normal(2, 8, CONFIG.n_embd))[1]
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 8))
    assert (weights.triu(1) == 0).all() and (weights[:, 0, 0] == 1).all()


def test_many_new_tokens_after_a_cached_one_have_gradients_too():
    """More than the fast way without a cache begins with, while what was read before stands."""
    torch.manual_seed(0)
    attention, cache = MultiHeadAttention(CONFIG), KVCache(CONFIG, 1, torch.device("cpu"))
    x = normal(1, 40, CONFIG.n_embd)
    whole = attention(x)
    with torch.no_grad():
        attention(x[:, :4], cache)
    cache.advance(4)
    rest = attention(x[:, 4:].requires_grad_(), cache)
    torch.testing.assert_close(rest, whole[:, 4:], **CLOSE)


def test_the_future_does_not_change_the_past():
    attention, x = MultiHeadAttention(CONFIG), normal(1, 8, CONFIG.n_embd)
    changed = x.clone()
    changed[:, 5:] += 1
    before, after = attention(x), attention(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_the_slip_in_the_scale_is_too_small_by_the_root_of_the_heads():
    right, slip = score_scale(CONFIG), score_scale(replace(CONFIG, attention_scale="n_embd"))
    assert right == 0.5 and slip == 0.25
    assert score_scale(replace(CONFIG, attention_scale="none")) == 1.0


def test_heads_share_the_weights_and_spend_no_random_numbers():
    attention, state = MultiHeadAttention(CONFIG), torch.get_rng_state()
    head = attention.heads()[2]
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        attention.query_key_value.weight[2 * 4 : 3 * 4] = 7.0  # rows of head 2's query
    assert (head.query.weight == 7.0).all()


@pytest.mark.parametrize("changes", [{}, *MODERN], ids=str)
@pytest.mark.parametrize("pieces", [[8], [1] * 8, [3, 5], [5, 1, 2]], ids=str)
def test_reading_in_pieces_with_the_cache_equals_reading_at_once(pieces, changes):
    config = replace(CONFIG, n_layer=2, **changes)
    attention, x = MultiHeadAttention(config, layer=1), normal(2, 8, 16)
    cache = KVCache(config, batch=2, device=torch.device("cpu"))
    outputs = []
    with torch.no_grad():
        for piece in x.split(pieces, dim=1):
            outputs.append(attention(piece, cache))
            cache.advance(piece.shape[1])
        torch.testing.assert_close(torch.cat(outputs, dim=1), attention(x), **CLOSE)
    assert cache.length == 8


def test_dropout_acts_in_training_only():
    attention, x = MultiHeadAttention(replace(CONFIG, dropout=0.5)), normal(1, 8, 16)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    assert torch.equal(attention(x), attention(x))


def test_rotary_positions_are_the_papers_matrices():
    """Su et al. 2021, equation 15: a block of cos and sin for each pair of numbers."""
    D, x = 6, normal(1, 5, 6)
    for m in range(5):
        R = torch.zeros(D, D)
        for i in range(D // 2):
            angle = torch.tensor((m + 3) * 10000 ** (-2 * i / D))
            c, s = angle.cos(), angle.sin()
            R[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[c, -s], [s, c]])
        torch.testing.assert_close(turned(x, start=3)[0, m], R @ x[0, m])


def test_what_two_turned_vectors_say_depends_on_their_distance_alone():
    q, k = normal(1, 1, 8), normal(1, 1, 8, seed=1)
    near = [(turned(q, m + 3) * turned(k, m)).sum() for m in (0, 1, 50)]
    far = (turned(q, 9) * turned(k, 0)).sum()
    torch.testing.assert_close(near[1], near[0])
    torch.testing.assert_close(near[2], near[0], rtol=1e-4, atol=1e-4)
    assert (far - near[0]).abs() > 1e-3


def test_a_cache_holds_the_shared_heads_once():
    shared = KVCache(replace(CONFIG, n_kv_head=1), 1, torch.device("cpu"))
    assert [keys.shape for keys in shared.keys] == [(1, 1, 40, 4)]
