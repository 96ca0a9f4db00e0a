import pytest

from explorer.amounts import percent, size


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
        (2**42, "4,096.0 GiB"),
    ],
)
def test_bytes_in_the_unit_that_suits(n_bytes, words):
    assert size(n_bytes) == words
