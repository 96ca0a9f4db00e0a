"""No part of a page that is drawn by itself moves when something appears above it.

Streamlit knows a fragment by its function and its place on the page, and drops a click in one that
has moved. An answer that comes back from the browser, a grade, a run's steps must move none.
"""

from collections.abc import Callable

import pytest
from streamlit.runtime import fragment
from streamlit.testing.v1 import AppTest

from explorer import lessons
from tests.pages.bench import Bench, bench  # noqa: F401

PAGES = [page for page in lessons.BY_KEY if page != "text_to_tokens"]  # that one has no fragment

Places = set[tuple[str, str]]  # of fragments: (function, place on the page)


@pytest.fixture
def places(monkeypatch) -> Callable[[AppTest], Places]:
    """Draws the page once more -> its fragments."""
    seen: Places = set()
    identity = fragment._make_fragment_identity

    def noted(function, **about):
        name = f"{function.__module__}.{fragment.get_object_name(function)}"
        seen.add((name, about["delta_path"]))
        return identity(function, **about)

    def drawn(at: AppTest) -> Places:
        seen.clear()
        at.run()
        assert not at.exception
        return set(seen)

    monkeypatch.setattr(fragment, "_make_fragment_identity", noted)
    return drawn


def answer_everything(at: AppTest) -> int:
    asked = [w for w in [*at.number_input, *at.radio] if ".answer." in (w.key or "")]
    for widget in asked:
        widget.set_value(17 if widget.type == "number_input" else widget.proto.options[0])
    at.run()
    return len(asked)


@pytest.mark.parametrize("page", PAGES)
def test_an_answer_and_a_run_move_no_fragment(bench: Bench, places, page) -> None:  # noqa: F811
    at = bench.open(page)
    at_first = places(at)
    asked = answer_everything(at)
    assert at_first and (asked or page == "home")
    assert at_first <= places(at), "answered"
    if preset := lessons.BY_KEY[page].preset:
        with_run = bench.open(page, run=bench.train(page, preset).id)
        assert at_first <= places(with_run), "trained"
        bench.train(page, preset, learning_rate=0.002)
        answer_everything(with_run)
        assert at_first <= places(with_run), "graded, and another run beside it"
