import math
import threading

import numpy as np
import pytest
import torch

import gpt
from explorer import cache
from explorer.panels import speed
from explorer.panels.contest import CHOICES, variety
from explorer.surprise import details, expected
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "generate"


@pytest.fixture
def nothing_shipped(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "PRETRAINED", tmp_path)


def press(at, name):
    at = by_key(at.button, f"{PAGE}_{name}").click().run()
    assert not at.exception, [e.value for e in at.exception]
    return at


def written(at):
    writing = at.session_state[f"{PAGE}.writing"]
    writing.wait(30)
    return writing


def small(block_size=8, **more):
    config = gpt.ModelConfig(block_size=block_size, n_embd=16, n_head=2, n_layer=1, **more)
    return gpt.build_model(config, 11, seed=3).eval()


# --- who writes -------------------------------------------------------------------------------


def test_without_any_model_an_untrained_one_writes_and_the_page_says_so(
    bench,  # noqa: F811
    nothing_shipped,
):
    at = bench.open(PAGE)
    assert "No trained model is here yet" in said(at)
    assert "untrained, weights drawn from seed" in said(at)
    assert len(written(press(at, "one")).tokens) == 1


def test_the_shipped_model_writes_first_and_the_newest_run_follows(bench):  # noqa: F811
    old, new = bench.train("blocks_page", "blocks"), bench.train("blocks_page", "blocks")
    box = by_key(bench.open(PAGE).selectbox, f"{PAGE}_model")
    assert box.value in cache.pretrained()
    shipped = len(cache.pretrained())
    assert all(name.endswith("shipped with this program") for name in box.options[:shipped])
    assert ["step 12" in option for option in box.options[shipped:]] == [True, True, False]
    assert box.options[shipped].startswith(new.spec()["name"]) and old.id < new.id


def test_the_address_keeps_the_chosen_run(bench):  # noqa: F811
    run = bench.train("train_a_gpt", "blocks")
    at = bench.open(PAGE)
    by_key(at.selectbox, f"{PAGE}_model").set_value(run.id).run()
    assert not at.exception and "T≤8" in said(at)
    assert at.query_params["run"] in (run.id, [run.id])
    again = bench.open(PAGE, run=run.id)
    assert by_key(again.selectbox, f"{PAGE}_model").value == run.id
    by_key(again.selectbox, f"{PAGE}_model").set_value("untrained").run()
    assert "run" not in again.query_params
    assert again.query_params["model"] in ("untrained", ["untrained"])


def test_a_link_to_a_run_that_is_gone_is_said(bench):  # noqa: F811
    at = bench.open(PAGE, run="20250101-000000-000000-" + "0" * 20)
    assert any("not on this server" in box.value for box in at.warning)
    assert by_key(at.selectbox, f"{PAGE}_model").value in cache.pretrained()


def test_a_run_deleted_while_it_is_shown_gives_way(bench):  # noqa: F811
    run = bench.train("train_a_gpt", "blocks")
    at = bench.open(PAGE, run=run.id)
    bench.store.delete(run.id)
    at.run()
    assert not at.exception
    assert by_key(at.selectbox, f"{PAGE}_model").value != run.id


def test_another_model_begins_a_text_of_its_own(bench):  # noqa: F811
    """The scores of the last draw were once shown with the vocabulary of the next model."""
    run = bench.train("train_a_gpt", "blocks")  # another text, another vocabulary
    at = press(bench.open(PAGE), "one")
    assert written(at).tokens
    by_key(at.selectbox, f"{PAGE}_model").set_value(run.id).run()
    assert not at.exception
    assert at.session_state[f"{PAGE}.writing"] is None


def test_a_damaged_checkpoint_is_told_once(bench):  # noqa: F811
    run = bench.train("train_a_gpt", "blocks")
    (run.folder / "checkpoint" / "model.safetensors").write_bytes(b"cut")
    at = bench.open(PAGE, run=run.id)
    assert ["cannot be read as weights" in box.value for box in at.warning] == [True]
    assert "untrained" in said(at)


def test_a_diverged_run_cannot_write_and_the_page_says_why(bench):  # noqa: F811
    run = bench.train("train_a_gpt", "blocks")
    path = run.folder / "checkpoint" / "model.safetensors"
    gpt.save_weights(path, {k: w * math.nan for k, w in gpt.read_weights(path).items()})
    at = bench.open(PAGE, run=run.id)
    assert ["its training diverged" in box.value for box in at.warning] == [True]
    press(press(at, "both"), "measure")


def test_while_it_writes_the_page_shows_the_newest_draw_and_computes_nothing(
    bench,  # noqa: F811
    monkeypatch,
):
    """It once computed the next scores at every look, which held up the writing."""
    at, enough, stream = bench.open(PAGE), threading.Event(), gpt.stream

    def slowly(*settings, **more):
        for i, token in enumerate(stream(*settings, **more)):
            yield token
            assert i < 4 or enough.wait(60)

    monkeypatch.setattr(gpt, "stream", slowly)
    traced = []
    monkeypatch.setattr(cache, "trace", lambda *a: traced.append(a))
    at = press(at, "write")
    writing = at.session_state[f"{PAGE}.writing"]
    assert writing.running and len(writing.tokens) == 5 and traced == []
    assert "came the marked one, drawn from:" in said(at)
    monkeypatch.undo()
    enough.set()
    writing.wait(30)
    assert "comes:" in said(at.run()) and "came the marked one" not in said(at)


# --- the roads not taken ----------------------------------------------------------------------


def test_each_draw_is_listed_with_what_might_have_come(bench):  # noqa: F811
    at = bench.open(PAGE)
    for _ in range(3):
        at = press(at, "one")
        written(at)
    table = at.run().dataframe[0].value
    tokens = written(at).tokens
    assert table["draw"].tolist() == [3, 2, 1]
    newest = tokens[-1]
    p = newest.logits.softmax(-1)
    assert table["model"][0] == pytest.approx(float(p[newest.id]))
    assert table["filtered"][0] == pytest.approx(newest.probability)
    best = next(i for i in p.argsort(descending=True).tolist() if i != newest.id)
    assert f"{float(p[best]):.0%}" in table["others"][0].split(" · ")[0]


def test_an_alternative_takes_the_place_of_a_draw_and_the_text_goes_on_from_there(
    bench,  # noqa: F811
):
    at = bench.open(PAGE)
    for _ in range(3):
        at = press(at, "one")
        written(at)
    before = written(at)
    prompt = before.text[:-3]
    key = f"{PAGE}_draws_3_{before.tokens[-1].id}"
    at.session_state[key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    at.run()
    assert "Draw 2 was" in said(at) and "drop the 1 after it" in said(at)
    take = next(b for b in at.button if b.key and b.key.startswith(f"{PAGE}_take_"))
    other = int(take.key.rsplit("_", 1)[1])
    take.click().run()
    assert not at.exception
    after = written(at)
    assert [t.id for t in after.tokens] == [before.tokens[0].id, other]
    letter = gpt.load_checkpoint(cache.pretrained()["gpt_mini"])[1].tokens[other]
    assert after.text == prompt + before.tokens[0].text + letter
    assert at.dataframe[0].value["filtered"].isna().tolist() == [True, False]  # taken by hand
    at = press(at, "one")
    assert written(at).text.startswith(after.text)
    assert len(written(at).tokens) == 3


def test_a_new_prompt_forgets_the_draws(bench):  # noqa: F811
    at = press(bench.open(PAGE), "one")
    written(at)
    by_key(at.text_input, f"{PAGE}_prompt").set_value("Another ").run()
    assert not at.exception and not any("draw" in d.value.columns for d in at.dataframe)


# --- surprise ---------------------------------------------------------------------------------


def test_surprise_is_the_loss_of_each_character_but_the_first():
    model, ids = small(), [1, 2, 3, 4, 5, 6]
    x = torch.tensor([ids])
    logits, loss = model(x[:, :-1], x[:, 1:])
    found = expected(model, ids).losses
    assert found.shape == (5,)
    assert float(found.mean()) == pytest.approx(loss.item(), abs=1e-6)
    assert found[2] == pytest.approx(-logits[0, 2].log_softmax(-1)[4].item(), abs=1e-6)


@pytest.mark.parametrize("length", [2, 8, 9, 10, 13, 30])
@pytest.mark.parametrize("block_size", [1, 5, 8])
def test_a_long_text_is_read_with_the_windows_of_writing(length, block_size):
    model = small(block_size)
    ids = np.random.default_rng(length).integers(0, 11, length).tolist()
    found = expected(model, ids).losses
    assert found.shape == (length - 1,)
    for i in range(1, length):
        start = gpt.window_start(i, block_size)
        logits, _ = model(torch.tensor([ids[start:i]]))
        alone = -logits[0, -1].log_softmax(-1)[ids[i]].item()
        assert found[i - 1] == pytest.approx(alone, abs=1e-5)


def test_a_pointer_on_a_token_is_told_what_was_expected_there():
    model, ids = small(), [1, 2, 3, 4]
    found = expected(model, ids)
    p = model(torch.tensor([ids]))[0][0, :3].softmax(-1)
    assert found.top.tolist() == p.topk(5).indices.tolist()
    assert found.top_p == pytest.approx(p.topk(5).values.detach().numpy(), abs=1e-6)
    said = details(found, "abcdefghijk")
    assert len(said) == 4 and said[0] == "nothing stands before it"
    best = "abcdefghijk"[found.top[1, 0]]
    assert said[2].startswith(f"expected here: {best} {found.top_p[1, 0]:.1%}, ")


def test_nothing_to_read_costs_nothing():
    assert expected(small(), [1]).losses.shape == (0,)


def test_the_page_gives_the_mean_in_nats_and_bits(bench):  # noqa: F811
    at = bench.open(PAGE, model="gpt_mini")
    text = "To be, or not to be\n"
    by_key(at.text_area, f"{PAGE}_surprise_text").set_value(text).run()
    model, tokenizer, _ = gpt.load_checkpoint(cache.pretrained()["gpt_mini"])
    mean = float(expected(model, tokenizer.encode(text)).losses.mean())
    values = {m.label: m.value for m in at.metric}
    assert values["Mean surprise"] == f"{mean:.3f} nats"
    assert values["Bits per character"] == f"{mean / math.log(2):.3f}"


@pytest.mark.parametrize("text", ["", "a", "★★"])
def test_too_little_to_read_is_said(bench, text):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.text_area, f"{PAGE}_surprise_text").set_value(text).run()
    assert not at.exception
    assert any("at least two tokens" in box.value for box in at.info)


# --- greedy, and the cache --------------------------------------------------------------------


def test_greedy_and_sampled_are_written_counted_and_graded(bench):  # noqa: F811
    at = bench.open(PAGE, model="gpt_mini")
    by_key(at.radio, f"{PAGE}.answer.greedy").set_value(CHOICES[0]).run()
    assert any("Press Write both" in box.value for box in at.caption)
    at = press(at, "both")
    assert any("it soon goes round in circles" in box.value for box in at.warning)
    _, prompt, greedy, _ = at.session_state[f"{PAGE}.contest"]
    model, tokenizer, _ = gpt.load_checkpoint(cache.pretrained()["gpt_mini"])
    assert prompt + greedy == gpt.generate(model, tokenizer, prompt, 200, temperature=0.0)


def test_variety_is_the_share_of_new_pieces():
    assert variety("abcabcabc", 3) == pytest.approx(3 / 7)
    assert variety("abcdefgh", 3) == 1.0
    assert variety("ab", 3) == 1.0


def test_the_cache_is_measured_and_changes_nothing_but_the_time(bench, monkeypatch):  # noqa: F811
    monkeypatch.setattr(speed, "COUNT", 20)
    monkeypatch.setattr(speed, "REPEATS", 2)
    at = press(bench.open(PAGE), "measure")
    _, found = at.session_state[f"{PAGE}.speed"]
    texts = [text for text, _ in found.values()]
    shorter = min(map(len, texts))
    assert shorter > 0 and texts[0][:shorter] == texts[1][:shorter]
    assert all(len(seconds) >= shorter for _, seconds in found.values())
    assert any(m.label == "The cache is" for m in at.metric)


def test_both_ways_are_compared_over_the_same_tokens(bench, monkeypatch):  # noqa: F811
    """A slow model wrote a hundred tokens with the cache and ten, the cheapest, without it."""
    seconds = {True: [0.1] * 10 + [0.3] * 90, False: [0.2] * 10}
    monkeypatch.setattr(speed, "_write", lambda model, prompt, cached: ("x", seconds[cached]))
    at = press(bench.open(PAGE), "measure")
    assert [m.value for m in at.metric[-3:]] == ["10 a second", "5 a second", "2.0 × as fast"]


@pytest.mark.parametrize(("limit", "best"), [(1e9, [[0.1], [1.0]]), (0.0, [[0.3], [2.0]])])
def test_the_quicker_way_is_not_repeated_more_often(monkeypatch, limit, best):
    """The quickest of three times against the only one: the ratio flattered the cache."""
    told = iter([0.3, 2.0, 0.1, 1.0, 0.2, 3.0])
    monkeypatch.setattr(speed, "LIMIT", limit)
    monkeypatch.setattr(speed, "_write", lambda model, prompt, cached: ("x", [next(told)]))
    found = speed.timed(None, "")
    assert [seconds for _, seconds in found.values()] == best


def test_a_measurement_cut_short_by_its_limit_does_not_claim_all_its_times(bench, monkeypatch):  # noqa: F811
    """A slow model's tokens were written once and said to be the quickest of three times."""
    monkeypatch.setattr(speed, "LIMIT", 0.0)
    at = press(bench.open(PAGE), "measure")
    _, found = at.session_state[f"{PAGE}.speed"]
    assert [len(seconds) for _, seconds in found.values()] == [1, 1]
    assert "the quickest of at most 3 times" in said(at)


@pytest.mark.parametrize(
    ("page", "preset", "changes"),
    [("bigram", "bigram", {}), ("self_attention", "self_attention", {"causal": False})],
)
def test_a_model_that_keeps_nothing_has_no_cache_to_measure(bench, page, preset, changes):  # noqa: F811
    run = bench.train(page, preset, **changes)
    at = bench.open(PAGE, model=run.id)
    assert "The model chosen above keeps nothing" in said(at)
    assert f"{PAGE}_measure" not in {b.key for b in at.button}


@pytest.mark.parametrize("causal", [True, False])
def test_a_speed_is_that_of_the_cache_only_where_there_is_one(bench, causal):  # noqa: F811
    """A model without the mask was said to have written with a cache that it cannot keep."""
    run = bench.train("self_attention", "self_attention", causal=causal)
    at = press(bench.open(PAGE, model=run.id), "write")
    written(at)
    (told,) = [c.value for c in at.run().caption if "a second on this server" in c.value]
    assert ("with the cache of keys and values" in told) == causal


def test_the_page_leads_to_where_models_are_trained(bench):  # noqa: F811
    at = bench.open(PAGE)
    links = [link.proto.page for link in at.get("page_link")]
    assert "train_a_gpt" in links
