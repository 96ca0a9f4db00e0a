"""DataFrames for the charts, and the charts as specifications."""

import json

import numpy as np
import pandas as pd

from explorer import frames
from explorer.charts.details import create_details_chart
from explorer.charts.loss import create_loss_chart

CURVE = {
    "step": np.array([1.0, 2.0, 3.0]),
    "loss": np.array([4.0, 3.5, 3.0]),
    "learning_rate": np.full(3, 1e-3),
    "grad_norm": np.ones(3),
    "tokens_per_second": np.full(3, 1e4),
    "seconds": np.array([0.1, 0.2, 0.3]),
}
EVALUATIONS = [
    {"step": 0, "train_loss": 4.1, "val_loss": 4.2},
    {"step": 2, "train_loss": 3.4, "val_loss": None},
]


def test_the_loss_curve_keeps_every_step_once_and_what_was_not_measured_missing():
    frame = frames.loss_curve(CURVE, EVALUATIONS)
    assert frame["step"].tolist() == [0, 1, 2, 3]
    assert frame["batch"].isna().tolist() == [True, False, False, False]
    assert frame["validation"].tolist()[0] == 4.2
    assert pd.isna(frame["validation"][2])
    assert frame["train"][2] == 3.4


def test_an_empty_run_is_an_empty_frame():
    empty = {name: values[:0] for name, values in CURVE.items()}
    assert len(frames.loss_curve(empty, [])) == 0


def test_characters_are_counted_most_frequent_first_and_visible():
    frame = frames.character_counts("aab \n")
    assert frame["count"].tolist()[0] == 2
    assert frame["share"].sum() == 1.0
    assert all(len(shown) == 1 and shown.isprintable() for shown in frame["character"])


def test_the_loss_chart_names_its_series_and_its_reference_lines():
    references = frames.references({"knows nothing (ln V)": 4.174})
    spec = create_loss_chart(frames.loss_curve(CURVE, EVALUATIONS), references).to_dict()
    text = json.dumps(spec)
    assert "knows nothing (ln V): 4.174" in text
    assert "nats per token" in text
    for series in ("batch", "train", "validation"):
        assert series in text


def test_lines_that_lie_close_have_their_names_side_by_side():
    close = {"a": 3.296, "b": 3.2961, "c": 3.26, "far": 2.0}
    table = frames.references(close)
    assert dict(zip(table["loss"], table["place"], strict=True)) == {
        3.2961: 0, 3.296: 1, 3.26: 2, 2.0: 3,
    }  # fmt: skip
    spec = create_loss_chart(frames.loss_curve(CURVE, EVALUATIONS), table).to_dict()
    marks = [layer["mark"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    assert len({(mark["dx"], mark["dy"]) for mark in marks}) == 4
    assert {mark["align"] for mark in marks} == {"left", "right"}


def test_names_stand_at_the_right_where_no_curve_comes_down_to_them():
    assert list(frames.references({"a": 4.0, "b": 2.0}, curves=False)["place"]) == [0, 0]
    assert list(frames.references({"alone": 4.0})["place"]) == [0]


def test_builders_leave_their_frames_alone():
    details = frames.training_details(CURVE)
    before = details.copy()
    create_details_chart(details).to_dict()
    pd.testing.assert_frame_equal(details, before)


def test_exact_match_has_its_standard_error_and_stays_within_all_and_nothing():
    frame = frames.exact_match(
        [
            {"step": 0, "exact_match": 0.0, "problems": 100},
            {"step": 5, "exact_match": 0.5, "problems": 100},
        ]
    )
    assert frame["error"].tolist() == [0.0, 0.05]
    assert frame["low"].tolist() == [0.0, 0.45] and frame["high"].tolist() == [0.0, 0.55]
