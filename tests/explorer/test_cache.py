"""A text in its tokens: cut before it is encoded, measured in characters, found by its key."""

import math

import numpy as np
import pytest
import torch

import gpt
from explorer import cache, controls, differences, engine, frames
from explorer.panels import text as texts
from explorer.runs import RunStore


@pytest.fixture
def pasted(tmp_path, monkeypatch):
    """Keeps a learner's text and gives its name and SHA-256."""
    store = RunStore(tmp_path)
    monkeypatch.setattr(engine, "store", lambda: store)

    def keep(text):
        store.save_text(text, "mine")
        return "mine", gpt.corpus_from_text(text).sha256

    return keep


def test_the_text_of_characters_is_what_it_was_before_there_were_others():
    text, corpus = cache.text("python_docs"), gpt.load_corpus("python_docs")
    ids = gpt.CharTokenizer.train(corpus.text).encode_array(corpus.text)
    assert np.array_equal(np.concatenate([text.train_ids, text.val_ids]), ids)
    assert len(text.train_ids) == len(gpt.split(ids)[0])
    assert list(text.references)[1] == "character frequencies"
    assert text.told == gpt.describe_run(gpt.PRESETS["bigram"], corpus)["tokenizer"]
    assert text.characters_per_token == {"train": 1.0, "validation": 1.0}
    assert cache.text("python_docs", None, "character", None) is text, "it is not made twice"


def test_byte_pairs_are_cut_and_encoded_as_training_does():
    text, corpus = cache.text("python_docs", None, "bpe", 300), gpt.load_corpus("python_docs")
    tokenizer = gpt.train_tokenizer(corpus.text, "bpe", 300)
    trained = gpt.encode_splits(tokenizer, corpus.text, 8, torch.device("cpu"))
    assert text.tokenizer.merges == tokenizer.merges and text.vocab_size == 300
    assert np.array_equal(text.train_ids, trained["train"].numpy())
    assert np.array_equal(text.val_ids, trained["val"].numpy())
    assert "token frequencies" in text.references and (text.unit, text.tokens) == (
        "token",
        "bpe-300",
    )


def test_bits_per_character_are_those_of_the_whole_validation_text():
    """Nats per token × tokens, spread over the characters that they were cut from."""
    text = cache.text("python_docs", None, "bpe", 300)
    loss = text.references["knows nothing (ln V)"]
    losses = frames.compared_runs(["a"], [[{"step": 1, "val_loss": loss, "train_loss": 1.0}]], None)
    bits = frames.in_bits(losses, {"a": text.characters_per_token})["validation"][0]
    written = text.tokenizer.decode(text.val_ids)
    assert bits == pytest.approx(len(text.val_ids) * math.log2(300) / len(written))


def test_runs_whose_text_is_not_here_are_left_out_of_a_chart_in_bits():
    events = [{"step": 1, "val_loss": math.log(2), "train_loss": math.log(4)}]
    losses = frames.compared_runs(["a", "b"], [events, events], None)
    bits = frames.in_bits(losses, {"b": {"train": 2.0, "validation": 4.0}})
    assert bits[["run", "train", "validation"]].to_numpy().tolist() == [["b", 1.0, 0.25]]


def test_a_text_too_short_for_byte_pairs_is_refused_with_the_remedy(pasted):
    """All of it became one token, and the mean over no pairs was not a number."""
    key = pasted("a" * 20)
    assert cache.text(*key).vocab_size == 1
    with pytest.raises(gpt.TextError, match="use a longer text, or characters as tokens"):
        cache.text(*key, "bpe", 300)


def test_a_vocabulary_ends_where_no_pair_occurs_twice(pasted):
    text = cache.text(*pasted("to be or not to be, " * 30), "bpe", 2048)
    assert text.vocab_size < 2048 and text.tokens == "bpe-2048"


def test_the_text_of_a_run_is_found_again_with_its_own_tokens(pasted):
    key = pasted("to be or not to be, that is the question " * 20)
    characters, pairs = cache.text(*key), cache.text(*key, "bpe", 300)
    preset = gpt.PRESETS["bigram"]
    for text in (characters, pairs):
        spec = gpt.describe_run(preset, text.corpus, tokenizer=text.told)
        assert differences.tokenizer_of(spec) == text.tokens
        assert texts.of_run(spec, characters) is texts.of_run(spec, pairs) is text
    assert texts.key_of(pairs) == (*key, "bpe", 300)
    old = {k: v for k, v in spec.items() if k != "tokenizer"}
    assert texts.of_run(old, pairs) is characters, "an early run read characters"
    gone = spec | {"corpus": {"name": "mine", "sha256": "0" * 64, "path": "texts/gone.txt"}}
    assert texts.of_run(gone, characters) is None
    assert texts.characters_per_token(gone, characters) is None


@pytest.mark.parametrize("end", ["\r", "\r\n", "\u2028"])
def test_a_text_with_strange_ends_of_lines_stays_itself(pasted, end):
    """Read as a text file its "\\r" became "\\n": another SHA-256, and no run was for it."""
    name, sha256 = pasted(f"to be{end}or not " * 20)
    text = cache.text(name, sha256)
    assert text.corpus.sha256 == sha256 and end in text.corpus.text


def test_a_learner_who_moves_the_sliders_does_not_fill_the_memory():
    """32 models, however large, were kept for ever, beside 32 snapshots and what was traced."""
    cache.KEPT.clear()
    sizes = {name: controls.CONTROLS[name].values[-1] for name in ("n_layer", "n_embd")}
    config = gpt.PRESETS["gpt_mini"].with_settings(sizes).model
    weights = 4 * sum(gpt.parameters_by_component(config, 65).values())
    for seed in range(6):
        model = cache.untrained(config, 65, seed, f"large {seed}")
        assert weights <= cache.KEPT.held <= cache.KEPT.most < 6 * weights
    assert cache.untrained(config, 65, 5, "large 5") is model
    cache.trace(model, tuple(range(60)), "large 5")
    assert cache.untrained(config, 65, 5, "large 5") is model and cache.KEPT.held <= cache.KEPT.most


def test_small_models_and_their_texts_stay():
    cache.KEPT.clear()
    text, config = cache.text("python_docs"), gpt.PRESETS["blocks"].model
    models = [cache.untrained(config, 65, seed, f"small {seed}") for seed in range(64)]
    for seed, model in enumerate(models):
        assert cache.untrained(config, 65, seed, f"small {seed}") is model
    assert cache.text("python_docs") is text
