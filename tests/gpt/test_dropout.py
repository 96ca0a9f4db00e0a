"""Dropout: the right share, the right scale, at random in every place."""

import math

import pytest
import torch

from gpt.dropout import Dropout, dropped


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_the_share_is_p_in_each_of_the_four_places_of_a_word(p):
    torch.manual_seed(1)
    n = 100_000
    zeros = dropped(torch.ones(n, 4), p) == 0
    tolerance = 4.5 * math.sqrt(p * (1 - p) / n)
    assert all(abs(share - p) < tolerance for share in zeros.float().mean(0).tolist())


def test_neighbours_are_independent():
    torch.manual_seed(2)
    zeros = (dropped(torch.ones(400_000), 0.3) == 0).float()
    both = (zeros[1:] * zeros[:-1]).mean().item()
    assert abs(both - 0.09) < 4.5 * math.sqrt(0.09 * 0.91 / 400_000)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (5, 1), (2, 3, 7)])
def test_what_is_kept_is_scaled_up_and_so_is_its_gradient(shape):
    x = torch.randn(shape, requires_grad=True)
    y = dropped(x, 0.25)
    y.sum().backward()
    kept = y != 0
    torch.testing.assert_close(y, torch.where(kept, x / 0.75, 0.0))
    torch.testing.assert_close(x.grad, torch.where(kept, 1 / 0.75, 0.0))


def test_the_state_of_the_generator_decides():
    draws = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        draws.append(dropped(torch.ones(64), 0.5))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_nothing_happens_at_rest_or_at_0():
    x = torch.randn(4)
    assert Dropout(0.5).eval()(x) is x
    assert torch.equal(Dropout(0.0).train()(x), x)


def test_half_precision_stays_half_precision():
    y = dropped(torch.ones(8, dtype=torch.bfloat16), 0.5)
    assert y.dtype == torch.bfloat16 and set(y.tolist()) <= {0.0, 2.0}
