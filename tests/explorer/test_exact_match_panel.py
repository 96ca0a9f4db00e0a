"""The panel of exact match: what it says, and that runs without the measure show nothing."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.charts.exact_match import create_exact_match_chart
from explorer.frames import exact_match

EVALUATIONS = [
    {"step": 0, "exact_match": 0.25, "problems": 100},
    {"step": 50, "exact_match": 0.5, "problems": 100},
]


def page(task, evaluations):
    from explorer.panels.exact_match import exact_match_panel

    exact_match_panel(task, evaluations, "panel")


def test_the_newest_share_its_error_and_guessing_are_said():
    at = AppTest.from_function(page, default_timeout=60, args=("brackets", EVALUATIONS)).run()
    assert not at.exception
    assert at.metric[0].value == "50.0%"
    said = at.caption[0].value
    assert "of 100 held-out problems 50.0% ± 5.0% are right after step 50, 25.0% were" in said
    assert "guessing gets 3" in said


@pytest.mark.parametrize(
    ("task", "evaluations"),
    [
        ("tinyshakespeare", EVALUATIONS),
        ("brackets", [{"step": 0, "val_loss": 1.0}]),
        ("brackets", []),
    ],
)
def test_other_texts_and_older_records_show_nothing(task, evaluations):
    at = AppTest.from_function(page, default_timeout=60, args=(task, evaluations)).run()
    assert not at.exception and not at.metric and not at.caption


def test_the_chart_goes_from_nothing_to_all():
    frame = exact_match(EVALUATIONS)
    chart = create_exact_match_chart(frame, frame[["share"]][:1]).to_dict()
    assert "[0, 1]" in str(chart["layer"][2]["encoding"]["y"]["scale"])
