"""Copies from the training text, against looking for every piece."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpt
from gpt.inspection import Copy
from tests.gpt.helpers import TEXT

letters = st.text("aab é🙂\ud800", max_size=40)


def one_by_one(text, training, least):
    lengths = []
    for start in range(len(text)):
        fitting = [end for end in range(start, len(text) + 1) if text[start:end] in training]
        lengths.append(max(fitting) - start)
    whole = [
        Copy(i, n, training.find(text[i : i + n]))
        for i, n in enumerate(lengths)
        if n >= least and not (i and lengths[i - 1] > n)
    ]
    return sorted(whole, key=lambda copy: (-copy.length, copy.start))


@given(letters, letters, st.integers(1, 12))
def test_they_are_what_looking_for_every_piece_finds(text, training, least):
    assert gpt.longest_copies(text, training, least) == one_by_one(text, training, least)


def test_pieces_of_a_text_are_found_with_their_place():
    text = "xx" + TEXT[100:180] + "<new>" + TEXT[40:55]
    copies = gpt.longest_copies(text, TEXT, least=12)
    assert [(c.start, c.length) for c in copies] == [(2, 80), (87, 15)]
    assert copies[0].source == 100
    for copy in copies:
        piece = text[copy.start : copy.start + copy.length]
        assert TEXT.find(piece) == copy.source


def test_a_text_in_itself_is_one_copy():
    assert gpt.longest_copies(TEXT, TEXT) == [Copy(0, len(TEXT), 0)]


def test_no_piece_lies_inside_another_but_pieces_may_overlap():
    copies = gpt.longest_copies("abcdef", "abcd cdef bc", least=2)
    assert copies == [Copy(0, 4, 0), Copy(2, 4, 5)]


@pytest.mark.parametrize(("text", "training"), [("", TEXT), (TEXT, ""), ("", ""), ("日本", TEXT)])
def test_nothing_in_common(text, training):
    assert gpt.longest_copies(text, training, 1) == []


def test_a_copy_of_nothing_is_no_copy():
    with pytest.raises(gpt.GPTError, match="at least 1 character, got 0"):
        gpt.longest_copies("a", "a", 0)


# --- its work -----------------------------------------------------------------------------------


def work(text, training, least=16):
    """Lines that run in the file, each counted with the elements of the arrays it can reach.

    (Of an array no more than both texts have: a table of fixed size is no work that grows.)
    """
    done, most = 0, len(text) + len(training)

    def count(frame, event, _):
        nonlocal done
        if not frame.f_code.co_filename.endswith("copies.py"):
            return None
        if event == "line":
            arrays = [
                min(v.size, most) for v in frame.f_locals.values() if isinstance(v, np.ndarray)
            ]
            done += 1 + sum(arrays)
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        gpt.longest_copies(text, training, least)
    finally:
        sys.settrace(before)
    return done


@pytest.mark.parametrize("period", ["a", "abc", "the same line again and again\n"])
def test_what_repeats_costs_both_lengths_added_not_multiplied(period):
    """Each of N characters was once compared with each of M: two pages of one letter took minutes
    to find in a training text of the same letter."""
    text, training = (period * 3000)[:300], (period * 3000)[:3000]
    assert gpt.longest_copies(text, training) == [Copy(0, 300, 0)]
    assert work(text, training) < 200 * (len(text) + len(training))
