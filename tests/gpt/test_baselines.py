import math
from itertools import pairwise

import numpy as np
import pytest

from gpt.baselines import (
    bigram_counts,
    bigram_loss,
    bigram_probabilities,
    uniform_loss,
    unigram_loss,
)
from gpt.text import split
from tests.gpt.helpers import TEXT, TOKENIZER, V

TRAIN_IDS, VAL_IDS = (np.array(TOKENIZER.encode(part)) for part in split(TEXT))


def test_knowing_nothing_costs_ln_v():
    assert uniform_loss(65) == pytest.approx(4.1744, abs=1e-4)
    assert unigram_loss(np.arange(9), np.arange(9), 9) == pytest.approx(math.log(9))


def test_counts_by_a_loop():
    counts = bigram_counts(TRAIN_IDS, V)
    expected = np.zeros((V, V), dtype=np.int64)
    for first, second in pairwise(TRAIN_IDS):
        expected[first, second] += 1
    assert np.array_equal(counts, expected) and counts.sum() == len(TRAIN_IDS) - 1


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64])
def test_small_integer_types_do_not_overflow(dtype):
    ids = np.array([200, 199, 200], dtype=dtype)
    counts = bigram_counts(ids, 201)
    assert counts.shape == (201, 201) and counts[200, 199] == counts[199, 200] == 1


def test_the_bigram_loss_by_a_loop():
    counts = bigram_counts(TRAIN_IDS, V) + 0.5
    losses = [-math.log(counts[a, b] / counts[a].sum()) for a, b in pairwise(VAL_IDS)]
    assert bigram_loss(TRAIN_IDS, VAL_IDS, V, smoothing=0.5) == pytest.approx(np.mean(losses))


def test_the_unigram_loss_by_a_loop():
    counts = np.array([list(TRAIN_IDS).count(i) for i in range(V)]) + 0.5
    losses = [-math.log(counts[i] / counts.sum()) for i in VAL_IDS]
    assert unigram_loss(TRAIN_IDS, VAL_IDS, V, smoothing=0.5) == pytest.approx(np.mean(losses))


def test_knowing_more_costs_less():
    ladder = [
        bigram_loss(TRAIN_IDS, VAL_IDS, V), unigram_loss(TRAIN_IDS, VAL_IDS, V), uniform_loss(V)
    ]  # fmt: skip
    assert ladder == sorted(ladder) and ladder[0] < ladder[2] - 1


def test_what_was_never_seen_is_not_impossible():
    ids = np.array([0, 1, 0, 1, 0])
    assert math.isfinite(bigram_loss(ids, np.array([1, 1, 0]), 2))
    assert math.isfinite(unigram_loss(ids, np.array([2]), 3))


def test_probabilities_are_rows_that_sum_to_1():
    table = bigram_probabilities(bigram_counts(np.array([0, 1, 0, 0]), 3), smoothing=1)
    np.testing.assert_allclose(table, [[2 / 5, 2 / 5, 1 / 5], [2 / 4, 1 / 4, 1 / 4], [1 / 3] * 3])
