"""Every page on byte pairs: chosen in the sidebar or by a link, trained, compared, told apart."""

import math

import pytest

import gpt
from explorer import cache, ladder, lessons
from explorer.history import best_by_page, entries
from explorer.panels.climbed import look
from explorer.panels.variants import variant_runs
from explorer.runs import states
from explorer.runs.job import Signals, work
from tests.pages.bench import QUICK, bench, by_key, said  # noqa: F401

LINK = {"text": "python_docs", "tokenizer": "bpe-300"}


def train(bench, page, preset, told=None, **changes):  # noqa: F811
    """A finished run of a page in these tokens; byte pairs with a vocabulary of 300 if None."""
    recipe = gpt.PRESETS[preset].with_settings(QUICK | changes)
    told = told or {"kind": "bpe", "vocab_size": 300}
    spec = gpt.describe_run(recipe, gpt.load_corpus("python_docs"), "cpu", told)
    run = bench.store.create(spec | {"page": page})
    run.set_status(state=states.QUEUED)
    assert work(run, Signals())[0] == states.FINISHED
    return run


def test_every_page_opens_with_byte_pairs(bench):  # noqa: F811
    at = bench.open(lessons.LESSONS[0].key, **LINK)
    for lesson in lessons.LESSONS:
        at.switch_page(lesson.file).run()
        assert not at.exception and not at.error, lesson.key
        assert by_key(at.selectbox, "tokenizer").value == "bpe-300"
    assert at.query_params["tokenizer"] in ("bpe-300", ["bpe-300"])


def test_the_chooser_changes_the_tokens_and_the_address(bench):  # noqa: F811
    at = bench.open("text_to_tokens")
    assert "tokenizer" not in at.query_params
    assert "Here every distinct character is one **token**" in said(at)
    by_key(at.selectbox, "tokenizer").select("bpe-300").run()
    assert not at.exception
    assert "a vocabulary of 300 (learnt)" in said(at) and "given these tokens" in said(at)
    at.switch_page("pages/bigram.py").run()
    assert "300 × 300 counts" in said(at)
    by_key(at.selectbox, "tokenizer").select("character").run()
    assert "Which character comes next" in said(at) and "tokenizer" not in at.query_params


@pytest.mark.parametrize("asked", ["bpe-301", "bpe-", "gpt2", "", "bpe-1e9"])
def test_a_strange_address_means_characters(bench, asked):  # noqa: F811
    at = bench.open("bigram", tokenizer=asked)
    assert by_key(at.selectbox, "tokenizer").value == "character"


def test_a_text_too_short_for_byte_pairs_stays_in_characters(bench):  # noqa: F811
    at = bench.open("text_to_tokens", tokenizer="bpe-300")
    by_key(at.text_area, "text_to_tokens_paste").set_value("a" * 20).run()
    by_key(at.button, "text_to_tokens_use_paste").click().run()
    assert not at.exception and "Until then the tokens are characters" in said(at)


def test_a_run_is_recorded_with_its_tokens_and_trained_by_the_worker(bench):  # noqa: F811
    at = bench.open("bigram", **LINK, bigram_max_steps="100")
    by_key(at.button, "bigram_train").click().run()
    run = bench.store.get(bench.executor.submitted[0])
    assert run.spec()["train"]["max_steps"] == 100
    assert run.spec()["tokenizer"] == {"kind": "bpe", "vocab_size": 300}
    run.set_status(state=states.QUEUED)
    assert work(run, Signals())[0] == states.FINISHED
    at.run()
    assert not at.exception and not at.error and "**The floor:**" in said(at)
    bits = next(m.value for m in at.metric if m.label == "Bits/character")
    loss = cache.reader(str(run.folder)).finished["val_loss"]
    held = cache.text("python_docs", None, "bpe", 300).characters_per_token["validation"]
    assert float(bits) == pytest.approx(loss / math.log(2) / held, abs=6e-4) and held > 1.2


def test_a_table_too_large_to_draw_is_told_with_the_remedy(bench):  # noqa: F811
    at = bench.open("bigram", text="python_docs", tokenizer="bpe-1024")
    assert "A table of 1,024 × 1,024 is too large to be drawn: choose characters" in said(at)


def test_runs_of_other_tokens_are_compared_in_bits_and_told_apart(bench):  # noqa: F811
    bench.train("train_a_gpt", "gpt_mini", n_layer=1)
    pairs = train(bench, "train_a_gpt", "gpt_mini", n_layer=1)
    at = bench.open("train_a_gpt", text="python_docs", run=pairs.id)
    labels = by_key(at.selectbox, f"train_a_gpt.show.{pairs.id}").options
    assert labels == ["1: tokenizer character", "2: tokenizer bpe-300"]
    assert "the losses are in bits per character" in said(at)
    table = at.dataframe[0].value
    loss, held = table["validation loss"], cache.text("python_docs", None, "bpe", 300)
    held = held.characters_per_token["validation"]
    assert table["bits/character"].tolist() == pytest.approx(
        [loss[0] / math.log(2), loss[1] / math.log(2) / held]
    )
    assert table["parameters"][1] - table["parameters"][0] > 0, "each with its own vocabulary"


def test_runs_of_characters_alone_stay_in_nats(bench):  # noqa: F811
    for layers in (1, 2):
        bench.train("train_a_gpt", "gpt_mini", n_layer=layers)
    at = bench.open("train_a_gpt", text="python_docs")
    assert "bits per character" not in said(at)
    assert "bits/character" not in at.dataframe[0].value


def test_no_search_for_a_run_takes_one_of_other_tokens(bench):  # noqa: F811
    """Ladder, variants and the best of a page look for runs by their settings."""
    page, rung = lessons.BY_KEY["self_attention"], ladder.rungs(1, 4)[0]
    recipe = gpt.PRESETS["self_attention"].with_settings(QUICK)
    train(bench, page.key, "self_attention")
    spec = gpt.describe_run(
        rung.preset, gpt.load_corpus("python_docs"), tokenizer={"kind": "bpe", "vocab_size": 300}
    )
    bench.store.create(spec).set_status(state=states.FINISHED)
    characters, pairs = cache.text("python_docs"), cache.text("python_docs", None, "bpe", 300)
    known = entries(bench.store)
    for text, found in ((characters, False), (pairs, True)):
        assert bool(variant_runs(page, {"as set": recipe}, text)) == found
        assert (look([rung], text)[0].run is not None) == found
        assert (page.key in best_by_page(known, text.corpus.sha256, text.tokens)) == found


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("averaging_the_past", "knows only the last token."),
        ("self_attention", "everything but the last token."),
    ],
)
def test_an_idea_about_byte_pairs_does_not_call_them_characters(bench, page, words):  # noqa: F811
    assert words in said(bench.open(page, **LINK))


def test_an_answer_that_is_no_choice_any_more_is_none(bench):  # noqa: F811
    """A browser keeps what an earlier version of the page asked."""
    at = bench.open("bigram")
    at.session_state["answers"] = {"self_attention.gain": {"answer": "under 2.0", "right": None}}
    at.switch_page("pages/self_attention.py").run()
    assert not at.exception
    assert by_key(at.radio, "self_attention.answer.gain").value is None
