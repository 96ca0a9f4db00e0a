"""Text written in a thread: whole, repeatable, stoppable, and never for nobody."""

import time

import pytest

import gpt
from explorer import writing
from explorer.writing import Writing
from gpt.tokenizers.byte_pairs import LETTERS


@pytest.fixture(scope="module")
def small():
    tokenizer = gpt.CharTokenizer.train("hello world\n")
    config = gpt.ModelConfig(block_size=16, n_embd=16, n_head=2, n_layer=2)
    return gpt.build_model(config, tokenizer.vocab_size).eval(), tokenizer


def test_it_writes_what_generate_writes(small):
    model, tokenizer = small
    work = Writing(model, tokenizer, "he", 40, 0.8, seed=3)
    work.wait(30)
    assert not work.running
    assert work.text == gpt.generate(model, tokenizer, "he", 40, 0.8, seed=3)
    assert work.done == 40 and work.so_far == (work.text, work.tokens[-1])
    assert work.per_second > 0


@pytest.fixture(scope="module")
def byte_level():
    """A model whose tokens are bytes, so that most of what it draws is parts of characters."""
    tokenizer = gpt.GPT2Tokenizer({letter: i for i, letter in enumerate(LETTERS)}, [])
    config = gpt.ModelConfig(block_size=16, n_embd=16, n_head=2, n_layer=2)
    return gpt.build_model(config, tokenizer.vocab_size, seed=2).eval(), tokenizer


@pytest.mark.parametrize("known, text", [(0, "a"), (1, "a"), (3, "a"), (4, "a🙂"), (5, "a🙂b")])
def test_a_character_is_shown_when_its_last_token_is_drawn(byte_level, known, text):
    drawn = byte_level[1].encode("🙂b")[:known]
    work = Writing(*byte_level, "a", 0, drawn=drawn)
    work.wait(30)
    assert (work.text, work.written, work.drawn) == (text, text[1:], drawn)


def test_one_token_at_a_time_is_the_same_text(byte_level):
    """Half a character was once shown as a question mark, which the model then read."""
    whole = Writing(*byte_level, "a", 12, temperature=0.0)
    whole.wait(30)
    assert "\ufffd" in byte_level[1].decode(whole.drawn[:1])
    step = Writing(*byte_level, "a", 0)
    for _ in range(12):
        step = Writing(*byte_level, "a", 1, temperature=0.0, drawn=step.drawn, tokens=step.tokens)
        step.wait(30)
    assert (step.drawn, step.text) == (whole.drawn, whole.text)
    assert [t.text for t in step.tokens] == [t.text for t in whole.tokens]


def test_stop_ends_it_early_and_keeps_what_is_written(small):
    work = Writing(*small, "he", 100_000)
    work.stop()
    work.wait(30)
    assert not work.running
    assert 0 < work.done < 100_000


def test_a_text_that_nobody_looks_at_ends_by_itself(small, monkeypatch):
    monkeypatch.setattr(writing, "ABANDONED_AFTER", 0.05)
    work = Writing(*small, "he", 1_000_000)
    work._thread.join(30)
    assert not work._thread.is_alive()
    assert work.done < 1_000_000


def test_an_error_while_writing_is_told(small, monkeypatch):
    model, tokenizer = small

    def broken(*args, **more):
        raise RuntimeError("no more ink")
        yield

    monkeypatch.setattr(gpt, "stream", broken)
    work = Writing(model, tokenizer, "he", 10)
    work.wait(30)
    assert work.error == "no more ink"


def test_asking_whether_it_runs_keeps_it_alive(small, monkeypatch):
    monkeypatch.setattr(writing, "ABANDONED_AFTER", 0.5)
    work = Writing(*small, "he", 1_000_000)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert work.running
        time.sleep(0.02)
    work.stop()
    work.wait(30)
