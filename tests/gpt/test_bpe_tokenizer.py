"""Learning byte pairs against `tokenizers` and `tiktoken`, and a GPT that is trained on them."""

import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpt
from gpt.errors import CheckpointError, ConfigError
from gpt.tokenizers import BPETokenizer, learn_merges, tokenizer_from_dict, train_tokenizer
from gpt.tokenizers.byte_pairs import END_OF_TEXT, LETTERS, RULES, merge_pair, pieces
from tests.gpt.helpers import CORPUS, MODEL, TEXT, TRAIN

# As GPT-2 and GPT-4 (cl100k_base) have published them.
PATTERNS = {
    "gpt2": r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+""",
    "gpt4": r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"""
    r"""| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
}
SPICE = "They're 12 o'clock, we'LL see; the 3rd — naïve Übergröße, 日本語 🙂🙃.\r\n\n  \n" * 9
# Only characters that this Python's Unicode has: a later one may call them letters.
texts = st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=40)
PROSE = gpt.load_corpus("python_docs").text[:60_000] + SPICE
STRINGS = [
    "", " ", "  two  spaces ", "\n\n\n x", "\r\n\r\n a", "don't DON'T we'll've 'ſ x'ſy", "1234567",
    "a1b22 c_d", "tail   ", "日本語のテキスト", "e\u0301 é ñ", "👩‍👩‍👧 🙂🙃", "½ ² ⅷ ٣٣٣٣",
    "\x00\x1c\x85\xa0\u3000\u200b", "x<|endoftext|>y <|endoftext|>", "!!!\n\n?\n", PROSE,
]  # fmt: skip


def theirs(text, vocab_size, rule="gpt2"):
    """`tokenizers`' byte-level BPE, trained on the same text."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    cut = pre_tokenizers.Split(Regex(PATTERNS[rule]), "isolated")
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([cut, letters])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([text], trainer)
    return made


def merges_of(made):
    return [" ".join(pair) for pair in json.loads(made.to_str())["model"]["merges"]]


@pytest.fixture(scope="module", params=list(RULES))
def both(request):
    """Ours and theirs, by each rule for pieces."""
    ours = BPETokenizer.train(PROSE, 1024, request.param)
    return ours, theirs(PROSE, 1024, request.param)


def test_merges_and_ids_are_those_of_tokenizers(both):
    ours, peer = both
    assert ours.merges == merges_of(peer) and len(ours.merges) == 1024 - 257
    assert ours.vocab == peer.get_vocab() and ours.vocab_size == 1024
    for text in STRINGS:
        assert ours.encode(text) == peer.encode(text).ids
        assert ours.decode(ours.encode(text)) == text


@given(text=texts)
def test_any_text_comes_back_and_is_cut_as_tokenizers_cuts_it(both, text):
    ours, peer = both
    assert ours.encode(text) == peer.encode(text).ids
    assert ours.decode(ours.encode(text)) == text


@pytest.mark.parametrize("seed", range(12))
def test_many_ties_are_resolved_as_tokenizers_resolves_them(seed):
    """Few letters in short words: most pairs are as frequent as another."""
    draw = random.Random(seed)
    text = " ".join("".join(draw.choices("abcé", k=draw.randint(1, 6))) for _ in range(80))
    assert BPETokenizer.train(text, 300).merges == merges_of(theirs(text, 300))


def test_ids_are_those_of_tiktoken_given_the_same_ranks(both):
    tiktoken = pytest.importorskip("tiktoken")
    ours, _ = both
    special = {END_OF_TEXT: ours.vocab[END_OF_TEXT]}
    ranks = {
        token: i
        for i, token in enumerate(map(ours.bytes_of, range(1024)))
        if i not in special.values()
    }
    peer = tiktoken.Encoding(
        "ours", pat_str=PATTERNS[ours.rule], mergeable_ranks=ranks, special_tokens=special
    )
    for text in STRINGS:
        assert ours.encode(text) == peer.encode(text, allowed_special="all")


@given(text=texts)
@pytest.mark.parametrize("rule", list(RULES))
def test_pieces_are_those_of_the_published_pattern(rule, text):
    import regex

    assert list(pieces(text, rule)) == regex.findall(PATTERNS[rule], text)


def test_merges_are_told_as_they_are_learnt():
    """Counted by hand: "low" three times in "low lower lowest", each "ow" with it."""
    told = list(learn_merges("low lower lowest low\n", 3))
    assert [(m.rank, m.pair, m.count) for m in told] == [
        (0, ("l", "o"), 4),
        (1, ("lo", "w"), 4),
        (2, ("Ġ", "low"), 3),
    ]
    assert merge_pair(list("aaab"), ("a", "a"), "aa") == ["aa", "a", "b"]


def test_the_first_merges_are_those_of_a_smaller_vocabulary():
    large, small = BPETokenizer.train(TEXT, 320), BPETokenizer.train(TEXT, 280)
    assert BPETokenizer.from_merges(large.merges[: 280 - 257]).vocab == small.vocab


def test_learning_ends_where_no_pair_comes_twice():
    assert list(learn_merges("abcd", 50)) == []
    assert BPETokenizer.train("", 400).vocab_size == 257


def test_special_tokens_are_one_token_and_no_merge_reaches_over_them():
    text = f"ab{END_OF_TEXT}ab<s>" * 5
    tokenizer = BPETokenizer.train(text, 300, special_tokens=(END_OF_TEXT, "<s>"))
    assert tokenizer.encode(f"ab{END_OF_TEXT}ab<s>")[1::2] == [0, 1]
    assert tokenizer.merges == ["a b"]
    assert BPETokenizer.train(text, 300, special_tokens=()).vocab_size > 258
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", ["a🙂é", "日本", " ½x", ""])
def test_tokens_of_one_character_are_grouped(text):
    tokenizer = BPETokenizer.train("", 257)
    ids = tokenizer.encode(text)
    assert [tokenizer.decode(group) for group in tokenizer.groups(ids)] == list(text)
    whole = BPETokenizer.train(SPICE, 400)
    assert [i for group in whole.groups(whole.encode(SPICE)) for i in group] == whole.encode(SPICE)
    assert tokenizer.groups(tokenizer.encode("🙂")[:2]) == [tokenizer.encode("🙂")[:2]]


def test_it_fits_the_protocol(tmp_path):
    tokenizer = train_tokenizer(TEXT, "bpe", 290)
    assert len(tokenizer.tokens) == tokenizer.vocab_size == 290
    assert tokenizer.tokens[tokenizer.start] == "\n" and tokenizer.encode_array("3").ndim == 1
    write = tokenizer.decoder()
    ids = tokenizer.encode("3 é🙂")
    assert "".join(write(i, False) for i in ids) == "3 é🙂"
    tokenizer.save(tmp_path / "bpe.json")
    again = BPETokenizer.load(tmp_path / "bpe.json")
    same = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert again.vocab == same.vocab == tokenizer.vocab and isinstance(same, BPETokenizer)
    assert train_tokenizer(TEXT).tokens == gpt.CharTokenizer.train(TEXT).tokens
    assert train_tokenizer(PROSE, "bpe").vocab_size == 1024


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bpe", 256), "between 257"),
        (("bpe", 70_000), "and 65536"),
        (("words", 300), "Known: character, bpe"),
        (("character", 300), "leave it out"),
    ],
)
def test_what_cannot_be_trained_is_refused(arguments, words):
    with pytest.raises(ConfigError, match=words):
        train_tokenizer(TEXT, *arguments)


def test_an_unknown_rule_and_an_empty_special_token_are_refused():
    with pytest.raises(ConfigError, match="gpt2, gpt4"):
        BPETokenizer.train(TEXT, 300, "gpt5")
    with pytest.raises(ConfigError, match="must not be empty"):
        BPETokenizer.train(TEXT, 300, special_tokens=("",))


@pytest.mark.parametrize(
    "damaged",
    [{"merges": ["q zz"]}, {"merges": ["a"]}, {"merges": ["a b c"]}, {"rule": "x"}],
)
def test_a_damaged_description_is_refused(damaged):
    with pytest.raises(CheckpointError):
        BPETokenizer.from_dict(BPETokenizer.train(TEXT, 260).to_dict() | damaged)


def test_a_gpt_learns_byte_pairs_and_is_kept_with_them(tmp_path):
    tokenizer = BPETokenizer.train(TEXT, 290)
    model = gpt.build_model(MODEL, tokenizer.vocab_size, 1)
    config = replace(TRAIN, max_steps=40, eval_interval=40, learning_rate=0.01)
    events = list(gpt.train(model, CORPUS, tokenizer, config, "cpu"))
    losses = [e.val_loss for e in events if isinstance(e, gpt.Evaluation)]
    assert losses[-1] < losses[0] < math.log(tokenizer.vocab_size) + 0.5
    preset = gpt.Preset("tiny", "Tiny", "", MODEL, config)
    gpt.save_checkpoint(tmp_path, model, tokenizer, preset)
    again, same, _ = gpt.load_checkpoint(tmp_path)
    text = gpt.generate(model, tokenizer, "3 é", 20, seed=1)
    assert text.startswith("3 é") and gpt.generate(again, same, "3 é", 20, seed=1) == text
    assert len(gpt.generate(again, same, "", 5, seed=1)) > 0


def test_both_tokenizers_are_tested_on_the_same_characters():
    """So that bits per character can be compared: 90 % of the tokens end elsewhere."""
    import torch

    for tokenizer in (gpt.CharTokenizer.train(TEXT), BPETokenizer.train(TEXT, 300)):
        splits = gpt.encode_splits(tokenizer, TEXT, 8, torch.device("cpu"))
        assert tokenizer.decode(splits["val"].tolist()) == gpt.split(TEXT)[1]


def test_reference_losses_are_those_of_counting():
    tokenizer = BPETokenizer.train(TEXT, 290)
    train, val = (tokenizer.encode_array(part) for part in gpt.split(TEXT))
    V = tokenizer.vocab_size
    counts = dict.fromkeys(range(V), 0.01)
    for i in train.tolist():
        counts[i] += 1
    total = sum(counts.values())
    by_hand = -np.mean([math.log(counts[i] / total) for i in val.tolist()])
    assert gpt.unigram_loss(train, val, V) == pytest.approx(by_hand)
    assert gpt.bigram_counts(train, V).sum() == len(train) - 1
    assert gpt.bigram_loss(train, val, V) < gpt.unigram_loss(train, val, V) < gpt.uniform_loss(V)


def test_bytes_alone_read_every_byte():
    tokenizer = BPETokenizer.train("", 256, special_tokens=())
    assert sorted(tokenizer.vocab) == sorted(LETTERS)
    assert tokenizer.decode(tokenizer.encode("é")) == "é" and len(tokenizer.encode("é")) == 2
