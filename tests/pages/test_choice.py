"""Choices that stand in the address: by the same name in every language."""

import pytest

from explorer import language
from tests.pages.bench import Bench, bench, by_key  # noqa: F401

CHOICES = [  # page, key, value that is not the usual one
    ("averaging_the_past", "begin", "only itself"),
    ("averaging_the_past", "version", "loops"),
    ("the_ladder", "mode", "the same for all"),
    ("since_2017", "idea", "RMSNorm"),
    ("train_a_gpt", "preset", "gpt_modern"),
    ("train_a_gpt", "length_in", "minutes"),
]


@pytest.mark.parametrize(("page", "name", "value"), CHOICES)
def test_an_english_link_says_the_same_in_spanish(bench: Bench, monkeypatch, page, name, value):  # noqa: F811
    monkeypatch.setattr(language, "chosen", lambda: "es")
    key = f"{page}_{name}"
    at = bench.open(page, **{key: value})
    assert at.session_state[key] == value
    assert at.query_params[key] == value


def test_what_an_address_makes_up_is_the_usual(bench: Bench):  # noqa: F811
    at = bench.open("train_a_gpt", train_a_gpt_preset="<b>x</b>")
    assert by_key(at.selectbox, "train_a_gpt_preset").value == "gpt_mini"
    assert "train_a_gpt_preset" not in at.query_params
