"""Direct logit attribution: exact sums, and each part by the definition."""

from dataclasses import fields, replace

import pytest
import torch

import gpt
from gpt.inspection import trace
from tests.gpt.helpers import KINDS, MODEL, V, ids_of, shaken

ADDITIVE = [c for c in KINDS if c.values[0].norm == "pre" and c.values[0].residual]
CLOSE = {torch.float64: 1e-10, torch.float32: 1e-4}


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("against", [None, 3, "mean"], ids=str)
@pytest.mark.parametrize("config", ADDITIVE)
def test_the_parts_sum_to_the_score(config, against, dtype):
    model, idx = shaken(config).to(dtype), ids_of(3, 7)
    logits = model(idx)[0].detach()  # (B, T, V)
    for position in (0, 4, -1):
        found = gpt.attribute(model, idx, 5, against, position)
        here = logits[:, position]
        base = {None: 0.0, 3: here[:, 3], "mean": here.mean(-1)}[against]
        torch.testing.assert_close(found.logit, here[:, 5] - base, rtol=0, atol=CLOSE[dtype])
        torch.testing.assert_close(found.total(), found.logit, rtol=0, atol=CLOSE[dtype])


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_every_part_is_the_definition(kind):
    """W_U[k] · (γ ⊙ (c - mean(c)) / σ), with σ of the whole stream; RMSNorm does not centre."""
    config, i, k = replace(MODEL, norm_kind=kind), 4, 7
    model, idx = shaken(config).double(), ids_of(1, 6)
    found, norm = trace(model, idx), model.final_norm
    x, centred = found["resid_post"][-1][0, i], kind == "layer"
    if centred:
        sigma = (((x - x.mean()) ** 2).mean() + norm.eps).sqrt()
    else:
        sigma = ((x**2).mean() + torch.finfo(torch.float64).eps).sqrt()

    def share(c):
        c = c - c.mean() if centred else c
        return (model.lm_head.weight[k] @ (norm.weight * c / sigma)).item()

    parts = gpt.attribute(model, idx, k, position=i)
    assert parts.token_embedding.item() == pytest.approx(
        share(model.token_embedding.weight[idx[0, i]])
    )
    assert parts.position_embedding.item() == pytest.approx(
        share(model.position_embedding.weight[i])
    )
    for layer, block in enumerate(model.blocks):
        assert parts.feed_forward[layer].item() == pytest.approx(
            share(found["mlp_out"][layer, 0, i])
        )
        projection = block.attention.projection
        assert parts.attention_bias[layer].item() == pytest.approx(share(projection.bias))
        for h, head in enumerate(block.attention.heads()):
            v = head.value(found["attention_input"][layer, 0])  # (T, D)
            D = config.size_of_head
            o = (found["pattern"][layer, 0, h, i] @ v) @ projection.weight[:, h * D : (h + 1) * D].T
            assert parts.heads[layer, 0, h].item() == pytest.approx(share(o))
    beta = model.lm_head.weight[k] @ norm.bias if centred else torch.tensor(0.0)
    assert parts.final_norm_bias.item() == pytest.approx(beta.item())
    assert parts.read_out_bias.item() == pytest.approx(model.lm_head.bias[k].item())


def test_a_difference_of_two_tokens_is_the_difference_of_their_parts():
    model, idx = shaken(MODEL).double(), ids_of(2, 5)
    a, b, both = (gpt.attribute(model, idx, *ids) for ids in [(1,), (2,), (1, 2)])
    for field in fields(both):
        one, other, difference = (getattr(x, field.name) for x in (a, b, both))
        torch.testing.assert_close(one - other, difference)


def test_each_sequence_may_ask_for_its_own_token():
    model, idx = shaken(MODEL), ids_of(3, 5)
    together = gpt.attribute(model, idx, torch.tensor([4, 0, 9]), torch.tensor([1, 2, 3]))
    alone = gpt.attribute(model, idx[1:2], 0, 2)
    torch.testing.assert_close(together.heads[:, 1:2], alone.heads)
    assert together.logit[1].item() == pytest.approx(alone.logit.item(), abs=1e-5)


@pytest.mark.parametrize(
    "changes", [{"norm": "post"}, {"norm": "none"}, {"residual": False}], ids=str
)
def test_where_scores_are_no_sum_it_is_refused(changes):
    with pytest.raises(gpt.GPTError, match=r"sum of parts only with a residual path.*Use ablation"):
        gpt.attribute(shaken(replace(MODEL, **changes)), ids_of(1, 3), 0)


@pytest.mark.parametrize("kind", ["zero", "mean"])
@pytest.mark.parametrize(
    "off", [{"heads": {(0, 1), (1, 0)}}, {"feed_forwards": {0}}, {"positions": True}], ids=str
)
def test_the_parts_of_an_ablated_model_sum_to_its_score(off, kind):
    model, idx = shaken(MODEL).double(), ids_of(2, 6)
    means = gpt.mean_activations(model, idx)
    without = gpt.ablated(model, gpt.Ablation(**off, kind=kind), means)
    found = gpt.attribute(without, idx, 5, position=3)
    torch.testing.assert_close(found.logit, without(idx)[0][:, 3, 5].detach())
    torch.testing.assert_close(found.total(), found.logit, rtol=0, atol=1e-10)
    assert not torch.allclose(found.logit, gpt.attribute(model, idx, 5, position=3).logit)
    if kind == "zero" and "heads" in off:
        assert not found.heads[0, :, 1].any() and not found.heads[1, :, 0].any()


@pytest.mark.parametrize("off", [{"attention": {0}}, {"blocks": {1}}], ids=str)
def test_a_whole_attention_or_block_off_is_refused(off):
    """Its heads still computed something, which the sum counted and the score did not."""
    model, idx = shaken(MODEL), ids_of(1, 3)
    without = gpt.ablated(model, gpt.Ablation(**off))
    twice = gpt.ablated(without, gpt.Ablation(heads={(0, 0)}))
    for changed in (without, twice):
        with pytest.raises(gpt.GPTError, match="switch off all heads and the feed-forward"):
            gpt.attribute(changed, idx, 0)
    assert gpt.attribute(model, idx, 0).logit.isfinite()  # the model itself knows of nothing


def test_the_bigram_and_strange_questions_are_refused():
    with pytest.raises(gpt.GPTError, match="bigram is one table"):
        gpt.attribute(gpt.build_model(gpt.PRESETS["bigram"].model, V), ids_of(1, 3), 0)
    model, idx = shaken(MODEL), ids_of(1, 3)
    for asked, words in [
        ((V,), f"0 to {V - 1}, got .{V}."),
        ((0, "median"), "'mean' or None, got 'median'"),
        ((0, None, 3), "position must be from -3 to 2, got 3"),
    ]:
        with pytest.raises(gpt.GPTError, match=words):
            gpt.attribute(model, idx, *asked)
