import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.overrides import TorchFunctionMode

from gpt.errors import ConfigError, GPTError
from gpt.filters import filter_stages, probabilities
from tests.gpt.helpers import normal


def in_numpy(logits, temperature, top_k, top_p):
    """The three filters again, token by token, in double precision."""
    p = np.exp((logits - logits.max()).astype(np.float64) / temperature)
    p /= p.sum()
    order = sorted(range(len(p)), key=lambda i: (-p[i], i))
    if top_k:
        p[order[top_k:]] = 0
        p /= p.sum()
    if top_p is not None:
        total = 0.0
        for i in order:
            if total >= top_p:
                p[i] = 0
            total += p[i]
        p /= p.sum()
    return p


FILTERS = [(1.0, None, None), (0.5, None, None), (2.0, 5, None), (1.0, None, 0.7), (0.8, 7, 0.6),
           (1.3, 1, 1.0), (1.0, 1000, 0.001), (1.0, 0, 0.95)]  # fmt: skip


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_the_filters_are_what_a_loop_over_tokens_says(filters):
    for seed in range(5):
        logits = 3 * normal(40, seed=seed)
        found = filter_stages(logits, *filters).top_p.numpy()
        np.testing.assert_allclose(found, in_numpy(logits.numpy(), *filters), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("filters", [(0.7, 5, 0.6), (1.0, 3, 0.99), (1.5, 40, 0.3)], ids=str)
def test_the_filters_are_those_of_transformers(filters):
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    temperature, top_k, top_p = filters
    warpers = [
        TemperatureLogitsWarper(temperature), TopKLogitsWarper(top_k), TopPLogitsWarper(top_p)
    ]  # fmt: skip
    for seed in range(5):
        scores = logits = 3 * normal(1, 40, seed=seed)
        stages = filter_stages(logits[0], *filters)
        for warper, stage in zip(
            warpers, [stages.tempered, stages.top_k, stages.top_p], strict=True
        ):
            scores = warper(None, scores)
            torch.testing.assert_close(stage, scores.softmax(-1)[0], rtol=1e-5, atol=1e-6)


def test_the_stages_in_order_on_numbers_to_check_by_hand():
    stages = filter_stages(torch.tensor([0.4, 0.1, 0.3, 0.2]).log(), 1.0, top_k=3, top_p=0.5)
    expected = [
        (stages.raw, [0.4, 0.1, 0.3, 0.2]),
        (stages.tempered, [0.4, 0.1, 0.3, 0.2]),
        (stages.top_k, [4 / 9, 0, 3 / 9, 2 / 9]),
        (stages.top_p, [4 / 7, 0, 3 / 7, 0]),  # 4/9 is below 0.5, 7/9 is not
    ]
    for stage, numbers in expected:
        torch.testing.assert_close(stage, torch.tensor(numbers))


@pytest.mark.parametrize("top_p", [1e-40, 1e-306])
def test_a_top_p_too_small_for_a_float32_keeps_the_likeliest(top_p):
    kept = filter_stages(torch.tensor([0.2, 0.5, 0.3]).log(), top_p=top_p).top_p
    assert kept.tolist() == [0, 1, 0]


def test_ties_keep_the_lower_id():
    equal = torch.zeros(4)
    assert filter_stages(equal, top_k=2).top_k.tolist() == [0.5, 0.5, 0, 0]
    assert filter_stages(equal, top_p=0.5).top_p.tolist() == [0.5, 0.5, 0, 0]
    assert filter_stages(equal, top_p=0.51).top_p.tolist() == pytest.approx([1 / 3] * 3 + [0])
    assert filter_stages(equal, temperature=0).top_p.tolist() == [1, 0, 0, 0]


def by_sorting_everything(p, top_k, top_p):
    """Which tokens stay, from one stable sort of the whole vocabulary."""
    values, order = torch.sort(p, descending=True, stable=True)
    if top_k:
        values = torch.where(torch.arange(len(p)) < top_k, values, 0)
        values /= values.sum()
    before = torch.cat([torch.zeros(1), values.cumsum(0)[:-1]])
    return order[(before < top_p) & (values > 0)].sort().values


@pytest.mark.parametrize("V", [65, 700, 9000])
@pytest.mark.parametrize(("top_k", "top_p"), [(30, 0.9), (None, 0.6), (None, 0.99), (600, 0.97)])
def test_sorting_a_part_keeps_what_sorting_everything_keeps(V, top_k, top_p):
    """Scores rounded to halves: ties everywhere, at the edges of top-k and of each part as well."""
    for seed in range(8):
        logits = (4 * normal(V, seed=seed)).round() / 2
        p = logits.softmax(0)
        kept = probabilities(logits, 1.0, top_k, top_p).nonzero()[:, 0]
        assert torch.equal(kept, by_sorting_everything(p, top_k, top_p))


class Called(TorchFunctionMode):
    """Writes down which functions of PyTorch are called, and with which second argument."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls.append((func.__name__, *args[1:2]))
        return func(*args, **(kwargs or {}))


def test_a_large_vocabulary_is_not_sorted():
    logits = 6 * normal(50_257)
    with Called() as called:
        probabilities(logits, 1.0, top_k=None, top_p=0.95)
        probabilities(logits, 1.0, top_k=40, top_p=0.95)
    sorting = [call for call in called.calls if call[0] in ("sort", "argsort", "topk")]
    assert sorting == [("topk", 256), ("topk", 40), ("topk", 256)]


@given(
    st.lists(st.floats(-80, 80, width=32), min_size=1, max_size=30),
    st.floats(0, 100),
    st.one_of(st.none(), st.integers(0, 40)),
    st.one_of(st.none(), st.floats(0, 1, exclude_min=True)),
)
def test_every_allowed_setting_gives_a_distribution(logits, temperature, top_k, top_p):
    stages = filter_stages(torch.tensor(logits), temperature, top_k, top_p)
    for stage in vars(stages).values():
        assert stage.sum().item() == pytest.approx(1, abs=1e-4) and (stage >= 0).all()
    assert stages.top_p[int(torch.tensor(logits).argmax())] > 0  # the likeliest always stays
    if top_k:
        assert (stages.top_k > 0).sum() <= top_k


@pytest.mark.parametrize("temperature", [1e-30, 1e-40, 5e-324])
def test_a_tiny_temperature_is_nearly_greedy_and_no_overflow(temperature):
    assert filter_stages(torch.tensor([1.0, 30.0, 2.0]), temperature).top_p.tolist() == [0, 1, 0]


BAD = [
    ({"temperature": -0.1}, "temperature must be between 0"),
    ({"temperature": float("nan")}, "temperature"),
    ({"temperature": 101}, "got 101"),
    ({"top_k": -1}, "top_k must be at least 1"),
    ({"top_p": 0}, "top_p must be above 0"),
    ({"top_p": 1.01}, "top_p"),
]


@pytest.mark.parametrize(("settings", "words"), BAD)
def test_a_filter_outside_its_limits_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        probabilities(torch.zeros(3), **settings)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_an_error_in_words(bad):
    with pytest.raises(GPTError, match="not numbers"):
        filter_stages(torch.tensor([0.0, bad, 1.0]))
