"""The residual stream, and what each head writes into it."""

import pytest
import torch

import gpt
from gpt.inspection import head_outputs, residuals, trace
from tests.gpt.helpers import KINDS, MODEL, V, ids_of, shaken

BIGRAM = gpt.PRESETS["bigram"].model


def test_norms_are_of_what_enters_and_of_what_leaves_each_block():
    model, idx = shaken(MODEL), ids_of(2, 6)
    x = model.token_embedding(idx) + model.position_embedding.weight[:6]
    norms = gpt.residual_norms(model, idx)
    assert norms.shape == (3, 2, 6)
    for row, block in zip(norms, [*model.blocks, None], strict=True):
        torch.testing.assert_close(row, x.square().sum(-1).sqrt())
        x = block(x) if block is not None else x


@pytest.mark.parametrize("config", KINDS)
def test_what_the_heads_write_sums_to_their_layers_output(config):
    model, idx = shaken(config), ids_of(2, 6)
    found, norms = trace(model, idx), gpt.written_norms(model, idx)
    assert norms.shape == (config.n_layer, 2, 6, config.n_head)
    for layer, block in enumerate(model.blocks):
        written = head_outputs(block.attention, found["z"][layer])  # (B, T, H, C)
        bias = getattr(block.attention.projection, "bias", None)
        whole = written.sum(-2) + (0 if bias is None else bias)
        torch.testing.assert_close(whole, found["attn_out"][layer], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(written.norm(dim=-1), norms[layer])


def test_the_tokens_of_a_head_are_those_it_is_credited_with():
    """Its pushes are its shares in the attribution of each token, above the vocabulary's mean."""
    model, idx = shaken(MODEL), ids_of(3, 6)
    shares = torch.stack(
        [gpt.attribute(model, idx, k, "mean", position=2).heads[1, :, 0] for k in range(V)], -1
    )  # (B, V)
    ids, pushes = gpt.head_tokens(model, idx, layer=1, head=0, position=2, k=4)
    expected = shares.topk(4)
    torch.testing.assert_close(pushes, expected.values, rtol=1e-4, atol=1e-5)
    assert torch.equal(ids, expected.indices)


@pytest.mark.parametrize("config", KINDS)
def test_every_model_has_tokens_for_its_heads(config):
    ids, pushes = gpt.head_tokens(shaken(config), ids_of(2, 5), layer=0, head=1, k=3)
    assert ids.shape == pushes.shape == (2, 3) and (pushes.diff() <= 0).all()


def test_a_head_that_is_not_there_is_refused():
    for layer, head in [(2, 0), (0, 2), (-1, 0)]:
        with pytest.raises(
            gpt.GPTError, match=f"no head {head} in layer {layer}: .* 2 layers of 2"
        ):
            gpt.head_tokens(shaken(MODEL), ids_of(1, 3), layer, head)


def test_the_bigram_has_no_stream():
    model, idx = gpt.build_model(BIGRAM, V), ids_of(2, 5)
    assert residuals(model, idx).shape == (0, 2, 5, 0)
    assert gpt.residual_norms(model, idx).shape == (0, 2, 5)
    assert gpt.written_norms(model, idx).shape == (0, 2, 5, 0)
