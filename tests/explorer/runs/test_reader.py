"""Following a run: only new bytes, few points, and nothing told twice."""

import json

import numpy as np
import pytest

from explorer.runs import RunReader, files
from explorer.runs.reader import thin


def add(run, *events):
    with open(run.folder / "events.jsonl", "a") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def step(number, loss=1.0):
    return {"kind": "step", "step": number, "loss": loss, "learning_rate": 0.1, "seconds": number}


def test_each_look_reads_only_what_is_new(run, monkeypatch):
    reader = RunReader(run)
    assert not reader.update()
    add(run, step(1, 4.0), {"kind": "evaluation", "step": 1, "val_loss": 4.0}, step(2, 3.0))
    assert reader.update()
    offsets = []
    read = files.read_lines
    monkeypatch.setattr(files, "read_lines", lambda p, o, n: offsets.append(o) or read(p, o, n))
    add(run, {"kind": "sample", "step": 2, "text": "hi"}, {"kind": "finished", "step": 2})
    assert reader.update()
    assert not reader.update()
    size = (run.folder / "events.jsonl").stat().st_size
    assert offsets[0] > 0
    assert offsets[1] == size
    assert [e["text"] for e in reader.samples] == ["hi"]
    assert reader.finished["step"] == 2
    assert reader.curve()["loss"].tolist() == [4.0, 3.0]


def test_a_long_run_is_read_to_its_end_in_pieces(run, monkeypatch):
    monkeypatch.setattr("explorer.runs.reader.PIECE", 500)
    add(run, *(step(i) for i in range(1, 101)))
    reader = RunReader(run)
    assert reader.update()
    assert reader.curve()["step"].tolist() == list(range(1, 101))


def test_missing_numbers_become_nan(run):
    reader = RunReader(run)
    add(run, step(1, None), {"kind": "step", "step": 2})
    reader.update()
    curve = reader.curve()
    assert np.isnan(curve["loss"]).all()
    assert curve["step"].tolist() == [1, 2]


def test_going_on_from_a_saved_step_forgets_what_is_trained_again(run):
    """A killed run goes on from its last saved state; the steps after it are told a second time."""
    reader = RunReader(run)
    add(run, *(step(i) for i in range(1, 8)), {"kind": "evaluation", "step": 5, "val_loss": 2.0})
    add(run, {"kind": "note", "note": "continued", "step": 4}, step(5), step(6))
    add(run, {"kind": "evaluation", "step": 5, "val_loss": 2.0})
    reader.update()
    assert reader.curve()["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert len(reader.evaluations) == 1


def test_until_it_is_trained_again_the_last_step_is_the_one_it_went_back_to(run):
    reader = RunReader(run)
    add(run, *(step(i) for i in range(1, 13)))
    add(run, {"kind": "note", "note": "continued", "step": 6})
    reader.update()
    assert (reader.last_step["step"], reader.last_step["seconds"]) == (6, 6)
    assert isinstance(reader.last_step["step"], int)
    add(run, {"kind": "note", "note": "continued", "step": 0})
    reader.update()
    assert reader.last_step is None


def test_the_speed_is_that_of_most_steps_and_not_of_the_last(run):
    reader = RunReader(run)
    reader.update()
    assert reader.speed() is None
    speeds = [100.0] * 5 + [50.0] * 4 + [7.0]
    add(run, *(step(i) | {"tokens_per_second": speed} for i, speed in enumerate(speeds)))
    reader.update()
    assert reader.speed() == 75.0 and reader.speed(4) == 50.0


def test_a_folder_that_is_used_again_is_another_run(run):
    reader = RunReader(run)
    add(run, *(step(i, 5.0) for i in range(1, 5)))
    reader.update()
    (run.folder / "events.jsonl").unlink()
    add(run, *(step(i, 4.0) for i in range(1, 9)))
    reader.update()
    assert reader.curve()["loss"].tolist() == [4.0] * 8 and not reader.damaged_lines


def test_a_result_told_again_after_a_pause_counts_once(run):
    reader = RunReader(run)
    sample = {"kind": "sample", "step": 500, "text": "x"}
    add(run, sample, {"kind": "note", "note": "continued", "step": 500}, sample)
    reader.update()
    assert reader.samples == [sample]


def test_damaged_lines_are_counted(run):
    reader = RunReader(run)
    (run.folder / "events.jsonl").write_text('{"kind":"step","st\nnonsense\n')
    add(run, step(3))
    reader.update()
    assert reader.damaged_lines == 2
    assert reader.curve()["step"].tolist() == [3]


@pytest.mark.parametrize("n", [0, 1, 2, 499, 500, 501, 5000, 100_000])
def test_a_long_curve_is_thinned_and_keeps_its_ends_and_its_spike(n):
    values = np.linspace(4, 2, n)
    if n > 10:
        values[n // 3] = 50.0
        values[n // 2] = np.nan
    chosen = thin(values, 500)
    assert len(chosen) <= 500
    assert (np.diff(chosen) > 0).all()
    if n > 10:
        assert (chosen[0], chosen[-1]) == (0, n - 1)
        assert n // 3 in chosen
    assert len(chosen) >= min(n, 250)
