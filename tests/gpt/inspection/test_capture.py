from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gpt.attention import MultiHeadAttention
from gpt.errors import GPTError
from gpt.inspection import NAMES, attention_weights, trace
from gpt.model import build_model
from gpt.presets import PRESETS
from tests.gpt.helpers import KINDS, MODEL, V, ids_of, normal


@pytest.mark.parametrize("config", KINDS)
@pytest.mark.parametrize("T", [1, 5, 8])
def test_tracing_changes_no_score(config, T):
    model, idx = build_model(config, V).eval(), ids_of(3, T)
    assert torch.equal(trace(model, idx)["logits"], model(idx)[0])


@pytest.mark.parametrize("T", [31, 64])
def test_a_model_at_rest_says_the_same_bits_with_and_without_gradients(T):
    """In training these lengths take another way through attention, and other roundings."""
    model, idx = build_model(replace(MODEL, block_size=64), V).eval(), ids_of(2, T)
    assert torch.equal(trace(model, idx, ["logits"])["logits"], model(idx)[0])


@pytest.mark.parametrize("config", KINDS)
def test_every_activation_follows_from_the_ones_before_it(config):
    model, idx = build_model(config, V).eval(), ids_of(3, 7)
    found = trace(model, idx)
    assert tuple(found) == NAMES
    B, T, H, D = 3, 7, config.n_head, config.size_of_head
    assert found["z"].shape == (config.n_layer, B, T, H, D)
    assert found["attn_scores"].shape == found["pattern"].shape == (config.n_layer, B, H, T, T)
    close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-6)
    x = model.token_embedding(idx)
    if model.position_embedding is not None:
        x = x + model.position_embedding.weight[:T]
    for layer, block in enumerate(model.blocks):
        at = {name: found[name][layer] for name in NAMES[:9]}
        assert torch.equal(at["resid_pre"], x)
        reads = block.attention_norm if config.norm == "pre" else nn.Identity()
        close(at["attention_input"], reads(at["resid_pre"]))
        hidden = torch.ones(T, T, dtype=torch.bool).triu(1) & config.causal
        assert torch.equal(at["attn_scores"].isinf(), hidden.expand(B, H, T, T))
        assert torch.equal(at["attn_scores"].softmax(-1), at["pattern"])
        values = torch.stack(
            [head.value(at["attention_input"]) for head in block.attention.heads()]
        )
        close(at["z"], torch.einsum("bhij,hbjd->bihd", at["pattern"], values))
        close(at["attn_out"], block.attention.projection(at["z"].flatten(-2)))
        x = at["resid_post"]
        close(x, after_the_block(block, at))
    assert torch.equal(model.final_norm(x) if model.final_norm else x, found["final"])
    assert torch.equal(model.lm_head(found["final"]), found["logits"])


def after_the_block(block, at):
    """What leaves a block, from its parts' own outputs."""
    norms = [block.attention_norm, block.feed_forward_norm]
    if block.config.norm != "post":
        norms = [nn.Identity(), nn.Identity()]
    x = norms[0](at["resid_pre"] * block.config.residual + at["attn_out"])
    if block.feed_forward is None:
        assert (at["mlp_out"] == 0).all() and at["mlp_post"].shape[-1] == 0
        return x
    assert torch.equal(at["mlp_out"], block.feed_forward.narrow(at["mlp_post"]))
    return norms[1](x * block.config.residual + at["mlp_out"])


def test_only_what_is_asked_for_comes_back():
    model, idx = build_model(MODEL, V), ids_of(2, 5)
    everything, some = trace(model, idx), trace(model, idx, ["z", "pattern"], layers=[1])
    assert list(some) == ["z", "pattern"] and some["pattern"].shape == (1, 2, 2, 5, 5)
    assert all(torch.equal(some[name][0], everything[name][1]) for name in some)
    turned = trace(model, idx, ["resid_post"], layers=[1, 0])["resid_post"]
    assert torch.equal(turned, everything["resid_post"].flip(0))
    assert trace(model, idx, ["mlp_out"], layers=[])["mlp_out"].shape == (0, 2, 5, 16)


def test_what_nobody_asked_for_is_not_computed(monkeypatch):
    model, idx = build_model(replace(MODEL, n_layer=3), V), ids_of(1, 4)
    everything = trace(model, idx)
    monkeypatch.setattr(MultiHeadAttention, "heads", None)  # scores and patterns need it
    for part in (model.lm_head, model.blocks[2]):
        part.forward = None
    found = trace(model, idx, ["resid_post"], layers=[1, 0])["resid_post"]
    assert torch.equal(found, everything["resid_post"][[1, 0]])
    with pytest.raises(TypeError):
        trace(model, idx, ["resid_post"])


def test_a_misspelt_name_and_a_layer_that_is_not_there_are_refused():
    model = build_model(MODEL, V)
    with pytest.raises(GPTError, match=r"no activation 'patern'\. Did you mean 'pattern'"):
        trace(model, ids_of(1, 4), ["patern"])
    for layer in (2, -1):
        with pytest.raises(GPTError, match=f"below 2, .* got {layer}"):
            trace(model, ids_of(1, 4), layers=[layer])


def test_a_pattern_has_a_row_for_each_position_that_sums_to_1():
    pattern = trace(build_model(MODEL, V), ids_of(3, 6))["pattern"]
    assert pattern.shape == (2, 3, 2, 6, 6) and pattern.dtype == torch.float32
    torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 3, 2, 6))
    assert (pattern.triu(1) == 0).all() and (pattern >= 0).all()


def test_without_the_mask_the_pattern_looks_ahead():
    pattern = trace(build_model(replace(MODEL, causal=False), V), ids_of(1, 6))["pattern"]
    assert (pattern > 0).all()


@pytest.mark.parametrize("config", KINDS)
def test_the_pattern_explains_what_the_fused_attention_computed(config, monkeypatch):
    """pattern @ v, with v caught at the fused operation itself, is its output in every layer."""
    model, calls = build_model(config, V).eval(), []
    fused = F.scaled_dot_product_attention

    def watched(q, k, v, **more):
        calls.append((v, fused(q, k, v, **more)))
        return calls[-1][1]

    monkeypatch.setattr(F, "scaled_dot_product_attention", watched)
    pattern = trace(model, ids_of(2, 7))["pattern"]
    assert len(calls) == config.n_layer
    for layer, (v, out) in enumerate(calls):
        torch.testing.assert_close(pattern[layer] @ v, out, rtol=1e-4, atol=1e-6)


def test_the_weights_of_one_layer():
    attention = MultiHeadAttention(MODEL).eval()
    weights = attention_weights(attention, normal(2, 5, 16))
    assert weights.shape == (2, 2, 5, 5)


def test_the_bigram_has_no_layers_to_look_into():
    model = build_model(PRESETS["bigram"].model, V)
    found = trace(model, ids_of(2, 5))
    assert found["pattern"].shape == (0, 2, 0, 5, 5) and found["z"].shape == (0, 2, 5, 0, 0)
    assert found["resid_pre"].shape == (0, 2, 5, 0) and found["final"].shape == (2, 5, 0)
    assert torch.equal(found["logits"], model(ids_of(2, 5))[0])


def test_the_model_is_left_as_it_was():
    """No hook, no copy of a weight, no change of mode, no gradient, no random number."""
    model = build_model(replace(MODEL, dropout=0.5), V).train()
    before = {name: (p, p.data_ptr(), p._version) for name, p in model.named_parameters()}
    state = torch.get_rng_state()
    trace(model, ids_of(1, 4))
    for name, p in model.named_parameters():
        assert (p, p.data_ptr(), p._version) == (before[name][0], *before[name][1:])
        assert p.requires_grad and p.grad is None
    assert model.training and all(m.training for m in model.modules())
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())
    assert torch.equal(torch.get_rng_state(), state) and torch.is_grad_enabled()


def test_a_trace_sees_the_weights_of_now():
    model, idx = build_model(MODEL, V), ids_of(1, 4)
    before = trace(model, idx)["logits"]
    with torch.no_grad():
        model.lm_head.bias += 1
    torch.testing.assert_close(trace(model, idx)["logits"], before + 1)


def test_many_readers_trace_one_model_at_the_same_time():
    model = build_model(MODEL, V).eval()
    inputs = [ids_of(1, 1 + n % 8, seed=n) for n in range(40)]
    alone = [trace(model, idx) for idx in inputs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda idx: trace(model, idx), inputs))
    for a, b in zip(alone, together, strict=True):
        assert torch.equal(a["pattern"], b["pattern"]) and torch.equal(a["logits"], b["logits"])


def test_more_tokens_than_the_context_are_refused():
    with pytest.raises(GPTError, match="context of 8"):
        trace(build_model(MODEL, V), ids_of(1, 9))
