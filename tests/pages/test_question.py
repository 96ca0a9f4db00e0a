"""Answers are kept when the page is left, come back from the browser, and are counted on Home."""

import math

import pytest

from explorer import cache, language
from explorer.panels import question, race
from tests.pages.bench import bench, by_key, said  # noqa: F401

EXAMPLES = "text_to_tokens.examples"
WIDGET = "text_to_tokens.answer.examples"


def recalled(bench, earlier, page="text_to_tokens"):  # noqa: F811
    """The page as it is after the browser has told what it kept."""
    at = bench.open(page)
    at.session_state[question.KEEPSAKE] = {"earlier": earlier}
    at.run()
    assert not at.exception, [e.value for e in at.exception]
    return at


def test_an_answer_is_graded_and_counted_on_home(bench):  # noqa: F811
    at = bench.open("text_to_tokens")
    by_key(at.number_input, WIDGET).set_value(32).run()
    assert at.session_state[question.KEPT] == {EXAMPLES: {"answer": 32, "right": True}}
    at.switch_page("pages/home.py").run()
    assert "Predictions: 1 of 1 right" in said(at)
    at.switch_page("pages/text_to_tokens.py").run()
    assert by_key(at.number_input, WIDGET).value == 32


def test_an_answer_that_is_taken_back_is_forgotten(bench):  # noqa: F811
    at = bench.open("text_to_tokens")
    by_key(at.number_input, WIDGET).set_value(7).run()
    by_key(at.number_input, WIDGET).set_value(None).run()
    assert at.session_state[question.KEPT] == {}
    assert by_key(at.number_input, WIDGET).value is None


def test_answers_of_an_earlier_visit_come_back_and_are_graded_again(bench):  # noqa: F811
    at = recalled(bench, {EXAMPLES: {"answer": 7, "right": None}})
    assert by_key(at.number_input, WIDGET).value == 7
    assert "You said 7" in said(at)


def test_what_was_answered_meanwhile_wins(bench):  # noqa: F811
    at = bench.open("text_to_tokens")
    by_key(at.number_input, WIDGET).set_value(32).run()
    at.session_state[question.KEEPSAKE] = {"earlier": {EXAMPLES: {"answer": 7, "right": False}}}
    at.run()
    assert by_key(at.number_input, WIDGET).value == 32


def test_a_choice_is_shown_in_the_learners_language_and_kept_in_english(bench, monkeypatch):  # noqa: F811
    monkeypatch.setattr(language, "catalogue", lambda code: {race.CHOICES[0]: "no llega antes"})
    at = bench.open("since_2017")
    at.session_state[language.KEY] = "es"
    at.run()
    radio = by_key(at.radio, "since_2017.answer.race")
    assert radio.options[:2] == ["no llega antes", race.CHOICES[1]]
    radio.set_value(race.CHOICES[0]).run()
    kept = {"since_2017.race": {"answer": race.CHOICES[0], "right": None}}
    assert at.session_state[question.KEPT] == kept


HOSTILE = [
    [], "text", {EXAMPLES: 7}, {EXAMPLES: {"answer": "x" * 1000}}, {EXAMPLES: {"answer": [1]}},
    {EXAMPLES: {"answer": math.inf}}, {EXAMPLES: {"answer": 10**30}}, {EXAMPLES: {"answer": "32"}},
    {EXAMPLES: {"answer": 32, "right": "<b>"}}, {"no_such_page.x": {"answer": 1}},
    {"generate.greedy": {"answer": "no such choice"}},
    {f"text_to_tokens.{n}": {"answer": n} for n in range(1000)},
]  # fmt: skip


def test_a_browser_that_tells_anything_breaks_nothing(bench):  # noqa: F811
    at = bench.open("text_to_tokens")
    for earlier in HOSTILE:
        for name in (question.KEPT, question.RECALLED):
            at.session_state[name] = {} if name == question.KEPT else False
        at.session_state[question.KEEPSAKE] = {"earlier": earlier}
        at.run()
        assert not at.exception, earlier
        assert by_key(at.number_input, WIDGET).value is None, earlier
        assert len(at.session_state[question.KEPT]) <= 100
    at.session_state[question.KEPT] = {"generate.greedy": {"answer": "no such choice"}}
    at.switch_page("pages/generate.py").run()
    assert not at.exception


@pytest.mark.parametrize(
    ("page", "preset"),
    [
        ("bigram", "bigram"),
        ("self_attention", "self_attention"),
        ("multi_head_attention", "multi_head"),
        ("transformer_blocks", "blocks"),
        ("train_a_gpt", "blocks"),
    ],
)
def test_a_run_whose_text_is_gone_grades_nothing_and_it_is_said(bench, page, preset):  # noqa: F811
    """The first loss of page 2 was explained by the vocabulary of another text."""
    run = bench.train(page, preset, "abcd " * 300)
    missing, graded = "that no answer is graded by it", "easured: **"
    at = bench.open(page, run=run.id, text="python_docs")
    assert missing not in said(at)
    (bench.store.root / run.spec()["corpus"]["path"]).unlink()
    cache.KEPT.clear()
    at = bench.open(page, run=run.id, text="python_docs")
    assert missing in said(at) and graded not in said(at)


def test_the_first_loss_is_asked_for_the_vocabulary_of_the_run(bench):  # noqa: F811
    run = bench.train("bigram", "bigram", "abcd " * 300)
    at = bench.open("bigram", run=run.id, text="python_docs")
    assert "all 5 characters look alike" in said(at) and "scores ln 5 = " in said(at)
