"""The charts: built from their documented columns, bounded, valid Vega-Lite."""

import numpy as np
import pandas as pd
import pytest
import torch

import gpt
from explorer import frames
from explorer.charts import describe
from explorer.charts.class_runs import create_class_runs_chart
from explorer.charts.compare import MOST_RUNS, begins_above, create_compare_chart
from explorer.charts.details import create_details_chart
from explorer.charts.gradients import FLOOR, create_gradients_chart
from explorer.charts.heads import create_head_scores_chart
from explorer.charts.loss import create_loss_chart
from explorer.charts.parameters import create_parameters_chart
from explorer.charts.theme import REFERENCE


def estimate(step, loss):
    return {"step": step, "train_loss": loss - 0.1, "val_loss": loss}


def test_head_scores_have_a_row_for_each_head_and_score():
    score = gpt.HeadScore(torch.rand(2, 3), 0.2)
    names = ("previous", "first", "duplicate", "current")
    table = frames.head_scores(dict.fromkeys(names, score))
    assert len(table) == 24 and table["head"].iloc[3] == "layer 2 head 1"
    chart = create_head_scores_chart(table, heads=6).to_dict()
    assert len(chart["hconcat"]) == 4
    one = frames.head_scores({"first": gpt.HeadScore(torch.rand(1, 2), 0.2)})
    assert one["head"].tolist() == ["head 1", "head 2"]


def test_a_gradient_of_zero_is_drawn_at_the_floor_and_told_as_zero():
    table = frames.gradients({"neither": [0.0, 1e-3], "both": [0.1, 0.1]})
    assert table["layer"].tolist() == [1, 2, 1, 2]
    data = create_gradients_chart(table).to_dict()["datasets"]
    row = next(iter(data.values()))[0]
    assert row["drawn"] == FLOOR and row["norm"] == 0.0


def test_the_first_estimate_does_not_squeeze_the_differences():
    table = frames.compared_runs(
        ["1: a", "2: b"],
        [
            [estimate(0, 4.2), estimate(8, 2.2), estimate(9, 2.1)],
            [estimate(8, 2.3), estimate(9, 2.3)],
        ],
        shown=1,
    )
    assert table["shown"].tolist() == [False, False, False, True, True]
    chart = create_compare_chart(table, frames.references({"far": 4.17, "near": 2.2}))
    low, high = chart.to_dict()["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    assert 2.0 < low < 2.1 and 2.3 < high < 2.5
    datasets = chart.to_dict()["datasets"].values()
    assert {row["label"] for rows in datasets for row in rows if "label" in row} == {"near: 2.200"}


@pytest.mark.parametrize("against", ["seconds", "compute"])
def test_runs_are_compared_by_what_they_cost(against):
    """Seconds are read off the training curve between its points; step 0 has no logarithm."""
    events = [[estimate(0, 4.2), estimate(5, 3.0)], [], [estimate(10, 2.0)]]
    losses = frames.compared_runs(["a", "begun", "b"], events, None)
    curve = {"step": np.array([1.0, 11.0]), "seconds": np.array([0.5, 10.5])}
    table = frames.with_costs(losses, {"a": curve, "b": curve}, {"a": 1e3, "b": 1e6})
    assert table["seconds"].tolist() == [0.0, 4.5, 9.5]
    assert table["compute"].tolist() == [0.0, 5e3, 1e7]
    chart = create_compare_chart(table, None, against).to_dict()
    drawn = next(iter(chart["datasets"].values()))
    assert len(drawn) == 2 and all(row[against] > 0 for row in drawn)
    assert chart["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


@pytest.mark.parametrize("events", [[], [estimate(0, 4.2)], [estimate(0, 9.9)]])
def test_runs_that_have_hardly_begun_can_be_drawn(events):
    create_compare_chart(frames.compared_runs(["1: a"], [events], None)).to_dict()


def test_a_loss_that_is_not_a_number_is_left_out():
    lost = {"step": 5, "train_loss": None, "val_loss": None}
    assert frames.compared_runs(["1: a"], [[lost]], None).empty


def test_a_run_that_has_just_begun_is_on_the_chart_too():
    """Its only estimate lay above the picture: the legend named a run that was not there."""
    old = [estimate(0, 4.2), estimate(8, 2.2), estimate(9, 2.1)]
    table = frames.compared_runs(["1: a", "2: b"], [old, [estimate(0, 4.3), estimate(9, 3)]], None)
    chart = create_compare_chart(table).to_dict()
    low, high = chart["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    assert low < 2.1 and high > 4.3 and not begins_above(table)


def test_a_whole_class_is_drawn_with_few_points_for_those_that_are_grey():
    long = [estimate(step, 4.0 - step / 100) for step in range(100)]
    for others in (0, 1, 30, 500):
        table = frames.class_runs({"best": long[::2]}, {f"{n}": long for n in range(others)})
        points = table.groupby("run", sort=False)["step"].agg(["size", "max"])
        assert list(points.index) == ["best", *map(str, range(others))]
        assert points["size"].iloc[0] == 49 and (points["max"] >= 98).all()
        assert points["size"].iloc[1:].between(7, 24).all() and len(table) < 5_000
        assert table.loc[table["shown"], "run"].unique().tolist() == ["best"]


def test_the_first_estimate_of_a_class_is_drawn_only_while_it_is_nearly_all():
    """Near ln V for everybody, it would press all that differs into the lower edge."""
    runs = {"new": [estimate(0, 4.2)], "newer": [estimate(0, 4.2), estimate(5, 3.0)]}
    table = frames.class_runs(runs, {"old": [estimate(s, 4.2 - s / 10) for s in (0, 5, 9)]})
    assert list(zip(table["run"], table["step"], strict=True)) == [
        ("new", 0), ("newer", 0), ("newer", 5), ("old", 5), ("old", 9),
    ]  # fmt: skip


def test_every_run_of_a_class_tells_its_name_and_only_a_few_have_a_colour():
    layers = describe(create_class_runs_chart)["layer"]
    points = [layer for layer in layers if layer["mark"]["type"] == "point"]
    assert [layer["encoding"]["tooltip"][0]["field"] for layer in points] == ["run", "run"]
    coloured = [
        layer["encoding"]["color"] for layer in layers if "scale" in layer["encoding"]["color"]
    ]
    (colours,) = {tuple(colour["scale"]["range"]) for colour in coloured}
    assert len(coloured) == 2 and len(set(colours)) == MOST_RUNS and REFERENCE not in colours


def test_parameters_leave_out_what_the_model_does_not_have():
    table = frames.parameters({"table": 0, "attention": 30, "read-out": 10})
    assert table["component"].tolist() == ["attention", "read-out"]
    assert table["label"].tolist() == ["30 · 75.0 %", "10 · 25.0 %"]
    create_parameters_chart(table, bars=2, most=30).to_dict()


@pytest.mark.parametrize(
    ("create", "tables"),
    [
        (create_loss_chart, {"curve", "references"}),
        (create_details_chart, {"details"}),
        (create_class_runs_chart, {"losses"}),
    ],
)
def test_a_live_chart_is_described_once_and_names_its_tables(create, tables):
    description = describe(create)
    assert description is describe(create)
    views = [view for view in description.get("layer", [description]) if "data" in view]
    named = {view["data"]["name"] for view in [description, *views] if "data" in view}
    assert named == tables
    assert "datasets" not in description


@pytest.mark.parametrize(
    ("first", "second", "above"), [(5.05, [4.7, 4.6, 4.58], True), (5.05, [6.8, 4.7, 4.6], False)]
)
def test_the_first_estimate_is_above_the_picture_only_where_the_loss_falls(first, second, above):
    losses = pd.DataFrame(
        {"run": "1", "step": range(4), "validation": [first, *second], "train": 4.0, "shown": True}
    )
    assert begins_above(losses) is above


def test_charts_of_one_shape_share_a_description_whatever_their_tables_hold():
    said = describe(create_head_scores_chart, ("heads", 4))
    assert said is describe(create_head_scores_chart, ("heads", 4))
    assert said["data"] == {"name": "scores"} and "datasets" not in said
    taller = describe(create_head_scores_chart, ("heads", 12))
    assert taller["hconcat"][0]["height"] == 3 * said["hconcat"][0]["height"]
