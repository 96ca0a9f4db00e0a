import json
import math
from dataclasses import replace

import pytest
import torch

import gpt
from gpt import record
from gpt.record import EventLog, Recorder, as_line, describe_run, new_run_id, write_json
from tests.gpt.helpers import CORPUS, MODEL, TOKENIZER, TRAIN, V, losses_of, start

PRESET = gpt.Preset("tiny", "Tiny", "For tests.", MODEL, TRAIN)


def lines_of(folder):
    text = (folder / "events.jsonl").read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def record_run(folder, preset=PRESET, until=None, save_every=1e9, resume=None):
    """Train and record; ends early after step `until`, as a kill would, without a last save."""
    model = gpt.build_model(preset.model, V, preset.train.seed)
    recorder = Recorder(folder, model, TOKENIZER, preset, {"corpus": "times"}, save_every)
    events = gpt.train(model, CORPUS, TOKENIZER, preset.train, "cpu", resume)
    request, event = None, None
    while not isinstance(event, gpt.Finished):
        event = events.send(request)
        recorder.take(event)
        request = recorder.request()
        if isinstance(event, gpt.StepStats) and event.step == until:
            break
    recorder.close()
    return model, event


def test_a_recorded_run_is_a_folder_with_everything(tmp_path):
    model, end = record_run(tmp_path)
    lines = lines_of(tmp_path)
    assert [line["step"] for line in lines if line["kind"] == "step"] == list(range(1, 13))
    assert {line["kind"] for line in lines} == {
        "step", "evaluation", "sample", "snapshot", "finished"
    }  # fmt: skip
    assert lines[-1]["reason"] == "completed" and lines[-1]["val_loss"] == end.val_loss
    shots = [line for line in lines if line["kind"] == "snapshot"]
    assert all((tmp_path / line["path"]).is_file() for line in shots)
    assert len(list((tmp_path / "snapshots").iterdir())) == len(shots)
    again, _, card = gpt.load_checkpoint(tmp_path / "checkpoint")
    assert (card["step"], card["val_loss"], card["corpus"]) == (12, end.val_loss, "times")
    assert all(map(torch.equal, again.parameters(), model.parameters()))


def test_a_snapshot_holds_the_weights_of_its_step(tmp_path):
    record_run(tmp_path)
    weights = gpt.checkpoint.read_weights(tmp_path / "snapshots" / "000000.safetensors")
    untrained = gpt.weights_of(gpt.build_model(MODEL, V, TRAIN.seed))
    assert all(torch.equal(untrained[name], w) for name, w in weights.items())


def test_a_killed_run_goes_on_to_the_same_losses(tmp_path):
    """The state is that of the last save; events after it are lived through again."""
    whole = losses_of(start())
    record_run(tmp_path, until=7)
    state = gpt.load_state(tmp_path / "resume" / "state.safetensors")
    assert state.meta["step"] == 4  # the last milestone before the kill
    record_run(tmp_path, resume=state)
    lines = [line for line in lines_of(tmp_path) if line["kind"] == "step"]
    assert [line["step"] for line in lines] == [*range(1, 8), *range(5, 13)]
    assert all(line["loss"] == whole[line["step"] - 1] for line in lines)


def test_events_are_written_before_the_state_that_they_led_to(tmp_path, monkeypatch):
    """Otherwise a run killed between the two would have a hole in its curve for good."""
    known = []

    def save_state(path, state):
        steps = [line["step"] for line in lines_of(tmp_path) if line["kind"] == "step"]
        known.append((state.meta["step"], steps))

    monkeypatch.setattr(record, "save_state", save_state)
    monkeypatch.setattr(record, "EAGER_LINES", 0)
    monkeypatch.setattr(record, "PERIOD", 1e9)
    model = gpt.build_model(MODEL, V)
    recorder, events = Recorder(tmp_path, model, TOKENIZER, PRESET, {}), start(model)
    for event in events:
        recorder.take(event)
        if isinstance(event, gpt.StepStats):
            recorder.take(events.send("snapshot"))
    recorder.close()
    assert {step for step, _ in known} == set(range(13))
    assert all(steps == list(range(1, step + 1)) for step, steps in known)


def test_saving_is_asked_for_when_time_has_passed(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(record.time, "monotonic", lambda: clock[0])
    model = gpt.build_model(MODEL, V)
    recorder = Recorder(tmp_path, model, TOKENIZER, PRESET, {}, save_every=10)
    assert recorder.request() is None
    clock[0] += 10
    assert recorder.request() == "snapshot"
    events = start(model)
    next(events)
    recorder.take(events.send("snapshot"))
    assert recorder.request() is None  # saved just now
    assert not (tmp_path / "snapshots").exists()  # asked for: no entry in the history
    assert lines_of(tmp_path) == []
    recorder.close()


def test_slow_saving_is_done_less_often(tmp_path, monkeypatch):
    """On a slow disk saves must not eat the training: one part in SAVE_SHARE of the time."""
    clock = [0.0]
    monkeypatch.setattr(record.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(record, "save_state", lambda *_: clock.__setitem__(0, clock[0] + 5))
    model = gpt.build_model(MODEL, V)
    recorder = Recorder(tmp_path, model, TOKENIZER, PRESET, {}, save_every=1)
    events = start(model)
    next(events)
    recorder.take(events.send("snapshot"))
    assert recorder.next_save - clock[0] == 5 * record.SAVE_SHARE
    recorder.close()


def test_with_keep_best_the_checkpoint_stays_the_best(tmp_path):
    settings = {"learning_rate": 0.5, "warmup_steps": 60, "max_steps": 40, "keep_best": True}
    _, end = record_run(tmp_path, PRESET.with_settings(settings), save_every=0)
    assert end.best_step < 40
    card = gpt.load_checkpoint(tmp_path / "checkpoint")[2]
    assert (card["step"], card["val_loss"]) == (end.best_step, end.best_val_loss)
    assert gpt.load_state(tmp_path / "resume" / "state.safetensors").meta["step"] == 40


def test_the_history_is_thinned_out_and_keeps_both_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "SNAPSHOT_BYTES", 200_000)
    record_run(
        tmp_path, PRESET.with_settings({"max_steps": 24, "eval_interval": 1, "eval_iters": 1})
    )
    kept = sorted((tmp_path / "snapshots").iterdir())
    size = kept[0].stat().st_size
    assert len(kept) * size <= 200_000 + 2 * size and len(kept) < 25
    assert kept[0].name == "000000.safetensors" and kept[-1].name == "000024.safetensors"


# --- lines -------------------------------------------------------------------------------------


def test_numbers_that_json_does_not_know_become_null():
    line = as_line(gpt.StepStats(3, math.nan, 1e-3, math.inf, 10.0, 1.0))
    assert (line["kind"], line["loss"], line["grad_norm"]) == ("step", None, None)
    json.loads(json.dumps(line), parse_constant=pytest.fail)


def test_functions_are_left_out_of_a_line():
    shot = next(e for e in start() if isinstance(e, gpt.Snapshot))
    assert set(as_line(shot)) == {"kind", "step", "best", "val_loss", "asked"}


def test_a_line_that_a_crash_cut_short_is_closed_off(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind":"step","step":1}\n{"kind":"st')
    log = EventLog(path)
    log.add({"kind": "step", "step": 2})
    log.close()
    assert path.read_text().splitlines() == [
        '{"kind":"step","step":1}', '{"kind":"st', '{"kind":"step","step":2}'
    ]  # fmt: skip


def test_later_lines_wait_for_each_other_and_urgent_ones_do_not(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(record.time, "monotonic", lambda: clock[0])
    log = EventLog(tmp_path / "events.jsonl")

    def on_disk():
        return len((tmp_path / "events.jsonl").read_text().splitlines())

    for n in range(record.EAGER_LINES):
        log.add({"n": n}, urgent=False)
    assert on_disk() == record.EAGER_LINES
    log.add({"n": "waits"}, urgent=False)
    assert on_disk() == record.EAGER_LINES
    clock[0] += 2 * record.PERIOD
    log.add({"n": "takes the other along"}, urgent=False)
    assert on_disk() == record.EAGER_LINES + 2
    log.add({"n": "waits"}, urgent=False)
    log.note("paused", "asked for", step=4)
    assert on_disk() == record.EAGER_LINES + 4
    assert lines_of(tmp_path)[-1]["note"] == "paused" and lines_of(tmp_path)[-1]["step"] == 4
    log.add({"n": "last"}, urgent=False)
    log.close()
    assert on_disk() == record.EAGER_LINES + 5


def test_a_disk_that_takes_half_a_write_still_gets_the_whole_line(tmp_path, monkeypatch):
    log = EventLog(tmp_path / "events.jsonl")
    real = log._file

    class Half:
        def write(self, data):
            return real.write(data[: max(1, len(data) // 2)])

        def close(self):
            real.close()

    log._file = Half()
    log.add({"kind": "step", "loss": 1.25})
    log.close()
    assert lines_of(tmp_path) == [{"kind": "step", "loss": 1.25}]


# --- describing --------------------------------------------------------------------------------


def test_run_json_can_be_turned_back_into_the_preset(tmp_path):
    write_json(tmp_path / "run.json", describe_run(PRESET, CORPUS, "cpu"))
    about = json.loads((tmp_path / "run.json").read_text())
    assert gpt.ModelConfig.from_dict(about["model"]) == PRESET.model
    assert gpt.TrainConfig.from_dict(about["train"]) == PRESET.train
    assert about["corpus"] == {
        "name": CORPUS.name, "sha256": CORPUS.sha256, "characters": len(CORPUS)
    }  # fmt: skip


def test_run_ids_are_distinct_sortable_and_not_to_be_guessed():
    ids = [new_run_id() for _ in range(50)]
    assert ids == sorted(ids) and len({i.rsplit("-")[-1] for i in ids}) == 50
    assert all(len(i.rsplit("-")[-1]) == 20 for i in ids)


def test_the_preset_of_a_bigram_is_recorded_too(tmp_path):
    preset = replace(PRESET, model=replace(MODEL, architecture="bigram"))
    record_run(tmp_path, preset)
    assert gpt.load_checkpoint(tmp_path / "checkpoint")[0].config == preset.model
