"""What came from outside is shown letter by letter."""

import pytest

from explorer import language
from explorer.literal import literal
from tests.attacks import hostile


@pytest.mark.parametrize("text", [*hostile.MARKUP, *hostile.TEXTS, *hostile.LARGE])
def test_nothing_of_it_is_markup_and_it_stands_on_one_line(text):
    shown = literal(text)
    assert not hostile.alive(shown) and "\n" not in shown


@pytest.mark.parametrize(
    "text", ["n_embd must be whole, got 1.5.", "12:30 UTC (a, b) – 50 %", "Use a longer text!"]
)
def test_an_ordinary_sentence_stays_as_it_is(text):
    assert literal(text) == text


@pytest.mark.parametrize("markup", hostile.MARKUP)
def test_an_error_that_quotes_markup_shows_it(markup):
    error = ValueError(f"There is no run {markup!r} here.")
    assert not hostile.alive(language.explain(error))
    assert language.explain(error, markdown=False) == str(error)
