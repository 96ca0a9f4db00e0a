import json
import re

import numpy as np
import pytest

import gpt
from explorer import cache, frames
from explorer.panels import own_text
from explorer.panels.batch import draw_batch
from explorer.panels.byte_pairs import token_parts, used_merges
from gpt.toys import TOYS
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "text_to_tokens"


def paste(at, text):
    by_key(at.text_area, f"{PAGE}_paste").set_value(text)
    return by_key(at.button, f"{PAGE}_use_paste").click().run()


def upload(at, name, data):
    by_key(at.file_uploader, f"{PAGE}_file").set_value((name, data, "text/plain")).run()
    return at


def test_the_page_counts_the_text_and_draws_one_batch(bench):  # noqa: F811
    at = bench.open(PAGE)
    corpus = gpt.load_corpus("python_docs")
    assert f"{len(corpus):,} characters, {len(set(corpus.text))} different ones" in said(at)
    assert "shape (B=2, T=8)" in said(at) and "2 × 8 = 16 examples" in said(at)
    assert len(at.dataframe[0].value) == 16
    assert not at.error and not at.warning


def test_the_shape_follows_the_sliders_and_the_table_shows_each_example_once(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.slider, f"{PAGE}_B").set_value(3)
    by_key(at.slider, f"{PAGE}_T").set_value(5).run()
    assert "3 × 5 = 15 examples" in said(at) and "shape (B=3, T=5)" in said(at)
    table = at.dataframe[0].value
    assert list(zip(table["window"], table["t"], strict=True)) == [
        (b, t) for b in (1, 2, 3) for t in range(1, 6)
    ]
    assert all(len(seen) >= t for seen, t in zip(table["input"], table["t"], strict=True))


def test_another_batch_is_the_next_seed(bench):  # noqa: F811
    at = bench.open(PAGE)
    first = at.dataframe[0].value
    by_key(at.button, f"{PAGE}_draw").click().run()
    assert by_key(at.number_input, f"{PAGE}_seed").value == 1338
    assert not at.dataframe[0].value.equals(first)
    by_key(at.number_input, f"{PAGE}_seed").set_value(1337).run()
    assert at.dataframe[0].value.equals(first)


def test_the_batch_is_the_one_that_training_draws_and_its_places_are_true():
    import torch

    ids = np.random.default_rng(0).integers(0, 50, 1000).astype(np.int32)
    inputs, targets, positions = draw_batch(ids, 8, 4, 7)
    x, y = gpt.Batches(torch.from_numpy(ids), 8, 4, 7).draw()
    assert (inputs == x.numpy()).all() and (targets == y.numpy()).all()
    assert (ids[positions] == inputs).all() and (ids[positions + 1] == targets).all()


@pytest.mark.parametrize(("guess", "words"), [(4, "You said 4, measured: **32 examples**")])
def test_the_guess_is_graded_only_once_it_is_made(bench, guess, words):  # noqa: F811
    at = bench.open(PAGE)
    assert "32 examples" not in said(at)
    by_key(at.number_input, f"{PAGE}.answer.examples").set_value(guess).run()
    assert any(words in box.value for box in at.warning)
    by_key(at.number_input, f"{PAGE}.answer.examples").set_value(32).run()
    assert any("32 examples" in box.value for box in at.success)


def test_the_round_trip_is_shown_equal(bench):  # noqa: F811
    at = bench.open(PAGE)
    ids = gpt.CharTokenizer.train(gpt.load_corpus("python_docs").text).encode("hii there")
    assert any(str(ids) in box.value for box in at.code)
    assert any("same text" in box.value for box in at.success)


def test_byte_pairs_are_learnt_and_replayed_on_the_sentence(bench):  # noqa: F811
    at = paste(bench.open(PAGE), "abab cdcd " * 50)
    assert any("Nothing is learnt" in box.value for box in at.info)
    by_key(at.button, f"{PAGE}_pairs_learn").click().run()
    by_key(at.text_input, f"{PAGE}_pairs_sentence").set_value("abab é").run()
    assert not at.exception and "Byte pairs (V = 26" in said(at)
    merges = list(gpt.learn_merges("abab cdcd " * 50, 31))
    done = f"{PAGE}_pairs_done_{len(merges)}"
    slider = by_key(at.slider, done)
    assert slider.value == slider.max == len(merges)
    slider.set_value(1).run()
    assert f"Merge 1 of {len(merges)}**: ‘a’ + ‘b’ → ‘ab’, 100 times" in said(at)
    assert "6 characters, 7 bytes, **5 tokens** from a vocabulary of 258" in said(at)
    by_key(at.slider, done).set_value(0).run()
    assert "No merge yet" in said(at) and "**7 tokens** from a vocabulary of 257" in said(at)
    by_key(at.select_slider, f"{PAGE}_pairs_size").set_value(1024).run()
    assert any("Nothing is learnt" in box.value for box in at.info) and not at.exception


@pytest.mark.parametrize("sentence", ["", "🙂" * 200])
def test_no_sentence_breaks_the_replay(bench, sentence):  # noqa: F811
    at = paste(bench.open(PAGE), "abab cdcd " * 50)
    by_key(at.button, f"{PAGE}_pairs_learn").click().run()
    by_key(at.text_input, f"{PAGE}_pairs_sentence").set_value(sentence).run()
    assert not at.exception


def test_a_character_of_several_tokens_still_shows():
    tokenizer = gpt.BPETokenizer.train("", 257)
    names, details = token_parts(tokenizer, tokenizer.encode("aé"))
    assert names == ["a", "é·1/2", "é·2/2"] and details == ["bytes 61", "bytes c3", "bytes a9"]


def test_the_merges_of_a_sentence_are_those_that_change_it():
    merges = list(gpt.learn_merges("low lower lowest low\n the then " * 9, 20))
    assert len(merges) > 8

    def encoded(n):
        return gpt.BPETokenizer.from_merges(" ".join(m.pair) for m in merges[:n]).encode("lowest")

    changing = [n for n in range(len(merges)) if encoded(n) != encoded(n + 1)]
    assert used_merges(merges, "lowest") == changing != []


def test_gpt_2_is_counted_where_its_files_are(bench, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("EXPLORER_MODELS", str(tmp_path))
    for name in ("broken", "gpt2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    pairs = gpt.BPETokenizer.from_merges(["a b"])
    (tmp_path / "gpt2" / "vocab.json").write_text(json.dumps(pairs.vocab))
    (tmp_path / "gpt2" / "merges.txt").write_text("#version: 0.2\na b\n")
    at = paste(bench.open(PAGE), "abab cdcd! " * 50)
    by_key(at.button, f"{PAGE}_pairs_learn").click().run()
    assert "GPT-2 (V = 258): 450 tokens" in said(at) and not at.exception


def test_tokens_are_counted_in_the_text_itself():
    pairs = gpt.BPETokenizer.from_merges(["a b"])
    found = frames.token_counts([("byte pairs", pairs)], "abab é")
    assert found.iloc[0].to_dict() == {
        "kind": "byte pairs", "vocabulary": 258, "tokens": 5, "characters": 6 / 5, "read": 6
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "words"), [("drop", "6 characters went in, 5 came back"), ("error", "never had '★'")]
)
def test_strangers_are_named_with_their_place_and_what_is_done(bench, choice, words):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.text_input, f"{PAGE}_sentence").set_value("five ★").run()
    assert any("‘★’ (BLACK STAR) at position 5" in box.value for box in at.warning)
    by_key(at.button_group, f"{PAGE}_unknown").set_value(choice).run()
    assert any(words in box.value for box in [*at.warning, *at.error])
    assert not at.exception


def test_a_sentence_of_strangers_only_is_no_crash(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.text_input, f"{PAGE}_sentence").set_value("★").run()
    assert not at.exception
    by_key(at.text_input, f"{PAGE}_sentence").set_value("").run()
    assert not at.exception


def test_a_pasted_text_becomes_the_text_of_all_pages(bench):  # noqa: F811
    at = paste(bench.open(PAGE), "abab cdcd " * 50)
    assert not at.exception
    assert "500 characters, 5 different ones" in said(at)
    assert by_key(at.text_area, f"{PAGE}_paste").value == ""
    at.switch_page("pages/bigram.py").run()
    assert "5 × 5 counts" in said(at)


def test_the_address_finds_a_pasted_text_again(bench):  # noqa: F811
    """It once carried the title of the text, by which no other session could find it."""
    at = paste(bench.open(PAGE), "abab cdcd " * 50)
    sha256 = gpt.corpus_from_text("abab cdcd " * 50).sha256
    assert at.query_params["text"] in (sha256, [sha256])
    other = bench.open(PAGE, text=sha256)
    assert "500 characters, 5 different ones" in said(other)
    other.switch_page("pages/bigram.py").run()
    other.switch_page(f"pages/{PAGE}.py").run()
    assert "500 characters, 5 different ones" in said(other)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.txt", b"", "0 of at least 20 characters"),
        ("one.txt", b"x", "1 of at least 20 characters"),
        ("large.txt", b"ab\n" * 7_000_000, "the limit is 20 MB"),
        ("binary.txt", b"\x00\x01" * 100, "not a text file"),
        ("latin.txt", "Grüße".encode("latin-1"), "not UTF-8"),
        ("all.txt", "".join(map(chr, range(0x4E00, 0x5FFF))).encode(), "different characters"),
    ],
)
def test_a_bad_upload_gets_one_sentence_and_loses_nothing(bench, name, data, words):  # noqa: F811
    at = paste(bench.open(PAGE), "abab cdcd " * 50)
    by_key(at.text_area, f"{PAGE}_paste").set_value("not used yet").run()
    upload(at, name, data)
    assert not at.exception
    assert len(at.error) == 1 and re.search(words, at.error[0].value)
    assert "500 characters, 5 different ones" in said(at)
    assert by_key(at.text_area, f"{PAGE}_paste").value == "not used yet"


def test_a_good_upload_is_used(bench):  # noqa: F811
    at = upload(bench.open(PAGE), "mine.txt", "\ufeff".encode() + "Grüße\r\n".encode() * 40)
    assert not at.exception and not at.error
    assert "**mine.txt**: 240 characters, 6 different ones" in said(at)


def test_the_shortest_text_still_fills_the_longest_window(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.slider, f"{PAGE}_T").set_value(16)
    paste(at, "a" * own_text.MIN_CHARACTERS)
    assert not at.exception and "shape (B=2, T=16)" in said(at)


SHORT = {
    "one": "a" * 20,
    "newlines": "\n" * 25,
    "two": "ab" * 10,
    "one, then another": "a" * 19 + "b",
    "all different": "abcdefghijklmnopqrst",
}


@pytest.mark.parametrize("short", SHORT.values(), ids=SHORT)
def test_what_is_said_of_a_very_short_text_holds(bench, short):  # noqa: F811
    """Of 20 times the same character it was said that several really do follow after “t”, that a
    loss is -0.00, and that all 1 characters look alike."""
    sha256 = bench.store.save_text(short)["sha256"]
    words = "\n".join(said(bench.open(page, text=sha256)) for page in ("home", PAGE, "bigram"))
    one = len(set(short)) == 1
    assert "-0.0" not in words and "after “t”" not in words and "1 different" not in words
    assert ("all the same one" in words) == ("single character" in words) == one
    assert "always followed by the same one" in words


def test_byte_pairs_of_a_text_without_words_are_told_as_they_are(bench):  # noqa: F811
    """“1!” occurs a hundred times and is never merged; two of 257 tokens occur in the text."""
    sha256 = bench.store.save_text("1!" * 100)["sha256"]
    at = bench.open(PAGE, text=sha256, tokenizer="bpe-512")
    assert "cut into 200 tokens of a vocabulary of 257" in said(at)
    by_key(at.button, f"{PAGE}_pairs_learn").click().run()
    assert any(box.value.startswith("No two neighbours in a word") for box in at.info)


def test_the_token_that_several_follow(own_folders, monkeypatch):
    def of(words):
        corpus = gpt.corpus_from_text(words)
        monkeypatch.setattr(cache, "_pasted", lambda name, sha256: corpus)
        found = cache.branching("mine", corpus.sha256)
        return (
            None if found is None else cache.text("mine", corpus.sha256).tokenizer.decode([found])
        )

    assert of("to take the tea " * 9) == "t"
    assert of("abac" * 9) == "a" and of("tata" * 9) is None


def test_a_full_disk_is_told(bench, monkeypatch):  # noqa: F811
    def full(text, name):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_text.text, "use", full)
    at = paste(bench.open(PAGE), "abab cdcd " * 50)
    assert not at.exception
    assert any("Free some disk space" in box.value for box in at.error)


def test_a_target_stands_where_it_stands_in_the_text_and_nothing_beyond_its_ends():
    ids = np.array([0, 1, 2, 3, 4, 5], dtype=np.int32)
    cells = frames.window_cells(ids, [0, 2], 3, list("abcdef"), around=6)
    assert cells["position"].min() == 0 and cells["position"].max() == 5
    for b, place in ((1, 0), (2, 2)):
        mine = cells[cells["row"] == f"{b} target"]
        assert mine["position"].tolist() == [place + 1, place + 2, place + 3]
        assert mine["character"].tolist() == list("abcdef"[place + 1 : place + 4])
        assert (cells["offset"] == cells["position"] - place)[mine.index].all()


@pytest.mark.parametrize("task", TOYS)
def test_each_toy_task_is_offered_with_an_example_and_becomes_the_text(bench, task):  # noqa: F811
    at = bench.open(PAGE)
    toy = TOYS[task]
    assert f"{toy.summary}, as in `{toy.example}`" in said(at)
    by_key(at.button, f"{PAGE}_toy_{task}").click().run()
    assert not at.exception and not at.error
    assert by_key(at.selectbox, "text").value == task
    assert f"{len(gpt.load_corpus(task)):,} characters" in said(at)
    assert any(toy.example in caption.value for caption in at.sidebar.caption)
