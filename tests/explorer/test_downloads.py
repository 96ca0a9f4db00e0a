"""Fetching behind the page: at once back, told when it failed, tried again when asked."""

import time

import gpt
from explorer import downloads


def finish(name: str) -> downloads.Download:
    until = time.monotonic() + 30
    while not downloads.fetch(name).done:
        assert time.monotonic() < until, "the download never ended"
        time.sleep(0.01)
    return downloads.fetch(name)


def test_a_failure_is_one_sentence_and_can_be_tried_again(monkeypatch):
    calls = []

    def no_network(name):
        calls.append(name)
        raise gpt.TextError("no network")

    monkeypatch.setattr(gpt, "load_corpus", no_network)
    downloads.forget("somewhere")
    assert finish("somewhere").error == "no network"
    assert calls == ["somewhere"]  # asking again does not fetch again …
    downloads.forget("somewhere")
    finish("somewhere")
    assert calls == ["somewhere", "somewhere"]  # … until it is forgotten
    downloads.forget("somewhere")


def test_a_success_has_no_error(monkeypatch):
    monkeypatch.setattr(gpt, "load_corpus", lambda name: None)
    assert finish("elsewhere").error is None
    downloads.forget("elsewhere")
