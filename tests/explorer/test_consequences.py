import pytest
import torch

import gpt
from explorer import consequences
from explorer.consequences import AS_SET, NO_MASK, NO_POSITIONS, NO_SCALE, SLIP

PRESET = gpt.PRESETS["self_attention"]


def model_of(preset, seed=3):
    model = gpt.build_model(preset.model, 11, seed)
    return model, torch.randint(11, (4, 8), generator=torch.Generator().manual_seed(seed))


def test_only_switches_that_change_something_are_offered():
    assert list(consequences.switched(PRESET)) == [AS_SET, NO_MASK, NO_SCALE, NO_POSITIONS]
    narrow = PRESET.with_settings({"n_head": 4})
    assert SLIP in consequences.switched(narrow)
    already = consequences.switched(narrow.with_settings({"causal": False}))
    assert NO_MASK not in already and len(already) == 4


@pytest.mark.parametrize("causal", [True, False])
def test_the_habits_are_those_of_a_readable_head(causal):
    model, idx = model_of(PRESET.with_settings({"causal": causal}))
    x = model.token_embedding(idx) + model.position_embedding.weight[:8]
    head = model.blocks[0].attention.heads()[0]
    found = consequences.measure(model, idx)
    scores = head.query(x) @ head.key(x).transpose(1, 2) * head.scale
    past = torch.ones(8, 8, dtype=torch.bool).tril()
    seen = scores[:, past] if causal else scores
    assert found.spread == pytest.approx(seen.std().item(), rel=1e-4)
    largest = head(x)[1][:, 1:].max(-1).values.mean().item()
    assert found.largest == pytest.approx(largest, rel=1e-4)
    even = sum(1 / n for n in range(2, 9)) / 7 if causal else 1 / 8
    assert found.even == pytest.approx(even)


def test_without_positions_shuffling_moves_nothing():
    blind, idx = model_of(PRESET.with_settings({"positions": "none"}))
    assert consequences.moved_by_shuffling(blind, idx) < 1e-6
    model, idx = model_of(PRESET)
    assert consequences.moved_by_shuffling(model, idx) > 1e-3
