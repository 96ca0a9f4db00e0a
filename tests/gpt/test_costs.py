import os
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gpt import costs
from gpt.config import CHOICES, ModelConfig, TrainConfig
from gpt.costs import (
    activation_memory,
    flops_per_iteration,
    optimizer_flops,
    parameters_by_component,
    peak_memory,
)
from gpt.model import build_model
from gpt.optim import build_optimizer
from gpt.presets import PRESETS
from tests.gpt.helpers import ids_of

TUTORIAL = PRESETS["gpt_tutorial"]
BASE = ModelConfig(block_size=32, n_embd=48, n_head=4, n_layer=3)


@st.composite
def configs(draw):
    """Any model that the settings allow, small."""
    head_size = draw(st.sampled_from([0, 0, 4, 8]))
    projection = head_size != 0 or draw(st.booleans())
    flags = {
        name: draw(st.booleans())
        for name in (
            *("feed_forward", "residual", "bias", "tie_weights", "causal"),
            *("qkv_bias", "read_out_bias"),
        )
    }
    return ModelConfig(
        **flags,
        output_projection=projection,
        head_size=head_size,
        block_size=draw(st.integers(2, 20)),
        n_layer=draw(st.integers(1, 3)),
        n_head=draw(st.sampled_from([1, 2, 4])),
        n_embd=draw(st.sampled_from([8, 24])),
        feed_forward_multiple=draw(st.integers(0, 4)),
        n_kv_head=draw(st.sampled_from([0, 1])),
        activation=draw(st.sampled_from(CHOICES["activation"])),
        norm=draw(st.sampled_from(CHOICES["norm"])),
        norm_kind=draw(st.sampled_from(CHOICES["norm_kind"])),
        positions=draw(st.sampled_from(CHOICES["positions"])),
        qk_norm=draw(st.booleans()),
    )


# --- parameters --------------------------------------------------------------------------------


def real_count(config, vocab_size):
    return sum(p.numel() for p in build_model(config, vocab_size).parameters())


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_the_parts_of_a_preset_sum_to_the_real_model(preset):
    parts = parameters_by_component(preset.model, 65)
    assert sum(parts.values()) == real_count(preset.model, 65)


@given(configs(), st.integers(2, 90))
def test_the_parts_of_any_model_sum_to_the_real_model(config, vocab_size):
    assert sum(parameters_by_component(config, vocab_size).values()) == real_count(
        config, vocab_size
    )


def test_every_part_is_what_its_modules_hold():
    model, found = build_model(BASE, 65), dict.fromkeys(parameters_by_component(BASE, 65), 0)
    names = {"token_embedding": "token embedding", "position_embedding": "position embedding",
             "norm": "layer norm", "lm_head": "read-out", "attention.": "attention",
             "feed_forward.": "feed-forward"}  # fmt: skip
    for name, p in model.named_parameters():
        found[next(part for key, part in names.items() if key in name)] += p.numel()
    assert found == parameters_by_component(BASE, 65)


def test_the_tutorials_gpt_has_10_7_million():
    assert sum(parameters_by_component(TUTORIAL.model, 65).values()) / 1e6 == pytest.approx(
        10.8, abs=0.1
    )


# --- arithmetic --------------------------------------------------------------------------------


def test_the_tutorials_gpt_takes_1_2_tera_flops_a_step():
    assert flops_per_iteration(TUTORIAL.model, 65, 64) == pytest.approx(1.2e12, rel=0.05)


def counted_flops(config, vocab_size, batch_size):
    """PyTorch's own count. The fused CPU attention is not in its table: use the plain one."""
    model, idx = (
        build_model(config, vocab_size),
        ids_of(batch_size, config.block_size, 0, vocab_size),
    )
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(idx, idx)[1].backward()
    return counter.get_total_flops()


FLOPS = [{}, {"bias": False}, {"feed_forward": False}, {"tie_weights": True}, {"head_size": 8},
         {"output_projection": False}, {"positions": "none"}, {"feed_forward_multiple": 0},
         {"block_size": 256}, {"n_embd": 16, "block_size": 128}, {"activation": "swiglu"},
         {"n_kv_head": 2}, {"positions": "rotary", "qk_norm": True},
         {"qkv_bias": True, "read_out_bias": False}]  # fmt: skip


@pytest.mark.parametrize("changes", FLOPS, ids=str)
def test_the_formula_agrees_with_pytorchs_counter(changes):
    """Within 5 %: the formula also charges biases and norms, the counter only multiplications."""
    config = replace(BASE, **changes)
    counted = counted_flops(config, 65, 2)
    assert flops_per_iteration(config, 65, 2) == pytest.approx(counted, rel=0.05)


@pytest.mark.parametrize("changes", [{}, {"n_kv_head": 1}, {"activation": "swiglu"}], ids=str)
def test_muons_products_are_counted_by_pytorch_too(changes):
    config = replace(BASE, bias=False, **changes)
    train = TrainConfig(optimizer="muon")
    model = build_model(config, 65)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    with FlopCounterMode(display=False) as counter:
        build_optimizer(model, train).step()
    assert optimizer_flops(config, train) == counter.get_total_flops()
    assert optimizer_flops(config, TrainConfig()) == 0


# --- memory ------------------------------------------------------------------------------------


def kept_bytes(config, vocab_size, batch_size):
    """What autograd really keeps for the backward pass: storages that are not the model's own."""
    model = build_model(config, vocab_size).train()
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    idx = ids_of(batch_size, config.block_size, 0, vocab_size)
    targets = ids_of(batch_size, config.block_size, 1, vocab_size)
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.random.fork_rng(), saved_tensors_hooks(pack, lambda t: t):
        model(idx, targets)
    return sum(kept.values())


MEMORY = [{}, {"bias": False}, {"activation": "gelu"}, {"norm": "none"}, {"norm": "post"},
          {"residual": False}, {"residual": False, "norm": "none", "output_projection": False},
          {"feed_forward": False}, {"feed_forward_multiple": 0}, {"head_size": 8},
          {"tie_weights": True}, {"positions": "none"}, {"causal": False}, {"block_size": 128},
          {"dropout": 0.2}, {"dropout": 0.2, "block_size": 128},
          {"dropout": 0.2, "residual": False}, {"architecture": "bigram"},
          {"activation": "relu_squared"}, {"activation": "swiglu"}, {"activation": "gelu_tanh"},
          {"qkv_bias": True, "read_out_bias": False}, {"norm_kind": "rms"},
          {"n_kv_head": 2}, {"positions": "rotary"}, {"qk_norm": True}]  # fmt: skip


@pytest.mark.parametrize("changes", MEMORY, ids=str)
def test_the_formula_agrees_with_what_autograd_keeps(changes):
    config = replace(BASE, **changes)
    kept = kept_bytes(config, 65, 8)
    assert activation_memory(config, 65, 8) == pytest.approx(kept, rel=0.03)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_the_formula_holds_for_the_presets(preset):
    kept = kept_bytes(preset.model, 65, 2)
    assert activation_memory(preset.model, 65, 2) == pytest.approx(kept, rel=0.03)


@given(configs())
def test_the_formula_holds_for_any_model(config):
    assert activation_memory(config, 30, 4) == pytest.approx(kept_bytes(config, 30, 4), rel=0.05)


def test_the_peak_is_four_copies_of_the_weights_and_what_a_batch_adds():
    weights = real_count(BASE, 65)
    scores = 2 * 3 * 32 * 65
    expected = 4 * (4 * weights + scores) + activation_memory(BASE, 65, 3)
    assert peak_memory(BASE, 65, 3) == expected


@pytest.mark.parametrize(
    ("told", "cores"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),  # one and a half
        ("5000 100000\n", 1),
        ("9900000 100000\n", 6),
        ("max 100000\n", 6),
        ("", 6),
        (None, 6),
    ],
)
def test_a_share_of_the_time_is_fewer_cores(monkeypatch, tmp_path, told, cores):
    """A container may see all cores of its machine and be held to the time of some."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(6), raising=False)
    monkeypatch.setattr(costs, "CPU_MAX", tmp_path / "cpu.max")
    if told is not None:
        costs.CPU_MAX.write_text(told)
    assert costs.available_cores() == cores
