import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gpt.config import ModelConfig
from gpt.errors import CheckpointError, GPTError
from gpt.model import build_model, load_weights, weights_of
from gpt.presets import PRESETS
from tests.gpt.helpers import MODEL, V, ids_of

WIDE = ModelConfig(block_size=32, n_layer=4, n_head=4, n_embd=128)


# --- an outside truth: Hugging Face's GPT-2 with our weights -----------------------------------


def hugging_face_twin(model):
    """GPT-2 as transformers writes it, with the weights of `model`; no download."""
    from transformers import GPT2Config, GPT2LMHeadModel

    c = model.config
    config = GPT2Config(
        vocab_size=model.vocab_size, n_positions=c.block_size, n_embd=c.n_embd, n_layer=c.n_layer,
        n_head=c.n_head, activation_function=c.activation, tie_word_embeddings=c.tie_weights,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for mine, its in matching_parameters(model, theirs):
            its.copy_(mine.T if mine.dim() == 2 and is_transposed(theirs, its) else mine)
        for block in theirs.transformer.h:
            block.attn.c_attn.bias.zero_()  # ours has no bias on queries, keys and values
        model.lm_head.bias.zero_()  # theirs has none on the read-out
    return theirs


def matching_parameters(model, theirs):
    yield model.token_embedding.weight, theirs.transformer.wte.weight
    yield model.position_embedding.weight, theirs.transformer.wpe.weight
    yield model.lm_head.weight, theirs.lm_head.weight
    pairs = [(model.final_norm, theirs.transformer.ln_f)]
    for block, its in zip(model.blocks, theirs.transformer.h, strict=True):
        yield block.attention.query_key_value.weight, its.attn.c_attn.weight
        pairs += [
            (block.attention.projection, its.attn.c_proj),
            (block.attention_norm, its.ln_1),
            (block.feed_forward.widen, its.mlp.c_fc),
            (block.feed_forward.narrow, its.mlp.c_proj),
            (block.feed_forward_norm, its.ln_2),
        ]
    for mine, its in pairs:
        yield mine.weight, its.weight
        yield mine.bias, its.bias


def is_transposed(theirs, parameter):
    """Hugging Face's GPT-2 keeps linear maps as Conv1D: (in, out) instead of (out, in)."""
    maps = [m.weight for m in theirs.modules() if type(m).__name__ == "Conv1D"]
    return any(parameter is m for m in maps)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("tied", [False, True])
def test_the_whole_network_is_gpt_2(activation, tied):
    """Logits, loss and every gradient, at a full and at a short context."""
    config = ModelConfig(
        block_size=16, n_layer=3, n_head=4, n_embd=32, activation=activation, tie_weights=tied
    )
    model = build_model(config, 29, seed=5)
    with torch.no_grad():  # larger weights than at the start, so that every part matters
        for parameter in model.parameters():
            parameter.add_(
                0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
            )
    theirs = hugging_face_twin(model)
    for T in (16, 5):
        idx, targets = ids_of(3, T, 1, 29), ids_of(3, T, 2, 29)
        logits, loss = model(idx, targets)
        expected = theirs(idx).logits
        expected_loss = F.cross_entropy(expected.flatten(0, 1), targets.flatten())
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(loss, expected_loss, rtol=1e-6, atol=1e-6)
        model.zero_grad()
        theirs.zero_grad()
        loss.backward()
        expected_loss.backward()
        for mine, its in matching_parameters(model, theirs):
            gradient = its.grad.T if is_transposed(theirs, its) else its.grad
            torch.testing.assert_close(mine.grad, gradient, rtol=1e-4, atol=1e-6)


def test_the_whole_modern_network_is_qwen_3():
    """Rotary positions, RMSNorm, query-key norm, shared keys and values, SwiGLU, all at once."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = ModelConfig(
        block_size=16, n_layer=3, n_head=4, n_kv_head=2, n_embd=24, head_size=8, bias=False,
        activation="swiglu", norm_kind="rms", positions="rotary", qk_norm=True,
    )  # fmt: skip
    model = build_model(config, 29, seed=5)
    theirs = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=29, hidden_size=24, intermediate_size=config.hidden, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=2, head_dim=8, hidden_act="silu",
            max_position_embeddings=16, rms_norm_eps=torch.finfo(torch.float32).eps,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
            tie_word_embeddings=False, attention_bias=False, bos_token_id=0, eos_token_id=0,
        )
    ).eval()  # fmt: skip
    # Theirs turns number i with number i + D/2, ours with its neighbour: the same up to order.
    order = torch.arange(8).view(4, 2).T.flatten()  # 0 2 4 6 1 3 5 7
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
        theirs.model.embed_tokens.weight.copy_(model.token_embedding.weight)
        theirs.lm_head.weight.copy_(model.lm_head.weight)
        theirs.model.norm.weight.copy_(model.final_norm.weight)
        for mine, its in zip(model.blocks, theirs.model.layers, strict=True):
            q, k, v = mine.attention.query_key_value.weight.view(8, 8, 24).split((4, 2, 2))
            its.self_attn.q_proj.weight.copy_(q[:, order].flatten(0, 1))
            its.self_attn.k_proj.weight.copy_(k[:, order].flatten(0, 1))
            its.self_attn.v_proj.weight.copy_(v.flatten(0, 1))
            its.self_attn.o_proj.weight.copy_(mine.attention.projection.weight)
            gate, up = mine.feed_forward.widen.weight.chunk(2)
            its.mlp.gate_proj.weight.copy_(gate)
            its.mlp.up_proj.weight.copy_(up)
            its.mlp.down_proj.weight.copy_(mine.feed_forward.narrow.weight)
            its.input_layernorm.weight.copy_(mine.attention_norm.weight)
            its.post_attention_layernorm.weight.copy_(mine.feed_forward_norm.weight)
    idx = ids_of(3, 16, 1, 29)
    logits, _ = model(idx)
    torch.testing.assert_close(logits, theirs(idx).logits, rtol=1e-4, atol=1e-4)


# --- the weights at the start ------------------------------------------------------------------


def test_gpt_2s_initialisation():
    model = build_model(replace(WIDE, feed_forward_multiple=4), 500)
    residual = 0.02 / math.sqrt(2 * WIDE.n_layer)
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            assert (p == 0).all(), name
        elif "norm" in name:
            assert (p == 1).all(), name
        else:
            std = residual if "projection" in name or "narrow" in name else 0.02
            assert p.std().item() == pytest.approx(std, rel=0.03), name
            assert abs(p.mean().item()) < 5 * std / math.sqrt(p.numel()), name


def test_the_tutorials_initialisation_is_pytorchs_default():
    ours = build_model(replace(WIDE, init="tutorial"), 500)
    torch.manual_seed(0)
    for name, module in ours.named_modules():
        if isinstance(module, nn.Linear):
            default = nn.Linear(module.in_features, module.out_features, module.bias is not None)
        elif isinstance(module, nn.Embedding):
            default = nn.Embedding(module.num_embeddings, module.embedding_dim)
        else:
            continue
        for (kind, p), q in zip(module.named_parameters(), default.parameters(), strict=True):
            if p.numel() > 1000:
                assert p.std().item() == pytest.approx(q.std().item(), rel=0.05), (name, kind)
            assert p.abs().max() <= max(q.abs().max() * 1.2, 6 * q.std()), (name, kind)


@pytest.mark.parametrize("settings", [{}, {"tie_weights": True}, {"n_layer": 8}, {"norm": "post"}])
def test_the_first_loss_is_that_of_knowing_nothing(settings):
    model = build_model(replace(WIDE, **settings), 65)
    _, loss = model(ids_of(8, 32, 1, 65), ids_of(8, 32, 2, 65))
    assert loss.item() == pytest.approx(math.log(65), abs=0.05)


def test_one_seed_gives_one_model_and_leaves_all_global_randomness_alone():
    before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    one, same, other = (weights_of(build_model(MODEL, V, seed)) for seed in (1, 1, 2))
    after = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["lm_head.weight"], other["lm_head.weight"])
    assert torch.equal(before[0], after[0]) and before[1:] == after[1:]


# --- the forward pass --------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_every_preset_takes_ids_and_gives_scores(preset):
    model = build_model(preset.model, 11)
    logits, loss = model(ids_of(2, 5, 0, 11), ids_of(2, 5, 1, 11))
    assert logits.shape == (2, 5, 11) and loss.shape == () and loss.item() > 0
    assert model(ids_of(2, 5, 0, 11))[1] is None


def test_the_loss_is_the_mean_surprise_in_nats():
    model, idx, targets = build_model(MODEL, V), ids_of(2, 6), ids_of(2, 6, seed=1)
    logits, loss = model(idx, targets)
    p = logits.softmax(-1).gather(-1, targets[..., None])
    assert loss.item() == pytest.approx(-p.log().mean().item(), rel=1e-5)


def test_the_bigram_looks_up_a_row():
    model = build_model(PRESETS["bigram"].model, 7)
    idx = ids_of(2, 30, 0, 7)  # longer than block_size: a table has no context
    assert torch.equal(model(idx)[0], model.table.weight[idx])


def test_too_many_tokens_are_refused_with_the_limit():
    with pytest.raises(GPTError, match=r"9 tokens do not fit into the context of 8"):
        build_model(MODEL, V)(ids_of(1, 9))


def test_without_positions_order_is_invisible_to_the_last_token():
    """A set of earlier tokens, not a sequence: the reason for position embeddings."""
    config = replace(MODEL, positions="none", n_layer=1)
    idx = torch.tensor([[1, 2, 3, 4], [3, 1, 2, 4]])
    blind, _ = build_model(config, V)(idx)
    seeing, _ = build_model(replace(config, positions="learned"), V)(idx)
    torch.testing.assert_close(blind[0, -1], blind[1, -1])
    assert not torch.allclose(seeing[0, -1], seeing[1, -1], atol=1e-3)


# --- weights by name ---------------------------------------------------------------------------


def test_a_tied_matrix_is_one_matrix_and_counted_once():
    model = build_model(replace(MODEL, tie_weights=True), V)
    assert model.lm_head.weight is model.token_embedding.weight
    assert "token_embedding.weight" in weights_of(model)
    assert "lm_head.weight" not in weights_of(model)


def test_weights_of_another_model_are_refused():
    model = build_model(MODEL, V)
    for config, words in [
        (replace(MODEL, n_layer=3), "blocks.2"),
        (replace(MODEL, n_embd=32), r"is \(\d+, 32\), expected"),
        (replace(MODEL, bias=False), "bias"),
    ]:
        with pytest.raises(CheckpointError, match=words):
            load_weights(model, weights_of(build_model(config, V)))


def test_refused_weights_leave_the_model_as_it_was():
    """A shape that is wrong at the very end must not be found after half is overwritten."""
    model = build_model(MODEL, V)
    before = {name: w.clone() for name, w in weights_of(model).items()}
    other = weights_of(build_model(MODEL, V, seed=2))
    other["lm_head.bias"] = torch.zeros(V + 1)
    with pytest.raises(CheckpointError):
        load_weights(model, other)
    assert all(torch.equal(before[name], w) for name, w in weights_of(model).items())
