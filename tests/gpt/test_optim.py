import math
from dataclasses import replace

import pytest
import torch

from gpt.config import TrainConfig
from gpt.model import build_model
from gpt.optim import build_optimizer, learning_rate_at, parameter_groups
from tests.gpt.helpers import MODEL, V

COSINE = TrainConfig(
    max_steps=100, learning_rate=1.0, schedule="cosine", warmup_steps=10, min_learning_rate=0.1
)


def test_only_matrices_decay():
    model = build_model(MODEL, V)
    decay, keep = parameter_groups(model, 0.1)
    assert (decay["weight_decay"], keep["weight_decay"]) == (0.1, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    assert all(names[id(p)].endswith("weight") for p in decay["params"])
    assert all(names[id(p)].endswith("bias") or "norm" in names[id(p)] for p in keep["params"])
    assert len(decay["params"]) + len(keep["params"]) == len(names)


def test_the_optimizer_takes_the_settings():
    settings = replace(COSINE, weight_decay=0.3, beta1=0.8, beta2=0.95)
    groups = build_optimizer(build_model(MODEL, V), settings).param_groups
    assert [g["weight_decay"] for g in groups] == [0.3, 0.0]
    assert all(g["betas"] == (0.8, 0.95) and g["lr"] == 1.0 for g in groups)


def test_a_model_without_vectors_has_one_group():
    model = build_model(replace(MODEL, architecture="bigram"), V)
    assert len(build_optimizer(model, COSINE).param_groups) == 1


def test_one_update_is_adamw_by_hand():
    """Loshchilov & Hutter, algorithm 2, for the first step, where the moments are g and g²."""
    model = build_model(MODEL, V)
    settings = TrainConfig(learning_rate=0.1, weight_decay=0.5)
    before = [p.detach().clone() for p in model.parameters()]
    for i, p in enumerate(model.parameters()):
        p.grad = torch.full_like(p, (-1) ** i * 0.01)
    build_optimizer(model, settings).step()
    for i, (p, old) in enumerate(zip(model.parameters(), before, strict=True)):
        shrunk = old * (1 - 0.1 * 0.5) if p.dim() >= 2 else old
        torch.testing.assert_close(p.detach(), shrunk - 0.1 * (-1) ** i, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 1 / 11), (9, 10 / 11), (10, 1.0), (55, 0.55), (100, 0.1), (130, 0.1)]
)
def test_the_cosine_rises_stands_and_falls(step, expected):
    assert learning_rate_at(step, COSINE) == pytest.approx(expected)


def test_the_cosine_is_nanogpts_formula():
    for step in range(10, 101):
        ratio = (step - 10) / (100 - 10)
        expected = 0.1 + 0.5 * (1 + math.cos(math.pi * ratio)) * (1.0 - 0.1)
        assert learning_rate_at(step, COSINE) == pytest.approx(expected)


def test_constant_means_constant_after_the_warm_up():
    settings = replace(COSINE, schedule="constant")
    assert [learning_rate_at(s, settings) for s in (10, 50, 99)] == [1.0, 1.0, 1.0]
    assert learning_rate_at(4, settings) == pytest.approx(5 / 11)
    assert learning_rate_at(0, replace(settings, warmup_steps=0)) == 1.0


def test_a_warm_up_longer_than_the_training_is_no_division_by_zero():
    settings = replace(COSINE, warmup_steps=100)
    assert learning_rate_at(99, settings) < 1.0 and learning_rate_at(100, settings) == 1.0


def test_the_cosine_never_ends_above_its_start():
    settings = replace(COSINE, learning_rate=0.01, min_learning_rate=0.1, warmup_steps=0)
    assert {learning_rate_at(s, settings) for s in range(101)} == {0.01}
