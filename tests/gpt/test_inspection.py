from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from gpt.attention import MultiHeadAttention
from gpt.config import PRESETS
from gpt.errors import GPTError
from gpt.inspection import attention_steps, attention_weights, trace
from gpt.model import build_model
from tests.gpt.helpers import MODEL, V, ids_of, normal

MODELS = [
    pytest.param(replace(MODEL, **changes), id=str(changes))
    for changes in [
        {}, {"norm": "post"}, {"norm": "none", "residual": False}, {"attention_scale": "n_embd"},
        {"output_projection": False}, {"head_size": 3}, {"tie_weights": True}, {"dropout": 0.5},
        {"positions": "rotary", "qk_norm": True}, {"n_kv_head": 1, "norm_kind": "rms"},
    ]
]  # fmt: skip


@pytest.mark.parametrize("config", MODELS)
@pytest.mark.parametrize("T", [1, 5, 8])
def test_tracing_changes_no_score(config, T):
    model, idx = build_model(config, V).eval(), ids_of(3, T)
    assert torch.equal(trace(model, idx)["logits"], model(idx)[0])


def test_a_pattern_has_a_row_for_each_position_that_sums_to_1():
    pattern = trace(build_model(MODEL, V), ids_of(3, 6))["pattern"]
    assert pattern.shape == (2, 3, 2, 6, 6) and pattern.dtype == torch.float32
    torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 3, 2, 6))
    assert (pattern.triu(1) == 0).all() and (pattern >= 0).all()


def test_without_the_mask_the_pattern_looks_ahead():
    pattern = trace(build_model(replace(MODEL, causal=False), V), ids_of(1, 6))["pattern"]
    assert (pattern > 0).all()


@pytest.mark.parametrize("config", MODELS)
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
    assert found["pattern"].shape == (0, 2, 0, 5, 5)
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


@pytest.mark.parametrize("config", MODELS)
@pytest.mark.parametrize("causal", [True, False])
def test_the_steps_of_a_head_lead_to_what_it_puts_out(config, causal):
    """Each step follows from the one before, and the last two are the head's own."""
    model = build_model(replace(config, causal=causal), V).eval()
    head, x = model.blocks[0].attention.heads()[1], normal(6, config.n_embd)
    steps = attention_steps(head, x)
    torch.testing.assert_close(steps["scores"], steps["query"] @ steps["key"].T)
    torch.testing.assert_close(steps["scaled"], steps["scores"] * head.scale)
    torch.testing.assert_close(steps["weights"], steps["masked"].softmax(-1))
    torch.testing.assert_close(steps["output"], steps["weights"] @ steps["value"])
    assert (steps["masked"].isinf() == torch.ones(6, 6).triu(1).bool() * causal).all()
    output, weights = head(x[None])
    assert torch.equal(steps["output"], output[0]) and torch.equal(steps["weights"], weights[0])
