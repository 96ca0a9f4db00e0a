"""GPT-2's tokenizer against the one of `transformers`, on byte pairs learnt from a small text."""

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.errors import CheckpointError, TextError
from gpt.tokenizers import GPT2Tokenizer, tokenizer_from_dict
from gpt.tokenizers.byte_pairs import LETTERS
from tests.gpt.helpers import TEXT

PROSE = (
    TEXT
    + "They're 12 o'clock, we'll see; I'd say it's the 3rd — naïve Übergröße, 日本語 🙂.\n\n" * 9
)
STRINGS = [
    "", " ", "  two  spaces ", "\n\n\n x", "don't DON'T we'll've", "a1b22 c_d", "tail   ",
    "日本語のテキスト", "e\u0301 é ñ", "👩‍👩‍👧 🙂🙃", "½ ² ⅷ ٣", "\x00\x1c\x85\xa0\u3000\u200b",
    "x<|endoftext|>y <|endoftext|>", "مرحبا بالعالم", "'s 's't", PROSE,
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tokenizers import ByteLevelBPETokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        [PROSE], vocab_size=340, special_tokens=["<|endoftext|>"], show_progress=False
    )
    tokenizer.save_model(str(folder))
    return folder


@pytest.fixture(scope="module")
def theirs(folder):
    from transformers import GPT2Tokenizer

    return GPT2Tokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def ours(folder):
    return GPT2Tokenizer.from_folder(folder)


@pytest.mark.parametrize("text", STRINGS, ids=lambda t: repr(t)[:16])
def test_ids_and_text_are_those_of_transformers(ours, theirs, text):
    ids = ours.encode(text)
    assert ids == theirs.encode(text)
    assert ours.decode(ids) == theirs.decode(ids) == text


@given(text=st.text(max_size=40))
def test_any_text_is_cut_as_transformers_cuts_it(ours, theirs, text):
    assert ours.encode(text) == theirs.encode(text)
    assert ours.decode(ours.encode(text)) == text


@given(ids=st.lists(st.integers(0, 339), max_size=12))
def test_any_ids_are_read_as_transformers_reads_them(ours, theirs, ids):
    """Bytes that make no character become the same signs."""
    assert ours.decode(ids) == theirs.decode(ids)


def test_every_kind_of_character_is_cut_alike(ours, theirs):
    """Letters, digits, spaces and signs of all scripts, before, after and beside each other."""
    for code in [*range(0x250), *range(0x250, 0x20000, 97)]:
        if unicodedata.category(chr(code)) not in ("Cn", "Cs"):
            c = chr(code)
            text = f"a{c}b1{c} {c}{c}  {c}'{c}s x"
            assert ours.encode(text) == theirs.encode(text), hex(code)


def test_the_newer_single_file_holds_the_same(ours, theirs, tmp_path):
    theirs.save_pretrained(tmp_path)
    assert not (tmp_path / "vocab.json").exists()
    again = GPT2Tokenizer.from_folder(tmp_path)
    assert again.vocab == ours.vocab and again.merges == ours.merges


def test_it_fits_the_protocol(ours):
    assert ours.vocab_size == 340 and len(ours.tokens) == 340
    assert ours.encode_array("3 times").dtype == np.int32
    assert [ours.tokens[i] for i in ours.encode("3 times 7")] == ["3", " times", " 7"]
    again = tokenizer_from_dict(json.loads(json.dumps(ours.to_dict())))
    assert isinstance(again, GPT2Tokenizer) and again.encode(PROSE) == ours.encode(PROSE)


def test_half_characters_are_named_dropped_or_replaced(ours):
    text = "ab\ud800c"
    with pytest.raises(TextError, match="half a character") as error:
        ours.encode(text)
    assert "at position 2" in str(error.value)
    assert ours.decode(ours.encode(text, "drop")) == "abc"
    assert ours.decode(ours.encode(text, "replace")) == "ab�c"
    assert [u.position for u in ours.unknown(text)] == [2] and not ours.unknown("日本🙂")
    with pytest.raises(TextError, match="error, drop, replace"):
        ours.encode("a", "ignore")


@pytest.mark.parametrize("wrong", [-1, 340])
def test_an_id_outside_the_vocabulary_is_refused(ours, wrong):
    with pytest.raises(TextError, match=f"0 to 339, got {wrong}"):
        ours.decode([0, wrong])


BYTES = {letter: i for i, letter in enumerate(LETTERS)}


def test_bytes_alone_are_a_tokenizer():
    tokenizer = GPT2Tokenizer(BYTES, [])
    assert tokenizer.encode("é🙂<|endoftext|>") == list("é🙂<|endoftext|>".encode())


@pytest.mark.parametrize(
    ("vocab", "merges", "words"),
    [
        (BYTES | {"xx": 300}, [], "without a gap"),
        ({k: v for k, v in BYTES.items() if v < 255}, [], "lacks 'ÿ'"),
        (BYTES, ["a b"], "lacks 'ab'"),
    ],
)
def test_a_damaged_vocabulary_is_refused(vocab, merges, words):
    with pytest.raises(CheckpointError, match=words):
        GPT2Tokenizer(vocab, merges)


@pytest.mark.parametrize(
    ("name", "content"),
    [("vocab.json", "{"), ("vocab.json", "[1]"), ("merges.txt", "\xff"), ("tokenizer.json", "{}")],
)
def test_damaged_files_are_refused(folder, tmp_path, name, content):
    if name != "tokenizer.json":
        for file in folder.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(CheckpointError, match="damaged"):
        GPT2Tokenizer.from_folder(tmp_path)


def test_a_tokenizer_of_another_kind_is_refused(theirs, tmp_path):
    theirs.save_pretrained(tmp_path)
    contents = json.loads((tmp_path / "tokenizer.json").read_text())
    contents["pre_tokenizer"]["add_prefix_space"] = True
    (tmp_path / "tokenizer.json").write_text(json.dumps(contents))
    with pytest.raises(CheckpointError, match="not a tokenizer of GPT-2's kind"):
        GPT2Tokenizer.from_folder(tmp_path)
