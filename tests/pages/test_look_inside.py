"""Page 9 on a small run: every view says what `gpt` measures, and bad input gives a sentence."""

import shutil

import pytest
import torch

import gpt
from explorer import cache, habits
from explorer.amounts import percent
from explorer.examples import EXAMPLES
from explorer.panels.inside import sweep
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from tests.pages.bench import Bench, NoExecutor, bench, by_key, said  # noqa: F401

PAGE = "look_inside"
VIEWS = [
    "Attention", "Next token", "Logit lens", "Parts of a score", "Switch off", "Over training",
    "Rollout", "Cache", "Embeddings", "Copied",
]  # fmt: skip
TEXT = "the <b>text"


def open_at(bench, view="Attention", run=None, **address):  # noqa: F811
    asked = {f"{PAGE}_{name}": value for name, value in address.items()}
    more = {"run": run.id} if run else {}
    return bench.open(PAGE, **{f"{PAGE}_view": view, f"{PAGE}_text": TEXT} | asked | more)


def loaded(run):
    model, tokenizer, _ = gpt.load_checkpoint(run.checkpoint_path)
    return model, tokenizer, torch.tensor([tokenizer.encode(TEXT)[-model.config.block_size :]])


def choose(at, view):
    control = next(c for c in at.get("button_group") if c.key == f"{PAGE}_view")
    control.set_value(view).run()
    assert not at.exception, [e.value for e in at.exception]
    return at


def click_token(at, position):
    """As a click in the coloured text does."""
    name = f"{PAGE}_strip"
    epoch = at.session_state[f"{name}:memory"]["epoch"]
    at.session_state[name] = {"selected": {"index": position, "epoch": epoch}}
    at.run()
    assert not at.exception, [e.value for e in at.exception]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of a small model, trained once; each test gets a copy of its own."""
    runs = RunStore(tmp_path_factory.mktemp("trained"))
    settings = {"block_size": 16, "n_layer": 2, "n_head": 2, "n_embd": 16}
    return Bench(runs, NoExecutor()).train("train_a_gpt", "blocks", **settings)


@pytest.fixture
def run(bench, trained):  # noqa: F811
    return Run(shutil.copytree(trained.folder, bench.store.root / trained.id))


# --- one model, one text, one selection ---------------------------------------------------------


def test_every_view_draws_the_shipped_model(bench):  # noqa: F811
    at = open_at(bench, VIEWS[-1])
    for view in VIEWS:
        choose(at, view)
        assert not at.error and not at.warning, view
        assert "tokens are read" in said(at), view


def test_the_selection_is_in_the_address_and_a_link_restores_it(bench, run):  # noqa: F811
    at = open_at(bench, run=run)
    click_token(at, 3)
    by_key(at.selectbox, f"{PAGE}_head").set_value("2.1").run()
    assert not at.exception
    kept = {name: at.query_params[f"{PAGE}_{name}"] for name in ("position", "head", "text")}
    kept = {name: value if isinstance(value, str) else value[0] for name, value in kept.items()}
    assert kept == {"position": "3", "head": "2.1", "text": TEXT}
    again = open_at(bench, "Parts of a score", run, **kept)
    assert "Measured at position 3" in said(again)
    assert by_key(again.selectbox, f"{PAGE}_head").value == "2.1"
    assert "What head 2.1 writes" in said(again)


def test_a_link_wins_over_how_the_page_was_left(bench, run):  # noqa: F811
    """From page 4 the view, the text and the step of the last visit once stayed."""
    at = open_at(bench, "Next token", run, head="1.1", step="6")
    at.switch_page("pages/self_attention.py").run()
    linked = {"view": "Switch off", "text": "other", "head": "2.2", "step": "newest"}
    for name, value in linked.items():
        at.query_params[f"{PAGE}_{name}"] = value
    at.query_params["run"] = run.id
    at.switch_page(f"pages/{PAGE}.py").run()
    assert not at.exception
    assert by_key(at.text_area, f"{PAGE}_text").value == "other"
    assert "Without head 2.2 the loss" in said(at) and "at step" not in said(at)


@pytest.mark.parametrize("position, head", [("99", "9.9"), ("-5", "x"), ("two", "")])
def test_a_selection_that_is_not_there_gives_way(bench, run, position, head):  # noqa: F811
    at = open_at(bench, run=run, position=position, head=head)
    last = loaded(run)[2].shape[1] - 1
    kept = at.session_state[f"{PAGE}.position"]
    assert kept is None or 0 <= kept <= last
    assert by_key(at.selectbox, f"{PAGE}_head").value in ("1.1", "1.2", "2.1", "2.2")


def test_another_view_keeps_the_selection(bench, run):  # noqa: F811
    at = open_at(bench, run=run, position="2", head="1.2")
    for view in ("Next token", "Cache", "Attention"):
        choose(at, view)
        assert at.session_state[f"{PAGE}.position"] == 2
        assert by_key(at.selectbox, f"{PAGE}_head").value == "1.2"


def test_a_click_in_the_map_chooses_and_the_chooser_wins_it_back(bench, run):  # noqa: F811
    """Asking the map a second time for the head it was asked for first once changed nothing."""
    at = open_at(bench, run=run, head="1.1")
    name = f"{PAGE}_map"
    epoch = at.session_state[f"{name}:memory"]["epoch"]
    at.session_state[name] = {"selected": {"layer": 1, "head": 1, "epoch": epoch}}
    at.run()
    assert not at.exception
    assert by_key(at.selectbox, f"{PAGE}_head").value == "2.2"
    assert at.session_state[f"{name}:memory"]["epoch"] == epoch  # nothing is sent for a click
    by_key(at.selectbox, f"{PAGE}_head").set_value("1.1").run()
    assert by_key(at.selectbox, f"{PAGE}_head").value == "1.1"
    assert at.session_state[f"{name}:memory"]["epoch"] == epoch + 1
    assert "Head 1.1" in said(at)


def test_the_example_suits_the_models_vocabulary(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert by_key(at.text_area, f"{PAGE}_text").value == EXAMPLES[0]


# --- what the views say -------------------------------------------------------------------------


def test_the_head_is_described_beside_its_baseline(bench, run):  # noqa: F811
    at = open_at(bench, run=run, head="2.1")
    model, _, idx = loaded(run)
    scores = gpt.model_head_scores(model, idx)
    assert habits.sentence(scores, 1, 0) in said(at)
    assert habits.label(scores, 1, 0) in by_key(at.selectbox, f"{PAGE}_head").options[2]
    table = at.dataframe[0].value
    assert table["previous"].tolist() == pytest.approx(scores["previous"].values.flatten().tolist())


def test_heads_can_be_sorted_and_ticked(bench, run):  # noqa: F811
    at = open_at(bench, run=run)
    by_key(at.selectbox, f"{PAGE}_sorted_by").set_value("first").run()
    table = at.dataframe[0].value
    assert table["first"].is_monotonic_decreasing
    last = table["head"].iloc[-1]
    key = f"{PAGE}_heads_this text first all heads_0"
    at.session_state[key] = {"selection": {"rows": [3], "columns": [], "cells": []}}
    at.run()
    assert not at.exception and by_key(at.selectbox, f"{PAGE}_head").value == last


def test_attention_is_not_explanation_and_off_is_one_click_away(bench, run):  # noqa: F811
    at = open_at(bench, run=run, head="1.2")
    assert "Attention is not explanation" in said(at)
    by_key(at.button, f"{PAGE}_off_now").click().run()
    assert not at.exception
    assert "Without head 1.2 the loss on this text goes from" in said(at)


def test_the_next_tokens_are_those_of_the_model(bench, run):  # noqa: F811
    at = open_at(bench, "Next token", run, position="4")
    model, tokenizer, idx = loaded(run)
    p = model(idx)[0][0, 4].softmax(-1)
    true = tokenizer.encode(TEXT)[5]
    rank = int((p > p[true]).sum()) + 1
    assert f"{percent(p[true].item())}, rank {rank} of {tokenizer.vocab_size}" in said(at)


def test_the_parts_sum_to_the_score(bench, run):  # noqa: F811
    at = open_at(bench, "Parts of a score", run, position="4")
    model, tokenizer, idx = loaded(run)
    logits = model(idx)[0][0, 4]
    above = (logits[tokenizer.encode(TEXT)[5]] - logits.mean()).item()
    assert f"lies {above:+.4f} above" in said(at) and f"sum to {above:+.4f}" in said(at)


@pytest.mark.parametrize("kind", ["zero", "mean"])
def test_switching_off_shows_the_loss_without(bench, run, kind):  # noqa: F811
    at = open_at(bench, "Switch off", run, off_heads="1.1, 2.2", off_parts="feed-forward 1")
    model, _, idx = loaded(run)
    means = None
    if kind == "mean":
        control = next(c for c in at.get("button_group") if c.key == f"{PAGE}_off_kind")
        control.set_value("their mean").run()
        text = cache.text("python_docs")
        x, _ = gpt.Batches(torch.from_numpy(text.val_ids).long(), 16, 64, seed=0).draw()
        means = gpt.mean_activations(model, x)
    ablation = gpt.Ablation(heads={(0, 0), (1, 1)}, feed_forwards={0}, kind=kind)
    without = gpt.ablated(model, ablation, means)
    loss = gpt.inspection.token_losses(without(idx)[0], idx).mean().item()
    assert next(m for m in at.metric if m.label == "Loss without").value == f"{loss:.3f} nats"
    assert "head 1.1, head 2.2, feed-forward 1" in said(at)
    assert len(at.code) == 3  # two samples and the link


def test_means_are_those_of_the_text_they_were_taken_over(bench, monkeypatch):  # noqa: F811
    first, second = "to be or not " * 40, "not or be to " * 40
    run, measured, asked = bench.train("train_a_gpt", "blocks", first), cache.measured, []
    monkeypatch.setattr(
        cache, "measured", lambda what, *more: asked.append(what) or measured(what, *more)
    )
    for text in (first, second):
        sha256 = bench.store.save_text(text)["sha256"]
        address = {f"{PAGE}_view": "Switch off", f"{PAGE}_off_heads": "1.1"}
        at = bench.open(PAGE, run=run.id, text=sha256, **address)
        next(c for c in at.get("button_group") if c.key == f"{PAGE}_off_kind").set_value(
            "their mean"
        ).run()
    for what in ("means", "off", "sample off"):  # what is said with them in place, too
        found = {one for one in asked if one.startswith(f"{what} ") and "mean" in one}
        assert len(found) == 2, what


def test_nothing_switched_off_is_said(bench, run):  # noqa: F811
    at = open_at(bench, "Switch off", run, off_heads="", off_parts="")
    assert any("Choose something" in box.value for box in at.info)


def test_the_sweep_measures_every_part_and_grades_the_guess(bench, run):  # noqa: F811
    at = open_at(bench, run=run)
    by_key(at.number_input, f"{PAGE}.answer.spare").set_value(4.0).run()
    assert "Press Switch each off" in said(at)
    by_key(at.button, f"{PAGE}_sweep").click().run()
    assert not at.exception
    _, found, where, _ = at.session_state[f"{PAGE}.swept"]
    model, _, _ = loaded(run)
    text = cache.text("python_docs")
    x, y = gpt.Batches(torch.from_numpy(text.val_ids).long(), 16, 64, seed=0).draw()
    whole = gpt.ablation_effects(model, x, y)
    torch.testing.assert_close(torch.cat([e.heads for e in found]), whole.heads)
    assert where == (64, 16, "python_docs")
    assert "Measured on 64 windows of 16 tokens" in said(at)
    assert any("You said 4" in box.value for box in [*at.success, *at.warning])


def test_a_sweep_is_that_of_the_text_it_was_measured_on(bench, run, monkeypatch):  # noqa: F811
    """Without a text of this vocabulary, that is the text which is read."""
    at = open_at(bench, "Switch off", run)
    by_key(at.button, f"{PAGE}_sweep").click().run()
    assert "Most needed: " in said(at)
    at.session_state["text"] = "sorting"
    assert "Most needed: " not in said(at.run())
    monkeypatch.setattr(sweep, "validation_windows", lambda shown: None)
    by_key(at.button, f"{PAGE}_sweep").click().run()
    assert "Measured on the text above alone" in said(at)
    by_key(at.text_area, f"{PAGE}_text").set_value("another text").run()
    assert "Most needed: " not in said(at)


def test_heads_are_followed_over_the_snapshots(bench, run):  # noqa: F811
    at = open_at(bench, "Over training", run)
    steps = [step for step, _ in run.snapshots()]
    assert f"Measured on {len(steps)} snapshots" in said(at) and "ends highest in head" in said(at)


def test_the_step_slider_shows_the_weights_of_that_step(bench, run):  # noqa: F811
    at = open_at(bench, "Next token", run, position="4")
    step, path = run.snapshots()[0]
    by_key(at.select_slider, f"{PAGE}_step").set_value(step).run()
    assert not at.exception and f"at step {step}" in said(at)
    model, tokenizer, idx = loaded(run)
    gpt.load_weights(model, gpt.read_weights(path))
    p = model(idx)[0][0, 4].softmax(-1)
    assert f"{percent(p[tokenizer.encode(TEXT)[5]].item())}, rank" in said(at)


def test_the_cache_counts_its_bytes(bench, run):  # noqa: F811
    at = open_at(bench, "Cache", run, position="4")
    kept = next(m for m in at.metric if m.label == "Kept after this step")
    assert kept.value == f"{2 * 2 * 16 * 5 * 4 / 1024:,.1f} KiB"  # 2 × layers × C × positions × 4


# --- bad input ----------------------------------------------------------------------------------


def test_a_bigram_has_no_heads_and_says_so(bench):  # noqa: F811
    at = open_at(bench, VIEWS[-1], bench.train("bigram", "bigram"))
    for view in VIEWS:
        choose(at, view)
        assert not at.error, view
        if view not in ("Next token", "Logit lens", "Embeddings", "Copied"):
            assert any("bigram" in box.value for box in at.info), view


def test_too_little_text_is_said(bench, run):  # noqa: F811
    at = open_at(bench, run=run)
    for text in ("", TEXT, "a", TEXT, "字字"):
        by_key(at.text_area, f"{PAGE}_text").set_value(text).run()
        assert not at.exception
        told = any("at least two tokens" in box.value for box in at.info)
        assert told == (text != TEXT), text


def test_what_is_cut_or_unknown_is_said(bench, run):  # noqa: F811
    at = open_at(bench, run=run)
    strange = "</script><b>🙂 שלום " + "x" * 30
    by_key(at.text_area, f"{PAGE}_text").set_value(strange).run()
    assert not at.exception
    text = said(at)
    assert "The context is 16 tokens" in text and "🙂" in text and "SHIN" in text


def test_an_untrained_model_can_be_looked_into(bench):  # noqa: F811
    for view in ("Attention", "Over training"):
        at = open_at(bench, view, model="untrained")
        by_key(at.selectbox, f"{PAGE}_model").set_value("untrained").run()
        assert not at.exception and "untrained" in said(at)
    assert any("no snapshots" in box.value for box in at.info)


def test_where_scores_are_no_sum_the_page_says_so(bench):  # noqa: F811
    run = bench.train("transformer_blocks", "blocks", norm="post")
    at = open_at(bench, "Parts of a score", run)
    assert any("Use ablation" in box.value for box in at.info)


def test_a_damaged_snapshot_is_told_and_the_rest_goes_on(bench, run):  # noqa: F811
    step, path = run.snapshots()[0]
    path.write_bytes(b"cut")
    at = open_at(bench, "Over training", run)
    assert any(f"cannot be used: step {step}" in box.value for box in at.warning)
    by_key(at.select_slider, f"{PAGE}_step").set_value(step).run()
    assert not at.exception
    assert any(f"snapshot of step {step} cannot be shown" in box.value for box in at.warning)


@pytest.mark.parametrize("view", ["Attention", "Over training"])
def test_a_damaged_checkpoint_brings_no_snapshots(bench, run, view):  # noqa: F811
    """The untrained model in its place has another vocabulary than the snapshots may have."""
    (run.folder / "checkpoint" / "model.safetensors").write_bytes(b"cut")
    at = open_at(bench, view, run)
    assert any("cannot be used" in box.value for box in at.warning)
    assert "untrained" in said(at) and not any(s.key == f"{PAGE}_step" for s in at.select_slider)


def test_a_shipped_model_brings_its_snapshots(bench, run, monkeypatch, tmp_path):  # noqa: F811
    folder = tmp_path / "small"
    shutil.copytree(run.checkpoint_path, folder)
    shutil.copytree(run.folder / "snapshots", folder / "snapshots")
    monkeypatch.setattr(cache, "PRETRAINED", tmp_path)
    at = open_at(bench, "Over training")
    by_key(at.selectbox, f"{PAGE}_model").set_value("small").run()
    assert not at.exception and "ends highest in head" in said(at)
    step = run.snapshots()[0][0]
    by_key(at.select_slider, f"{PAGE}_step").set_value(step).run()
    assert not at.exception and f"small (shipped), at step {step}" in said(at)


def test_a_model_without_the_mask_keeps_nothing(bench):  # noqa: F811
    run = bench.train("self_attention", "self_attention", causal=False)
    at = open_at(bench, "Cache", run)
    assert any("Without the mask" in box.value for box in at.info)
    assert "Attention is not explanation" in said(choose(at, "Attention"))
    choose(at, "Rollout")


# --- playing, and two side by side ---------------------------------------------------------------


def test_playing_walks_the_steps_and_stops_at_the_last(bench, run):  # noqa: F811
    at = open_at(bench, "Next token", run)
    steps = [step for step, _ in run.snapshots()]
    at.session_state[f"{PAGE}.playing"] = True  # as the button does
    at.run()
    seen = [at.session_state[f"{PAGE}.step"]]
    while at.session_state[f"{PAGE}.playing"] and len(seen) < 9:
        at.run()  # a tick
        seen.append(at.session_state[f"{PAGE}.step"])
    assert not at.exception
    assert [step for step in steps if step in seen] == steps and seen[-1] == steps[-1]


def test_two_models_stand_side_by_side(bench, run):  # noqa: F811
    at = open_at(bench, "Next token", run, two="1", second_of=run.id)
    assert not at.exception
    by_key(at.select_slider, f"{PAGE}_second_step").set_value(run.snapshots()[0][0]).run()
    assert not at.exception
    assert "at step 0. " in said(at) and said(at).count("tokens are read") == 2
