import io
import json
import math
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
import streamlit as st
import torch

import gpt
from explorer import cache, classroom, controls, lessons, machine, notices
from explorer.panels import export, outcome
from explorer.panels import text as texts
from tests.pages.bench import bench, by_key, said  # noqa: F401
from tests.pages.school import ANN, sit

PAGE = "train_a_gpt"


def test_the_page_opens_with_the_laptop_preset_and_its_price(bench):  # noqa: F811
    at = bench.open(PAGE)
    preset = gpt.PRESETS["gpt_mini"]
    assert f"T={preset.model.block_size}, C={preset.model.n_embd}" in said(at)
    assert not at.error and not at.warning
    V = len(set(gpt.load_corpus("python_docs").text))
    total = sum(gpt.parameters_by_component(preset.model, V).values())
    assert f"{total:,} parameters, counted from the settings (derived)" in said(at)


def test_every_setting_of_the_library_is_a_control_or_named_here():
    """A new field must find its place in the laboratory."""
    shown = {"max_steps", *(name for names in controls.GROUPS.values() for name in names)}
    preset = gpt.PRESETS["gpt_mini"]
    fields = set(preset.model.to_dict() | preset.train.to_dict())
    left_out = {"architecture", "head_size", "output_projection", "causal", "prompt"}
    assert fields - shown == left_out | {"sample_tokens"} and shown <= fields


def test_another_preset_sets_all_controls(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.select_slider, f"{PAGE}_gpt_mini_n_layer").set_value(3).run()
    assert "→ 3 blocks" in said(at)
    by_key(at.selectbox, f"{PAGE}_preset").set_value("gpt_modern").run()
    assert not at.exception
    assert "→ 2 blocks of 3 heads" in said(at) and "T=64, C=96" in said(at)
    by_key(at.selectbox, f"{PAGE}_preset").set_value("gpt_mini").run()
    assert "→ 4 blocks" in said(at), "the old choice must not come back"


def test_a_preset_can_be_picked_on_a_page_that_a_link_has_set_up(bench):  # noqa: F811
    """A bound setting may not be deleted from the address; trying to ended the page once."""
    at = bench.open(PAGE, train_a_gpt_gpt_mini_n_layer="3")
    assert "→ 3 blocks" in said(at)
    by_key(at.selectbox, f"{PAGE}_preset").set_value("gpt_modern").run()
    assert not at.exception and "→ 2 blocks of 3 heads" in said(at)
    by_key(at.selectbox, f"{PAGE}_preset").set_value("gpt_mini").run()
    assert not at.exception and "→ 4 blocks" in said(at)


def test_the_ideas_since_2017_are_settings_and_go_into_the_run(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.selectbox, f"{PAGE}_preset").set_value("gpt_modern").run()
    by_key(at.selectbox, f"{PAGE}_gpt_modern_norm_kind").set_value("rms").run()
    by_key(at.select_slider, f"{PAGE}_gpt_modern_n_kv_head").set_value(1).run()
    by_key(at.button, f"{PAGE}_train").click().run()
    assert not at.exception
    spec = bench.store.list()[0].spec()
    model, train = spec["model"], spec["train"]
    assert (model["norm_kind"], model["n_kv_head"], model["positions"]) == ("rms", 1, "rotary")
    assert model["qk_norm"] and (train["optimizer"], train["schedule"]) == ("muon", "linear")


def lines_in_the_loss_chart(at):
    """The names of the reference lines that the loss chart was sent."""
    tables = {d.name: d.data.data for c in at.get("vega_lite_chart") for d in c.proto.datasets}
    known = ("knows nothing", "character frequencies", "counted bigram")
    return [name for name in known if name.encode() in tables["references"]]


def test_the_losses_to_beat_stand_before_the_run_without_the_first_answer(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert "losses to beat" in said(at)
    assert lines_in_the_loss_chart(at) == ["character frequencies", "counted bigram"]
    run = bench.train(PAGE, "blocks")
    at = bench.open(PAGE, run=run.id)
    assert "losses to beat" not in said(at)
    assert lines_in_the_loss_chart(at)[0] == "knows nothing"


def in_minutes(at, minutes):
    control = next(c for c in at.get("button_group") if c.key == f"{PAGE}_length_in")
    control.set_value("minutes").run()
    by_key(at.number_input, f"{PAGE}_minutes").set_value(minutes).run()
    assert not at.exception


def test_minutes_choose_the_steps_that_the_estimate_fits(bench):  # noqa: F811
    at = bench.open(PAGE)
    in_minutes(at, 5.0)
    assert "steps** fit into 5 minutes" in said(at)
    by_key(at.button, f"{PAGE}_train").click().run()
    spec = bench.store.list()[0].spec()
    preset = gpt.Preset.from_dict({"name": "x", "model": spec["model"], "train": spec["train"]})
    from explorer import machine

    V = len(set(gpt.load_corpus("python_docs").text))
    assert 240 <= gpt.estimate_seconds(preset, V, machine.probe()) <= 300


def test_a_size_that_cannot_be_trained_in_the_time_is_made_smaller_and_said(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.selectbox, f"{PAGE}_preset").set_value("gpt_tutorial").run()
    in_minutes(at, 5.0)
    assert "For that:" in said(at) and "`n_embd` 384 →" in said(at)


def test_an_impossible_combination_is_said_in_one_sentence(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.select_slider, f"{PAGE}_gpt_mini_n_head").set_value(3).run()
    assert not at.exception
    assert [e.value for e in at.error if "divisible" in e.value]


def test_a_finished_run_can_be_taken_home(bench):  # noqa: F811
    run = bench.train(PAGE, "gpt_mini", n_layer=1, n_embd=16, block_size=8, keep_best=True)
    at = bench.open(PAGE, run=run.id)
    assert "your run, after 12 steps" in said(at) and "Bits/character" in str(
        [m.label for m in at.metric]
    )
    assert {b.label for b in at.get("download_button")} >= {
        "Program (.py)",
        "Notebook (.ipynb)",
        "Checkpoint (zip)",
        "For transformers (zip)",
        "Measurements (CSV)",
        "Receipt (JSON)",
    }
    assert all(b.help for b in at.get("download_button"))


def test_the_zip_holds_a_checkpoint_that_loads(bench, tmp_path):  # noqa: F811
    run = bench.train(PAGE, "gpt_mini", n_layer=1, n_embd=16, block_size=8)
    data = export.checkpoint_zip(run.folder, "mine")
    zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path)
    model, _, card = gpt.load_checkpoint(tmp_path / "mine")
    assert model.config.n_layer == 1 and card["corpus"] == "python_docs"
    assert (tmp_path / "mine" / "run.json").exists()
    assert 'load_checkpoint("mine")' in (tmp_path / "mine" / "README.txt").read_text()


def test_what_is_offered_is_what_the_command_line_writes(bench, tmp_path):  # noqa: F811
    from gpt import takehome

    run = bench.train(PAGE, "gpt_mini", n_layer=1, n_embd=16, block_size=8)
    recipe = takehome.read_recipe(run.folder)
    assert len(recipe.losses) == 10 and recipe.run == run.id
    assert export.program(run.folder, "mine") == takehome.script(recipe, "mine.py")
    assert export.notebook(run.folder, "mine") == takehome.notebook(recipe)
    receipt = json.loads(export.receipt(run.folder, "mine"))
    assert takehome.verify(receipt, gpt.load_corpus("python_docs"))["matches"]
    data = export.huggingface_zip(run.folder, "mine")
    zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path)
    assert json.loads((tmp_path / "mine" / "config.json").read_text())["model_type"] == "gpt2"
    assert "AutoModelForCausalLM" in (tmp_path / "mine" / "README.txt").read_text()


def test_a_model_whose_tokens_are_not_of_its_text_says_why_it_is_no_program(bench):  # noqa: F811
    run = bench.train(PAGE, "gpt_mini", n_layer=1, n_embd=16, block_size=8)
    path = run.folder / "checkpoint" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"tokenizer": {"kind": "gpt2"}}))
    assert "cannot be learnt from its text" in (export.problem_of(run) or "")


def test_the_csv_has_a_line_for_every_step(bench):  # noqa: F811
    import pandas as pd

    run = bench.train(PAGE, "gpt_mini", n_layer=1, n_embd=16, block_size=8)
    table = pd.read_csv(io.StringIO(export.metrics_csv(run.folder)))
    assert table["step"].tolist() == list(range(13))  # step 0 is an estimate only
    measured = table.dropna(subset="val_loss")
    assert measured["step"].tolist() == [0, 6, 12]
    assert table["loss"].isna().tolist() == [True] + [False] * 12
    assert (table["learning_rate"].dropna() > 0).all()


@pytest.mark.parametrize("answer", [2.0, 19.0])
def test_the_prediction_is_graded_by_the_run(bench, answer):  # noqa: F811
    run = bench.train(PAGE, "gpt_mini", n_layer=1, n_embd=16, block_size=8)
    at = bench.open(PAGE, run=run.id)
    by_key(at.number_input, f"{PAGE}.answer.loss").set_value(answer).run()
    assert any(f"You said {answer:g}, measured: **" in w.value for w in at.warning)


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (0.2, "0.200 lower: the model has begun to learn"),
        (0.01, "nearly the same"),
        (-0.2, "0.200 higher: the end of this text, kept for validation, is easier"),
    ],
)
def test_what_is_said_of_both_losses_follows_from_them(bench, monkeypatch, gap, words):  # noqa: F811
    end = {"train_loss": 2.0 - gap, "val_loss": 2.0}
    monkeypatch.setattr(outcome, "graded", lambda lesson, text: end)
    at = bench.open("train_a_gpt")
    assert words in said(at) and "1.48" not in said(at), "a figure of another text"
    if gap > 0.05:  # a gap alone does not tell one from the other
        assert "by heart, or the end of this text, kept for validation, is harder" in said(at)
    assert "nothing is learnt by heart" not in said(at)
    monkeypatch.setattr(texts, "is_tutorials", lambda text: True)
    assert "the tutorial's near 1.48" in said(at.run())


def test_a_run_is_asked_about_and_graded_by_its_own_text(bench):  # noqa: F811
    """Or not at all, where that text is not here."""
    own = "abcd " * 300
    run = bench.train("train_a_gpt", "blocks", own, block_size=8)
    told = run.spec()["corpus"]
    learnt = cache.text(told["name"], told["sha256"])
    at = bench.open("train_a_gpt", run=run.id, text="python_docs")
    assert f"The counted bigram reaches {learnt.references['counted bigram']:.2f}" in said(at)
    assert "Measured: " in said(at)
    (bench.store.root / told["path"]).unlink()
    cache.KEPT.clear()
    assert "Measured: **" not in said(bench.open("train_a_gpt", run=run.id, text="python_docs"))


def test_a_device_that_was_not_measured_has_no_time(bench, monkeypatch):  # noqa: F811
    monkeypatch.setattr(gpt, "available_devices", lambda: {"cpu": "CPU", "cuda": "a fast one"})
    at = bench.open(PAGE)
    assert by_key(at.selectbox, f"{PAGE}_device").value == "cuda"
    assert "on this machine **–**" in said(at)
    by_key(at.selectbox, f"{PAGE}_device").select("cpu").run()
    assert "on this machine **about" in said(at)


def test_minutes_are_planned_for_the_device_that_is_chosen_above_them(bench, monkeypatch):  # noqa: F811
    """The steps that fit were the CPU's, whatever the run was to train on."""
    monkeypatch.setattr(gpt, "available_devices", lambda: {"cpu": "CPU", "cuda": "a fast one"})
    at = bench.open(PAGE)
    keys = [box.key for box in at.selectbox]
    assert keys.index(f"{PAGE}_device") < keys.index(f"{PAGE}_preset"), "what depends on it follows"
    in_minutes(at, 5.0)
    assert "fit into" not in said(at) and "was not measured" in said(at)
    steps = gpt.PRESETS[by_key(at.selectbox, f"{PAGE}_preset").value].train.max_steps
    assert f"**{steps:,}** steps" in said(at)
    by_key(at.selectbox, f"{PAGE}_device").select("cpu").run()
    assert "steps** fit into 5 minutes" in said(at)


def test_a_run_that_is_too_large_for_the_graphics_processor_says_so(bench, monkeypatch):  # noqa: F811
    small = SimpleNamespace(total_memory=30_000_000)
    monkeypatch.setattr(gpt, "available_devices", lambda: {"cpu": "CPU", "cuda": "a small one"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: small)
    at = bench.open(PAGE)
    assert "and the graphics processor has 30 MB" in at.warning[0].value
    by_key(at.selectbox, f"{PAGE}_device").select("cpu").run()
    assert not at.warning
    small.total_memory = 80_000_000_000
    by_key(at.selectbox, f"{PAGE}_device").select("cuda").run()
    assert not at.warning


def test_a_run_that_needs_more_memory_than_there_is_says_so(bench, monkeypatch):  # noqa: F811
    assert not bench.open(PAGE).warning
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=30_000_000))
    assert "and 30 MB are free here" in bench.open(PAGE).warning[0].value
    monkeypatch.setenv("EXPLORER_EXECUTOR", "ray://head:10001")  # it trains on another machine
    assert machine.free_memory() is None and machine.free_memory("cuda") is None


def test_a_class_begins_no_run_that_is_too_large_for_its_server(bench, monkeypatch):  # noqa: F811
    """It was begun after a warning, and the system ended another learner's process for it."""
    small = SimpleNamespace(available=60_000_000, total=60_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: small)
    by_key(bench.open(PAGE).button, f"{PAGE}_train").click().run()
    assert len(bench.executor.submitted) == 1, "a personal machine tries what its owner wants"
    monkeypatch.setattr(classroom, "is_open", lambda: True)
    at = sit(bench, ANN, PAGE)
    assert ["may take more than 30 MB" in warning.value for warning in at.warning] == [True]
    for begin in ("train", "first_step"):
        by_key(at.button, f"{PAGE}_{begin}").click().run()
        assert any("choose fewer or narrower layers" in told.value for told in at.toast)
    assert len(bench.store.list()) == len(bench.executor.submitted) == 1
    small.total = 32_000_000_000
    by_key(sit(bench, ANN, PAGE).button, f"{PAGE}_train").click().run()
    assert len(bench.executor.submitted) == 2


def test_knowing_nothing_is_no_more_than_ln_v(bench, monkeypatch):  # noqa: F811
    """The frequencies of letters that only the end of a text has much of are a worse guess."""
    own, asked = "aaaab" * 300 + "bcdefg" * 60, []
    run = bench.train("train_a_gpt", "blocks", own, block_size=8)
    monkeypatch.setattr(notices, "notices", lambda *what: asked.append(what[1]) or [])
    bench.open("train_a_gpt", run=run.id)
    assert asked == [pytest.approx(math.log(7))]


def test_no_more_than_two_downloads_are_made_at_once(monkeypatch):
    """Each holds a whole file in memory, and a browser may ask for any number of them."""
    now, most = [], []

    def make(run_folder, name):
        now.append(name)
        most.append(len(now))
        time.sleep(0.02)
        now.pop()
        return name

    offered = []
    monkeypatch.setattr(st, "download_button", lambda label, data, *more, **_: offered.append(data))
    run = SimpleNamespace(id="20260101", folder=None, spec=lambda: {"preset": "bigram"})
    offer = replace(export.OFFERS[0], make=make)
    for _ in range(6):
        export._button(lessons.BY_KEY[PAGE], run, offer)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda data: data(), offered))
    assert made == ["bigram-20260101"] * 6 and max(most) == export.AT_ONCE


def test_a_download_that_fails_lets_the_next_one_be_made():
    for _ in range(2 * export.AT_ONCE):
        with pytest.raises(ZeroDivisionError):
            export.in_turn(lambda: 1 / 0)
    assert export.in_turn(lambda: "made") == "made"
