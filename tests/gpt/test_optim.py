import math
from dataclasses import replace

import pytest
import torch

from gpt import optim
from gpt.config import TrainConfig
from gpt.model import build_model
from gpt.optim import build_optimizer, learning_rate_at, orthogonalised, parameter_groups
from tests.gpt.helpers import MODEL, V, normal

COSINE = TrainConfig(
    max_steps=100, learning_rate=1.0, schedule="cosine", warmup_steps=10, min_learning_rate=0.1
)


def test_only_matrices_decay():
    model = build_model(MODEL, V)
    decay, keep = parameter_groups(model, TrainConfig(weight_decay=0.1))
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


def test_the_line_falls_evenly():
    line = replace(COSINE, schedule="linear")
    assert learning_rate_at(9, line) == pytest.approx(10 / 11)
    expected = [1.0, 0.7, 0.4, 0.1, 0.1]
    found = [learning_rate_at(step, line) for step in (10, 40, 70, 100, 130)]
    assert found == pytest.approx(expected)


# --- Muon --------------------------------------------------------------------------------------

MUON = TrainConfig(optimizer="muon", learning_rate=0.1, weight_decay=0.5)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 24, 8), (2, 8, 40)], ids=str)
def test_orthogonalised_has_the_same_directions_all_of_one_size(shape):
    matrices = normal(*shape)
    u, _, vt = torch.linalg.svd(matrices, full_matrices=False)
    found = orthogonalised(matrices)
    sizes = u.mT @ found @ vt.mT  # diagonal when the directions are the same
    assert (sizes - torch.diag_embed(sizes.diagonal(dim1=-2, dim2=-1))).abs().max() < 1e-4
    assert sizes.diagonal(dim1=-2, dim2=-1).min() > 0.1 and sizes.max() < 2.0
    newton = 15 * [(1.875, -1.25, 0.375)]  # slow, and exact in the end
    torch.testing.assert_close(orthogonalised(found / 2, newton), u @ vt, rtol=1e-3, atol=1e-3)


def test_muon_takes_the_matrices_of_the_blocks_and_adamw_the_rest():
    model = build_model(replace(MODEL, tie_weights=True), V)
    names = {id(p): name for name, p in model.named_parameters()}
    groups = build_optimizer(model, MUON).param_groups
    taken = {names[id(p)] for group in groups if group["muon"] for p in group["params"]}
    assert taken == {n for n in names.values() if n.startswith("blocks.") and "norm" not in n
                     and n.endswith("weight")}  # fmt: skip
    assert sum(len(group["params"]) for group in groups) == len(names)


def test_it_moves_as_pytorchs_own_muon(monkeypatch):
    """torch.optim.Muon with the same rounds; it computes them in bfloat16, hence the tolerance."""
    theirs_rounds = 5 * [(3.4445, -4.7750, 2.0315)]
    monkeypatch.setattr(optim, "orthogonalised", lambda x: orthogonalised(x, theirs_rounds))
    ours, theirs = build_model(MODEL, V), build_model(MODEL, V)
    mine = build_optimizer(ours, MUON)
    matrices = [p for n, p in theirs.named_parameters() if n.startswith("blocks.") and p.dim() == 2]
    its = torch.optim.Muon(
        matrices, lr=0.1, weight_decay=0.5, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for step in range(3):
        for i, (p, q) in enumerate(zip(ours.parameters(), theirs.parameters(), strict=True)):
            p.grad = normal(*p.shape, seed=10 * step + i)
            q.grad = p.grad.clone()
        mine.step()
        its.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        if any(q is m for m in matrices):
            torch.testing.assert_close(p, q, rtol=0.02, atol=0.003)
