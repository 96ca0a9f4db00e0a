import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from explorer.amounts import PREFIXES, percent, si, size


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0.0%"), (1.0, "100.0%"), (0.1234, "12.3%"), (0.01, "1.0%"),
        (0.0024, "0.24%"), (0.000021, "0.0021%"), (1e-6, "0.0001%"), (9e-7, "<0.0001%"),
    ],
)  # fmt: skip
def test_a_share_never_reads_as_nothing(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (75_423_744, "71.9 MiB"),
        (1024**2 - 1, "1.0 MiB"),  # not 1,024.0 KiB
        (2**42, "4,096.0 GiB"),
    ],
)
def test_bytes_in_the_unit_that_suits(n_bytes, words):
    assert size(n_bytes) == words


@pytest.mark.parametrize("place, prefix", list(enumerate(PREFIXES, 1)))
@pytest.mark.parametrize("share", [0.9996, 1, 1.004])
def test_what_rounds_to_one_of_a_prefix_has_that_prefix(place, prefix, share):
    """1e24 was “1000 Z”: as a float it is a little less than 1000**8."""
    assert si(share * float(f"1e{3 * place}")) == f"1 {prefix}"


@given(st.floats(1e-4, 9.98e26))
@example(999_960.0)
@example(999.6e18)  # not 1000 E
@example(0.99996)
def test_a_prefix_leaves_three_digits_that_say_the_number(value):
    digits, prefix = re.fullmatch(r"([\d.]+) ([kMGTPEZY]?)", si(value)).groups()
    said = float(digits) * 1000 ** " kMGTPEZY".index(prefix or " ")
    assert abs(said - value) <= 0.00501 * value and float(digits) < 1000
    assert len(digits.replace(".", "").strip("0")) <= 3
