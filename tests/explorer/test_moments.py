"""Moments in the time of a learner's browser."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.moments import CLOCK, written


def test_without_a_browser_it_is_utc():
    assert written("2026-06-01T23:30:05.123+00:00") == "2026-06-01 23:30 UTC"
    assert written("2026-06-01T23:30:05.123+00:00", CLOCK) == "23:30:05 UTC"
    assert written(0.0) == "1970-01-01 00:00 UTC"


@pytest.mark.parametrize("damaged", ["", "yesterday", "2026-13-01", 1e300, float("nan")])
def test_what_is_no_moment_is_nothing(damaged):
    assert written(damaged) == ""


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", "2026-06-02 01:30"),  # summer
        ("America/New_York", "2026-06-01 19:30"),
        ("UTC", "2026-06-01 23:30"),
        ("Nowhere/Land", "2026-06-01 23:30 UTC"),
        ("../../etc/passwd", "2026-06-01 23:30 UTC"),
        ("a" * 5000, "2026-06-01 23:30 UTC"),
        ("\0", "2026-06-01 23:30 UTC"),
        (None, "2026-06-01 23:30 UTC"),
    ],
)
def test_a_browser_says_its_zone(monkeypatch, zone, shown):
    from streamlit.runtime.context import ContextProxy

    monkeypatch.setattr(ContextProxy, "timezone", zone)
    at = AppTest.from_function(page).run()
    assert not at.exception and at.text[0].value == shown


def page():
    import streamlit as st

    from explorer.moments import written

    st.text(written("2026-06-01T23:30:05.123+00:00"))
