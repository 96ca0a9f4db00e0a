"""Ablation against models whose weights are edited by hand to the same effect."""

import copy
from dataclasses import replace

import pytest
import torch

import gpt
from gpt.inspection import Ablation, ablated, mean_activations, trace
from tests.gpt.helpers import KINDS, MODEL, TOKENIZER, V, ids_of, shaken

WITH_PATH = [c for c in KINDS if c.values[0].residual]
FIRST, LAST = (0, 1), (1, 0)


def silence(part):
    """A linear map, or a sum of them, that says nothing."""
    with torch.no_grad():
        for p in part.parameters():
            p.zero_()


def without_columns(model, layer, head, add=None):
    """A copy whose projection does not read one head; `add` (D,) is read there all the same."""
    edited, D = copy.deepcopy(model), model.config.size_of_head
    projection = edited.blocks[layer].attention.projection
    columns = slice(head * D, (head + 1) * D)
    with torch.no_grad():
        if add is not None:
            projection.bias += projection.weight[:, columns] @ add
        projection.weight[:, columns] = 0
    return edited


@pytest.mark.parametrize("config", [c for c in KINDS if c.values[0].output_projection])
def test_a_head_without_its_columns_is_a_head_that_is_off(config):
    model, idx = shaken(config), ids_of(3, 8)
    layer, head = FIRST
    expected = without_columns(model, layer, head)(idx)[0]
    found = ablated(model, Ablation(heads={FIRST}))(idx)[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, model(idx)[0], atol=1e-3)


def test_a_head_that_nobody_reads_can_go_without_a_trace():
    model = without_columns(shaken(MODEL), *FIRST)
    idx, y = ids_of(3, 8), ids_of(3, 8, seed=1)
    for kind in ("zero", "mean"):
        off = ablated(model, Ablation(heads={FIRST}, kind=kind), mean_activations(model, idx))
        assert torch.equal(off(idx)[0], model(idx)[0])
        effects = gpt.ablation_effects(model, idx, y, kind)
        assert effects.heads[FIRST].item() == 0 and effects.heads_error[FIRST].item() == 0


@pytest.mark.parametrize(
    "config", [c for c in KINDS if c.values[0].bias and c.values[0].output_projection]
)
def test_a_head_at_its_mean_is_a_bias(config):
    """W_O times the head's mean, whatever it reads."""
    model, seen, idx = shaken(config), ids_of(5, 8, seed=3), ids_of(2, 8)
    means = mean_activations(model, seen)
    mean = trace(model, seen)["z"][FIRST[0]][:, :, FIRST[1]].mean((0, 1))
    torch.testing.assert_close(means.z[FIRST], mean)
    found = ablated(model, Ablation(heads={FIRST}, kind="mean"), means)(idx)[0]
    expected = without_columns(model, *FIRST, add=mean)(idx)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", KINDS)
@pytest.mark.parametrize("part", ["attention", "feed_forwards"])
def test_a_silent_part_is_a_part_that_is_off(config, part):
    if part == "feed_forwards" and not config.feed_forward:
        return
    model, idx = shaken(config), ids_of(2, 8)
    edited = copy.deepcopy(model)
    silence(getattr(edited.blocks[1], part.removesuffix("s")))
    found = ablated(model, Ablation(**{part: {1}}))(idx)[0]
    torch.testing.assert_close(found, edited(idx)[0])


@pytest.mark.parametrize("config", KINDS)
def test_without_a_block_the_others_are_the_model(config):
    model, idx = shaken(config), ids_of(2, 8)
    edited = copy.deepcopy(model)
    del edited.blocks[0]
    found = ablated(model, Ablation(blocks={0}))(idx)[0]
    torch.testing.assert_close(found, edited(idx)[0])


@pytest.mark.parametrize("part", ["attention", "feed_forwards", "blocks"])
def test_a_part_at_its_mean_says_the_same_everywhere(part):
    model, seen, idx = shaken(MODEL), ids_of(5, 8, seed=3), ids_of(2, 8)
    off = ablated(model, Ablation(**{part: {1}}, kind="mean"), mean_activations(model, seen))
    name = {"attention": "attn_out", "feed_forwards": "mlp_out"}.get(part)
    before, here = trace(model, seen, layers=[1]), trace(off, idx, layers=[1])
    found, mean = (x[name] if name else x["resid_post"] - x["resid_pre"] for x in (here, before))
    expected = mean.mean((1, 2), keepdim=True).expand_as(found)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_mean_of_a_single_place_changes_nothing():
    model, idx = shaken(MODEL), ids_of(1, 1)
    everything = Ablation(heads={FIRST}, attention={0}, feed_forwards={0}, blocks={1}, kind="mean")
    off = ablated(model, everything, mean_activations(model, idx))
    torch.testing.assert_close(off(idx)[0], model(idx)[0], rtol=1e-4, atol=1e-5)


def test_learned_positions_can_go():
    model, idx = shaken(MODEL), ids_of(2, 8)
    for kind in ("zero", "mean"):
        edited = copy.deepcopy(model)
        with torch.no_grad():
            weight = edited.position_embedding.weight
            weight.copy_(weight.mean(0) * (kind == "mean"))
        off = ablated(model, Ablation(positions=True, kind=kind))
        assert torch.equal(off(idx)[0], edited(idx)[0])


def test_rotary_positions_can_go():
    model, idx = shaken(replace(MODEL, positions="rotary")), ids_of(2, 8)
    blind = gpt.build_model(replace(MODEL, positions="none"), V)
    gpt.load_weights(blind, gpt.weights_of(model))
    assert torch.equal(ablated(model, Ablation(positions=True))(idx)[0], blind.eval()(idx)[0])


@pytest.mark.parametrize("config", WITH_PATH)
def test_with_everything_off_only_the_embeddings_speak(config):
    model, idx = shaken(config), ids_of(2, 8)
    L, H = config.n_layer, config.n_head
    parts = {"attention": range(L)} | ({"feed_forwards": range(L)} if config.feed_forward else {})
    off = ablated(model, Ablation(**{name: set(layers) for name, layers in parts.items()}))
    x = model.token_embedding(idx)
    if model.position_embedding is not None:
        x = x + model.position_embedding.weight[:8]
    if config.norm == "post":
        for block in model.blocks:
            for norm in (block.attention_norm, block.feed_forward_norm):
                x = norm(x) if norm is not None else x
    torch.testing.assert_close(off(idx)[0], model.read_out(x))
    heads = {(layer, head) for layer in range(L) for head in range(H)}
    assert (trace(ablated(model, Ablation(heads=heads)), idx, ["z"])["z"] == 0).all()


def test_several_at_once_are_each_of_them():
    model, idx = shaken(MODEL), ids_of(2, 8)
    edited = without_columns(without_columns(model, *FIRST), *LAST)
    silence(edited.blocks[0].feed_forward)
    silence(edited.position_embedding)
    off = ablated(model, Ablation(heads={FIRST, LAST}, feed_forwards={0}, positions=True))
    torch.testing.assert_close(off(idx)[0], edited(idx)[0])


@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize(
    "ablation",
    [
        Ablation(heads={FIRST}), Ablation(attention={0}), Ablation(feed_forwards={1}),
        Ablation(blocks={0}), Ablation(positions=True), Ablation(heads={LAST}, kind="mean"),
        Ablation(blocks={1}, kind="mean"),
    ],
    ids=str,
)  # fmt: skip
def test_an_ablated_model_writes_the_same_with_and_without_the_cache(ablation, positions):
    model = shaken(replace(MODEL, positions=positions))
    off = ablated(model, ablation, mean_activations(model, ids_of(2, 8)))
    texts = {
        gpt.generate(off, TOKENIZER, "3 times", 30, seed=1, use_cache=cached) for cached in (0, 1)
    }
    assert len(texts) == 1


def test_the_model_itself_is_left_alone_and_its_weights_are_shared():
    model, idx, y = shaken(MODEL).train(), ids_of(2, 8), ids_of(2, 8, seed=1)
    off = ablated(model, Ablation(heads={FIRST}, positions=True))
    assert not off.training and model.training and model.position_embedding is not None
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())
    before = off(idx)[0]
    with torch.no_grad():
        model.lm_head.bias += 1
    torch.testing.assert_close(off(idx)[0], before + 1)
    off(idx, y)[1].backward()  # the gradient of what is left reaches the shared weights
    assert model.lm_head.weight.grad is not None


def test_an_ablation_can_be_a_key():
    assert Ablation(heads={FIRST, LAST}) == Ablation(heads=[LAST, FIRST])
    assert hash(Ablation(heads={FIRST})) == hash(Ablation(heads=[FIRST]))
    assert Ablation(heads={FIRST}) != Ablation(heads={FIRST}, kind="mean")


def test_nothing_ablated_is_the_model():
    for config in (MODEL, gpt.PRESETS["bigram"].model):
        model, idx = shaken(config), ids_of(2, 8)
        assert torch.equal(ablated(model, Ablation())(idx)[0], model(idx)[0])


@pytest.mark.parametrize(
    "changes, ablation, words",
    [
        ({}, {"heads": {(2, 0)}}, "no head 0 in layer 2: the model has 2 layers of 2 heads"),
        ({}, {"heads": {(0, 2)}}, "no head 2 in layer 0"),
        ({}, {"attention": {2}}, "layer must be below 2, .* got 2"),
        ({}, {"blocks": {-1}}, "got -1"),
        ({}, {"kind": "mean", "heads": {FIRST}}, r"pass gpt\.mean_activations"),
        ({}, {"kind": "median"}, "kind must be one of zero, mean, got 'median'"),
        ({"feed_forward": False}, {"feed_forwards": {0}}, "no feed-forward"),
        ({"positions": "none"}, {"positions": True}, "no positions"),
        ({"architecture": "bigram"}, {"positions": True}, "no positions"),
        ({"architecture": "bigram"}, {"heads": {(0, 0)}}, "0 layers"),
    ],
)
def test_what_is_not_there_cannot_be_switched_off(changes, ablation, words):
    with pytest.raises(gpt.GPTError, match=words):
        ablated(shaken(replace(MODEL, **changes)), Ablation(**ablation))
