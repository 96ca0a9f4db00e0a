"""What an edited matrix of weights means, and the times: checked without a page."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from explorer import averaging
from explorer.charts.averaging import create_averaging_times_chart

NAMES = ["a", "b", "c"]
PLAIN = np.tri(3) / np.arange(1, 4)[:, None]


def changed(row, column, value):
    weights = PLAIN.copy()
    weights[row, column] = value
    return weights


def test_an_average_of_the_past_needs_no_remark():
    assert averaging.remarks(PLAIN, NAMES) == []
    assert averaging.remarks(PLAIN.astype(np.float32), NAMES) == []


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (changed(0, 2, 0.5), ["takes 0.5 of position 3 (c)", "Row 1 sums to 1.5, not to 1"]),
        (changed(2, 0, -1 / 3), ["Row 3 has a negative weight", "Row 3 sums to 0.333"]),
        (changed(1, 1, 0.0), ["Row 2 sums to 0.5"]),
    ],
)
def test_what_is_no_average_of_the_past_is_said(weights, words):
    said = averaging.remarks(weights, NAMES)
    assert len(said) == len(words)
    assert all(part in sentence for part, sentence in zip(words, said, strict=True))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_counts_as_0(value):
    np.testing.assert_array_equal(averaging.usable(changed(2, 1, value)), changed(2, 1, 0.0))


def test_rows_are_shared_out_and_a_row_of_sum_0_stays():
    weights = np.array([[2.0, 0, 0], [1, 3, 0], [1, -1, 0]])
    expected = [[1, 0, 0], [0.25, 0.75, 0], [1, -1, 0]]
    np.testing.assert_allclose(averaging.normalised(weights), expected)


def test_a_row_of_weights_makes_its_row_of_the_output_alone():
    x = np.random.default_rng(0).standard_normal((3, 2))
    assert [averaging.changed_rows(PLAIN, x, row) for row in range(3)] == [[0], [1], [2]]


def test_what_is_measured_has_every_version_at_every_length_and_can_be_drawn():
    times = averaging.measure((2, 4))
    assert len(times) == 8 and (times["milliseconds"] > 0).all()
    assert set(times["version"]) == set(averaging.VERSIONS) and set(times["T"]) == {2, 4}
    chart = create_averaging_times_chart(times).to_dict()
    assert chart["description"] and len(chart["layer"]) == 2


def test_many_who_measure_at_once_do_so_one_after_the_other(monkeypatch):
    """Thirty presses at one moment measured each other."""
    now, most = 0, 0

    def work(lengths):
        nonlocal now, most
        now += 1
        most = max(most, now)
        time.sleep(0.01)
        now -= 1

    monkeypatch.setattr(averaging, "_measure", work)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(averaging.measure, [(2,)] * 8))
    assert most == 1
