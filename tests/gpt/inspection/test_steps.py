"""A head step by step, heads beside the fused attention, gradient norms, layer norm by hand."""

import math
from dataclasses import replace

import pytest
import torch

import gpt
from tests.gpt.helpers import KINDS, MODEL, V, ids_of, normal

DEEP = replace(MODEL, n_layer=6)


@pytest.mark.parametrize("config", [MODEL, replace(MODEL, norm="post"), replace(MODEL, bias=False)])
def test_gradient_norms_are_those_of_backward(config):
    model, x, y = gpt.build_model(config, V), ids_of(3, 8), ids_of(3, 8, seed=1)
    norms = gpt.gradient_norms(model, x, y)
    model(x, y)[1].backward()
    squares = [sum(p.grad.square().sum().item() for p in b.parameters()) for b in model.blocks]
    assert norms == pytest.approx([math.sqrt(s) for s in squares], rel=1e-4)


def test_measuring_a_gradient_leaves_none_behind():
    model = gpt.build_model(replace(MODEL, dropout=0.5), V).train()
    state = torch.get_rng_state()
    gpt.gradient_norms(model, ids_of(2, 8), ids_of(2, 8))
    assert all(p.grad is None for p in model.parameters()) and model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_deep_stack_without_residual_path_and_norm_starves_its_first_layer():
    """What the lesson shows; with a residual path the first layer learns as much as the last."""
    x, y = ids_of(8, 8), ids_of(8, 8, seed=1)
    bare = gpt.build_model(replace(DEEP, residual=False, norm="none"), V)
    norms = gpt.gradient_norms(bare, x, y)
    assert len(norms) == 6 and norms[-1] / norms[0] > 1000
    norms = gpt.gradient_norms(gpt.build_model(DEEP, V), x, y)
    assert 1 / 3 < norms[-1] / norms[0] < 3


def test_the_bigram_has_no_blocks():
    model = gpt.build_model(gpt.PRESETS["bigram"].model, V)
    assert gpt.gradient_norms(model, ids_of(1, 4), ids_of(1, 4)) == []


@pytest.mark.parametrize("config", [MODEL, replace(MODEL, norm="post"), replace(MODEL, bias=False)])
def test_layer_norm_by_hand_is_pytorchs(config):
    model, idx = gpt.build_model(config, V), ids_of(1, 5)
    with torch.no_grad():  # as after some training
        for name, p in model.named_parameters():
            if "norm" in name:
                p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    found = gpt.norm_inputs(model, idx)
    assert len(found) == 2 * config.n_layer + (config.norm == "pre")
    for norm, x in found.values():
        steps = gpt.layer_norm_steps(norm, x[0, 3])
        torch.testing.assert_close(steps.by_hand, steps.built_in, rtol=1e-5, atol=1e-5)
        assert steps.normalised.mean().item() == pytest.approx(0, abs=1e-5)
        assert steps.normalised.square().mean().item() == pytest.approx(1, abs=1e-3)
        assert (steps.beta == 0).all() == (norm.bias is None)


def test_norms_are_named_in_the_order_in_which_they_run_and_are_not_watched_afterwards():
    found = gpt.norm_inputs(gpt.build_model(MODEL, V), ids_of(1, 5))
    assert list(found)[:2] == ["blocks.0.attention_norm", "blocks.0.feed_forward_norm"]
    assert list(found)[-1] == "final_norm"
    assert not any(norm._forward_pre_hooks for norm, _ in found.values())
    assert gpt.norm_inputs(gpt.build_model(replace(MODEL, norm="none"), V), ids_of(1, 5)) == {}


@pytest.mark.parametrize("changes", [{}, {"output_projection": False}, {"dropout": 0.5}])
@pytest.mark.parametrize("layer", [0, 1])
def test_heads_one_by_one_are_the_fused_heads(changes, layer):
    config = replace(MODEL, **changes)
    found = gpt.heads_beside_fused(gpt.build_model(config, V), ids_of(3, 6), layer)
    assert found["heads"].shape == (config.n_head, 3, 6, config.size_of_head)
    assert found["fused"].shape == (3, 6, config.n_embd)
    torch.testing.assert_close(found["side_by_side"], found["fused"], rtol=1e-4, atol=1e-6)


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(gpt.GPTError, match="below 2"):
        gpt.heads_beside_fused(gpt.build_model(MODEL, V), ids_of(1, 3), layer=2)


@pytest.mark.parametrize("config", KINDS)
@pytest.mark.parametrize("causal", [True, False])
def test_the_steps_of_a_head_lead_to_what_it_puts_out(config, causal):
    """Each step follows from the one before, and the last two are the head's own."""
    model = gpt.build_model(replace(config, causal=causal), V).eval()
    head, x = model.blocks[0].attention.heads()[1], normal(6, config.n_embd)
    steps = gpt.attention_steps(head, x)
    torch.testing.assert_close(steps["scores"], steps["query"] @ steps["key"].T)
    torch.testing.assert_close(steps["scaled"], steps["scores"] * head.scale)
    torch.testing.assert_close(steps["weights"], steps["masked"].softmax(-1))
    torch.testing.assert_close(steps["output"], steps["weights"] @ steps["value"])
    assert (steps["masked"].isinf() == torch.ones(6, 6).triu(1).bool() * causal).all()
    output, weights = head(x[None])
    assert torch.equal(steps["output"], output[0]) and torch.equal(steps["weights"], weights[0])
