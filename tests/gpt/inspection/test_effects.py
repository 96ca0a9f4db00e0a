"""The sweep against one ablation at a time, and the gradient proxy against finite differences."""

import math
from dataclasses import replace

import pytest
import torch

import gpt
from gpt.inspection import Ablation, ablated, mean_activations, sequence_losses
from tests.gpt.helpers import KINDS, MODEL, V, ids_of, shaken


def data(B=4, T=8):
    return ids_of(B, T), ids_of(B, T, seed=1)


def paired(model, off, x, y):
    """Mean difference of the loss and its standard error, sequence by sequence."""
    differences = [
        (off(x[b : b + 1], y[b : b + 1])[1] - model(x[b : b + 1], y[b : b + 1])[1]).item()
        for b in range(len(x))
    ]
    mean = sum(differences) / len(x)
    variance = sum((d - mean) ** 2 for d in differences) / (len(x) - 1)
    return mean, math.sqrt(variance / len(x))


@pytest.mark.parametrize("kind", ["zero", "mean"])
@pytest.mark.parametrize("config", KINDS)
def test_the_sweep_is_one_ablation_after_the_other(config, kind):
    model, (x, y) = shaken(config), data()
    effects, means = gpt.ablation_effects(model, x, y, kind), mean_activations(model, x)
    assert effects.loss == pytest.approx(model(x, y)[1].item(), rel=1e-5)
    assert effects.heads.shape == effects.heads_error.shape == (2, 2)
    for layer in range(2):
        for head in range(2):
            off = ablated(model, Ablation(heads={(layer, head)}, kind=kind), means)
            mean, error = paired(model, off, x, y)
            assert effects.heads[layer, head].item() == pytest.approx(mean, abs=2e-6)
            assert effects.heads_error[layer, head].item() == pytest.approx(error, abs=2e-6)
        if config.feed_forward:
            off = ablated(model, Ablation(feed_forwards={layer}, kind=kind), means)
            mean, error = paired(model, off, x, y)
            assert effects.feed_forwards[layer].item() == pytest.approx(mean, abs=2e-6)
            assert effects.feed_forwards_error[layer].item() == pytest.approx(error, abs=2e-6)
        else:
            assert effects.feed_forwards[layer].isnan()


def test_some_layers_only():
    model, (x, y) = shaken(MODEL), data()
    whole, last = (gpt.ablation_effects(model, x, y, layers=ls) for ls in (None, [1]))
    assert torch.equal(last.heads, whole.heads[1:]) and last.feed_forwards.shape == (1,)
    with pytest.raises(gpt.GPTError, match="below 2"):
        gpt.ablation_effects(model, x, y, layers=[2])


def test_one_sequence_has_no_standard_error():
    model, (x, y) = shaken(MODEL), data(1)
    effects = gpt.ablation_effects(model, x, y)
    assert effects.heads.isfinite().all() and effects.heads_error.isnan().all()


def test_the_bigram_has_nothing_to_sweep():
    model, (x, y) = gpt.build_model(gpt.PRESETS["bigram"].model, V), data()
    effects = gpt.ablation_effects(model, x, y)
    assert effects.heads.shape == (0, 0) and effects.feed_forwards.shape == (0,)
    assert gpt.head_importance(model, x, y).shape == (0, 0)


@pytest.mark.parametrize("config", KINDS)
def test_the_importance_of_a_head_is_the_slope_of_the_loss(config):
    """A factor a little above and below 1 on the head's columns of W_O, sequence by sequence."""
    if not config.output_projection:
        return
    model, (x, y) = shaken(config).double(), data()
    found, D = gpt.head_importance(model, x, y), config.size_of_head
    for layer, block in enumerate(model.blocks):
        for head in range(config.n_head):
            columns = block.attention.projection.weight[:, head * D : (head + 1) * D]
            losses = []
            with torch.no_grad():
                for factor in (1 + 1e-5, 1 - 1e-5):
                    columns.mul_(factor)
                    losses.append(sequence_losses(model(x)[0], y))
                    columns.div_(factor)
            slope = (losses[0] - losses[1]) / 2e-5
            assert found[layer, head].item() == pytest.approx(slope.abs().mean().item(), rel=1e-3)


def test_measuring_importance_leaves_no_gradient_behind():
    model, (x, y) = shaken(replace(MODEL, dropout=0.5)).train(), data()
    with torch.no_grad():
        gpt.head_importance(model, x, y)
    assert all(p.grad is None for p in model.parameters()) and model.training
