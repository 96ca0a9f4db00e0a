"""The family under a budget: equal FLOPs, one shape, and what N, D and C are."""

import pytest

import gpt
from gpt import scaling
from tests.gpt.helpers import machine_probe

V = 65
PROBE = machine_probe(step=1e-4, op=5e-6, flop=1e-12)


@pytest.mark.parametrize("flops", [1e11, 3e12])
def test_every_size_uses_the_same_flops_and_larger_ones_see_less(flops):
    runs = gpt.sizes_under_budget(scaling.widths_for(5, flops, V), flops, V)
    assert len({run.parameters for run in runs}) == 5
    for run in runs:
        train = run.preset.train
        each = gpt.flops_per_iteration(run.preset.model, V, train.batch_size)
        assert train.max_steps * each == run.flops == pytest.approx(flops, rel=0.02)
        assert run.tokens == train.max_steps * train.batch_size * run.preset.model.block_size
        # Kaplan's and Hoffmann's 6ND: less than what is counted, which has attention as well.
        assert 0.5 < 6 * run.parameters * run.tokens / run.flops < 1.2
    assert [run.parameters for run in runs] == sorted(run.parameters for run in runs)
    assert [run.tokens for run in runs] == sorted((run.tokens for run in runs), reverse=True)


@pytest.mark.parametrize("n_embd", [16, 40, 128])
def test_parameters_are_those_of_the_built_model(n_embd):
    config = scaling.size(n_embd)
    model = gpt.build_model(config, V)
    run = gpt.run_under_budget(n_embd, 60 * gpt.flops_per_iteration(config, V, 12), V)
    assert run.parameters == sum(p.numel() for p in model.parameters())
    inner = gpt.inner_parameters(run.preset.model, V)
    assert run.parameters - inner == (V + run.preset.model.block_size) * n_embd


def test_the_family_has_one_shape():
    for n_embd in scaling.WIDTHS:
        model = scaling.size(n_embd)
        assert model.size_of_head == scaling.HEAD_SIZE
        assert model.n_layer == 1 or 24 <= n_embd / model.n_layer <= 40


def test_the_learning_rate_falls_with_the_width_and_its_schedule_ends_with_the_run():
    small, large = (gpt.run_under_budget(n, 1e12, V).preset.train for n in (32, 64))
    assert small.learning_rate == pytest.approx(2 * large.learning_rate)
    assert small.schedule == "cosine" and small.eval_interval == small.max_steps
    assert small.warmup_steps <= 0.1 * small.max_steps


def test_repeated_text_is_counted():
    run = gpt.run_under_budget(32, 1e12, V)
    assert run.epochs(run.tokens // 4) == pytest.approx(4, rel=1e-3)


def test_a_sweep_has_as_many_sizes_under_each_budget_and_the_best_may_lie_between():
    runs = gpt.sweep(5, 9e11, V)
    budgets = [run.budget for run in runs]
    assert budgets == sorted(budgets) and len(runs) == 15
    assert sorted(set(budgets)) == pytest.approx([1e11, 3e11, 9e11])
    ratios = [run.tokens / run.parameters for run in runs]
    assert scaling.FEWEST_TOKENS * 0.98 <= min(ratios) < 20 < 200 < max(ratios)
    assert max(ratios) <= scaling.MOST_TOKENS * 1.02


def test_a_sweep_fits_its_time_and_more_time_buys_more():
    short, long = (gpt.sweep_within(seconds, 4, V, PROBE) for seconds in (60, 300))
    took = sum(gpt.estimate_seconds(run.preset, V, PROBE) for run in short)
    assert 0.5 * 60 < took <= 60
    assert long[-1].budget > 2 * short[-1].budget


def test_no_sweep_is_smaller_than_the_smallest():
    smallest = gpt.smallest_sweep(5, V)
    with pytest.raises(gpt.ConfigError):
        gpt.sweep(5, smallest[-1].budget / 1.3, V)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: scaling.size(20), "n_embd must be a multiple of 8 between 16 and 512"),
        (lambda: gpt.run_under_budget(512, 1e10, V), "choose a smaller size or a larger budget"),
        (lambda: gpt.sweep(6, 1e9, V), "choose fewer sizes or a larger budget"),
        (lambda: gpt.sweep_within(0.01, 5, V, PROBE), "choose more time or fewer sizes"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(ask, said):
    with pytest.raises(gpt.ConfigError, match=said):
        ask()
