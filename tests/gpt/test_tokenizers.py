import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.errors import CheckpointError, TextError
from gpt.tokenizers import CharTokenizer, tokenizer_from_dict
from gpt.tokenizers.character import PIECE
from tests.gpt.helpers import TEXT
from tests.peers import tutorial_form

HELLO = CharTokenizer.train("hello")
STRINGS = ["h", "hole", "", "oooo", TEXT, "größer 🙂 日本語\n\t", "e\u0301 is two, é is one"]


@pytest.mark.parametrize("text", STRINGS, ids=lambda t: repr(t)[:12])
def test_encoding_and_back_gives_the_text(text):
    tokenizer = CharTokenizer.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.tokens == sorted(set(text)) and tokenizer.vocab_size == len(set(text))


strings = st.text("ab \n\0é\u0301日🙂\U0010ffff\ud800")


@given(strings, strings)
def test_any_text_agrees_with_a_dictionary(training, text):
    tokenizer = CharTokenizer.train(training)
    table = {character: i for i, character in enumerate(sorted(set(training)))}
    assert tokenizer.encode(training) == [table[c] for c in training]
    assert tokenizer.encode(text, "drop") == [table[c] for c in text if c in table]
    assert [u.position for u in tokenizer.unknown(text)] == [
        i for i, c in enumerate(text) if c not in table
    ]


def test_ids_are_the_tutorials():
    train, val, vocab_size = tutorial_form.encode(TEXT)
    tokenizer = CharTokenizer.train(TEXT)
    assert tokenizer.encode(TEXT) == [*train.tolist(), *val.tolist()]
    assert tokenizer.vocab_size == vocab_size


def test_unknown_characters_are_named_with_their_place():
    with pytest.raises(TextError) as error:
        HELLO.encode("hell€ 🙂 or!")
    assert "'€' (EURO SIGN) at position 4" in str(error.value)
    assert "'🙂' (SLIGHTLY SMILING FACE) at position 6" in str(error.value)
    assert str(error.value).count("at position") == 3 and "…" in str(error.value)


def test_a_character_without_a_name_shows_its_number():
    assert HELLO.unknown("\x07")[0].name == "U+0007"


def test_unknown_characters_can_be_dropped():
    assert HELLO.decode(HELLO.encode("hallo, hello", "drop")) == "hllohello"


def test_unknown_characters_can_be_replaced_by_a_space():
    tokenizer = CharTokenizer.train("hello world")
    assert tokenizer.decode(tokenizer.encode("hello-you", "replace")) == "hello  o "
    assert HELLO.decode(HELLO.encode("x", "replace")) == "e"  # no space known: the first token


def test_a_misspelt_choice_for_unknown_is_refused():
    with pytest.raises(TextError, match="error, drop, replace"):
        HELLO.encode("hello", "ignore")


@pytest.mark.parametrize("wrong", [-1, 4])
def test_an_id_outside_the_vocabulary_is_refused(wrong):
    with pytest.raises(TextError, match=f"0 to 3, got {wrong}"):
        HELLO.decode([0, wrong])


@pytest.mark.parametrize(
    ("V", "dtype"),
    [(4, np.uint8), (255, np.uint8), (256, np.int16), (32_767, np.int16), (32_768, np.int32)],
)
def test_the_array_form_is_as_small_as_the_vocabulary_allows(V, dtype):
    """At the largest V of a type its largest number stands for the unknown."""
    tokens = [chr(0x10000 + i) for i in range(V)]
    tokenizer, text = CharTokenizer(tokens), "".join(tokens)
    ids = tokenizer.encode_array(text)
    assert ids.dtype == dtype and ids.tolist() == list(range(V))
    unknown = [chr(0xFFFF), chr(0x10000 + V), chr(0x10FFFF)]
    assert [u.character for u in tokenizer.unknown("".join(unknown) + text)] == unknown
    assert tokenizer.encode(text + unknown[1], "drop") == list(range(V))


def test_a_long_text_is_encoded_piece_by_piece_without_a_seam():
    first, second = PIECE - 1, 2 * PIECE
    text = list("hole" * (PIECE * 5 // 8))  # two and a half pieces
    text[first] = text[first + 1] = text[second] = "€"
    text = "".join(text)
    expected = ["hole".find(c) for c in text]
    tokenizer = CharTokenizer(list("hole"))
    assert [u.position for u in tokenizer.unknown(text)] == [first, first + 1, second]
    with pytest.raises(TextError, match=f"at position {second}:"):
        tokenizer.encode(text)
    assert tokenizer.encode(text, "drop") == [i for i in expected if i >= 0]
    assert tokenizer.encode(text, "replace") == [max(0, i) for i in expected]


def test_encoding_takes_a_byte_a_character_and_nothing_else():
    """It once held the text's code points, the ids and their comparison at the same time."""
    text = "hello there\n" * 400_000
    tokenizer = CharTokenizer.train(text)
    tracemalloc.start()
    ids = tokenizer.encode_array(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ids.nbytes == len(text) <= peak < 1.3 * len(text)


def test_a_tokenizer_survives_a_file(tmp_path):
    HELLO.save(tmp_path / "tokens.json")
    assert CharTokenizer.load(tmp_path / "tokens.json").tokens == HELLO.tokens
    again = tokenizer_from_dict(json.loads(json.dumps(HELLO.to_dict())))
    assert again.tokens == HELLO.tokens


@pytest.mark.parametrize("tokens", [["a", "a"], ["ab"], [""]])
def test_a_damaged_vocabulary_is_refused(tokens):
    with pytest.raises(CheckpointError, match="distinct single characters"):
        tokenizer_from_dict({"kind": "character", "tokens": tokens})


def test_an_unknown_kind_of_tokenizer_is_refused():
    with pytest.raises(CheckpointError, match="'words'"):
        tokenizer_from_dict({"kind": "words", "tokens": []})
