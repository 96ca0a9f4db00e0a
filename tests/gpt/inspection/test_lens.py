"""The logit lens: its last row is the model, the others are the definition written out."""

import pytest
import torch
import torch.nn.functional as F

import gpt
from gpt.inspection import lens_logits, trace
from tests.gpt.helpers import KINDS, MODEL, V, ids_of, shaken


@pytest.mark.parametrize("config", KINDS)
def test_the_last_row_is_what_the_model_says(config):
    model, idx = shaken(config), ids_of(3, 7)
    logits = lens_logits(model, idx)
    assert logits.shape == (config.n_layer + 1, 3, 7, V)
    assert torch.equal(logits[-1], model(idx)[0])
    assert torch.equal(gpt.logit_lens(model, idx).kl[-1], torch.zeros(3, 7))


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_every_row_is_the_read_out_of_its_stream(norm):
    model, idx = shaken(gpt.ModelConfig(**MODEL.to_dict() | {"norm": norm})), ids_of(2, 6)
    found = trace(model, idx)
    streams = [found["resid_pre"][0], *found["resid_post"]]
    for x, logits in zip(streams, lens_logits(model, idx), strict=True):
        if norm == "pre":
            x = F.layer_norm(x, x.shape[-1:], model.final_norm.weight, model.final_norm.bias)
        expected = x @ model.lm_head.weight.T + model.lm_head.bias
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("given", [True, False])
def test_what_the_layers_would_say_in_numbers(given):
    model, idx = shaken(MODEL), ids_of(2, 6)
    targets = ids_of(2, 6, seed=5) if given else F.pad(idx[:, 1:], (0, 1), value=-1)
    lens = gpt.logit_lens(model, idx, targets if given else None)
    p = lens_logits(model, idx).softmax(-1)  # (L + 1, B, T, V)
    torch.testing.assert_close(lens.top, p.argmax(-1))
    torch.testing.assert_close(lens.top_p, p.amax(-1))
    torch.testing.assert_close(lens.kl, F.kl_div(p.log(), p[-1:], reduction="none").sum(-1))
    for place in torch.cartesian_prod(*(torch.arange(n) for n in lens.top.shape)).tolist():
        layer, b, i = place
        true = targets[b, i].item()
        if true < 0:
            assert lens.target_p[layer, b, i].isnan() and lens.target_rank[layer, b, i] == 0
            continue
        order = p[layer, b, i].argsort(descending=True).tolist()
        assert lens.target_rank[layer, b, i] == order.index(true) + 1
        assert lens.target_p[layer, b, i].item() == pytest.approx(p[layer, b, i, true].item())


def test_the_bigram_has_only_what_it_says():
    model, idx = gpt.build_model(gpt.PRESETS["bigram"].model, V), ids_of(2, 5)
    assert torch.equal(lens_logits(model, idx), model(idx)[0][None])
    assert gpt.logit_lens(model, idx).top.shape == (1, 2, 5)


def test_a_part_of_the_positions_is_read_out_alike():
    given = shaken(MODEL), ids_of(2, 7)
    whole, part = gpt.logit_lens(*given), gpt.logit_lens(*given, positions=range(3, 6))
    for name in ("top", "top_p", "target_p", "target_rank", "kl"):
        expected = getattr(whole, name)[:, :, 3:6]
        torch.testing.assert_close(getattr(part, name), expected, equal_nan=True)
