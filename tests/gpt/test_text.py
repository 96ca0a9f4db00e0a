import hashlib
import http.client
import io
import urllib.error

import pytest

from gpt import text as gpt_text
from gpt.errors import TextError
from gpt.text import CORPORA, corpus_from_text, decode_bytes, is_local, load_corpus, split
from gpt.toys import TOYS


def test_a_pasted_text_is_kept_as_it_is():
    corpus = corpus_from_text("to be, or not")
    assert (corpus.name, corpus.text, len(corpus)) == ("pasted", "to be, or not", 13)
    assert corpus.sha256 == hashlib.sha256(b"to be, or not").hexdigest()


BAD_TEXTS = [
    ("", "length of 0"),
    ("a", "length of 1"),
    ("ä" * 10_000_001, "20.0 MB"),
    ("half a \ud83d smile", "surrogate"),
]


@pytest.mark.parametrize(("text", "words"), BAD_TEXTS, ids=["empty", "one", "large", "surrogate"])
def test_a_text_that_cannot_be_learned_is_refused(text, words):
    with pytest.raises(TextError, match=words) as error:
        corpus_from_text(text)
    assert "\n" not in str(error.value)


BAD_BYTES = [
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file"),
    ("Übung".encode("latin-1"), "not UTF-8 text \\(byte 0xdc at position 0\\)"),
    (b"a" * 20_000_001, "20.0 MB"),
]


@pytest.mark.parametrize(("data", "words"), BAD_BYTES, ids=["binary", "latin-1", "large"])
def test_a_file_that_is_no_text_is_refused_by_name(data, words, tmp_path):
    with pytest.raises(TextError, match=f"^mine.txt is .*{words}"):
        decode_bytes(data, "mine.txt")
    (tmp_path / "mine.txt").write_bytes(data)
    with pytest.raises(TextError, match=words):
        load_corpus(tmp_path / "mine.txt")


def test_a_file_loses_its_byte_order_mark_and_windows_line_ends(tmp_path):
    (tmp_path / "poem.txt").write_bytes(b"\xef\xbb\xbfeins\r\nzwei")
    corpus = load_corpus(tmp_path / "poem.txt")
    assert (corpus.name, corpus.text) == ("poem.txt", "eins\nzwei")


@pytest.mark.parametrize("name", ["", "no such text", "\0", "x" * 5000, "/"])
def test_what_is_not_there_is_a_sentence(name):
    with pytest.raises(TextError, match="no corpus or file"):
        load_corpus(name)


def test_a_misspelt_corpus_names_the_nearest():
    with pytest.raises(TextError, match="Did you mean 'tinyshakespeare'"):
        load_corpus("tinyshakespear")


def test_python_docs_need_no_network():
    corpus = load_corpus("python_docs")
    assert len(corpus) > 300_000 and is_local("python_docs")
    assert corpus.sha256 == load_corpus("python_docs").sha256


def test_gpt_data_is_looked_in_first(tmp_path, monkeypatch):
    (tmp_path / "song.txt").write_text("la la la")
    monkeypatch.setenv("GPT_DATA", str(tmp_path))
    assert load_corpus("song").text == load_corpus("song.txt").text == "la la la"


@pytest.mark.parametrize(("n", "expected"), [(10, 9), (11, 9), (1000, 900), (2, 1)])
def test_the_last_tenth_is_held_out(n, expected):
    train, val = split(list(range(n)))
    assert train == list(range(expected)) and val == list(range(expected, n))


# --- Tiny Shakespeare: a stand-in text, so that no test needs the real one ----------------------

PLAY = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


@pytest.fixture
def play(monkeypatch):
    monkeypatch.setattr(gpt_text, "TINYSHAKESPEARE_SHA256", hashlib.sha256(PLAY).hexdigest())


def answer_with(monkeypatch, data):
    """Let the address answer with `data`, or raise it; returns the list of requests."""
    asked = []

    def urlopen(url, timeout):
        asked.append(url)
        if isinstance(data, Exception):
            raise data
        return io.BytesIO(data)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return asked


def test_tiny_shakespeare_is_fetched_once(play, monkeypatch):
    asked = answer_with(monkeypatch, PLAY)
    assert not is_local("tinyshakespeare")
    assert load_corpus("tinyshakespeare").text == load_corpus("tinyshakespeare").text
    assert asked == [gpt_text.TINYSHAKESPEARE_URL] and is_local("tinyshakespeare")
    assert [p.name for p in (gpt_text.cache_folder() / "tinyshakespeare").iterdir()] == [
        "input.txt"
    ]


def test_gpt_data_goes_before_the_network(play, monkeypatch, tmp_path):
    asked = answer_with(monkeypatch, PLAY)
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt").write_bytes(PLAY)
    monkeypatch.setenv("GPT_DATA", str(tmp_path))
    assert load_corpus("tinyshakespeare").text == PLAY.decode() and asked == []


def test_a_changed_file_in_gpt_data_is_not_taken(play, monkeypatch, tmp_path):
    asked = answer_with(monkeypatch, PLAY)
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt").write_bytes(b"something else")
    monkeypatch.setenv("GPT_DATA", str(tmp_path))
    assert load_corpus("tinyshakespeare").text == PLAY.decode() and len(asked) == 1


def test_a_wrong_answer_is_refused_and_not_kept(monkeypatch):
    answer_with(monkeypatch, b"<html>Please log in to this network</html>")
    with pytest.raises(TextError, match="not the known text"):
        load_corpus("tinyshakespeare")
    assert not is_local("tinyshakespeare")


FAILURES = [
    urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")),
    TimeoutError("timed out"),
    http.client.IncompleteRead(b"Fir"),
    http.client.BadStatusLine("hello"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
def test_no_network_says_what_to_do(failure, monkeypatch):
    answer_with(monkeypatch, failure)
    with pytest.raises(TextError, match=r"could not be fetched .*choose python_docs"):
        load_corpus("tinyshakespeare")


def test_the_tests_themselves_have_no_network():
    with pytest.raises(TextError, match="tests have no network"):
        load_corpus("tinyshakespeare")


def test_every_named_corpus_is_described():
    assert set(CORPORA) == {"tinyshakespeare", "python_docs", *TOYS}
    assert all(load_corpus(name) for name in CORPORA if is_local(name))
