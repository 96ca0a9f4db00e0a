"""A cache limited in bytes: what goes, what stays, and that nothing is made twice."""

import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch

from explorer import bounded
from explorer.bounded import LEAST, Bounded, size

MB = 1_000_000


@pytest.fixture
def made():
    return []


@pytest.fixture
def cache():
    return Bounded(10 * MB)


@pytest.fixture
def numbers(cache, made):
    """Makes so many megabytes under a name, and notes it."""

    @cache.keeps
    def numbers(name, megabytes=0, _how=None):
        made.append(name)
        return np.zeros(megabytes * MB, np.uint8)

    return numbers


def test_whatever_the_sizes_are_the_bytes_stay_below_the_limit(cache, numbers, made):
    for name in range(32):
        newest = numbers(name, 1 + name % 5)
        assert cache.held <= cache.most
        assert numbers(name, 1 + name % 5) is newest
    assert made == list(range(32))


def test_what_nobody_has_asked_for_longest_goes_first(numbers, made):
    for name in "abcd":
        numbers(name, 3)
        numbers("a", 3)
    assert made == ["a", "b", "c", "d"]
    for name in "dcb":
        numbers(name, 3)
    assert made == ["a", "b", "c", "d", "b"]


def test_small_things_stay_all(numbers, made):
    for _ in range(2):
        for name in range(100):
            numbers(name)
    assert made == list(range(100))


def test_small_things_without_end_are_limited_too(cache, numbers):
    for name in range(200):
        numbers(name)
    assert cache.held == 100 * LEAST == cache.most


def test_the_newest_stays_even_if_it_is_larger_than_all_may_be(cache, numbers, made):
    """Or each rerun of its page would make it anew."""
    numbers("small", 1)
    assert numbers("large", 20) is numbers("large", 20)
    numbers("small", 1)
    assert made == ["small", "large", "small"] and cache.held == MB


def test_freed_memory_is_handed_back_only_when_something_goes(numbers, monkeypatch):
    asked = []
    monkeypatch.setattr("gpt.devices.give_back_freed_memory", lambda: asked.append(1))
    numbers("a", 6)
    assert not asked
    numbers("b", 6)
    assert asked


def test_arguments_with_an_underscore_do_not_count_and_functions_do(cache, numbers, made):
    @cache.keeps
    def others(name):
        return "another"

    first = numbers("a", 1, _how="so")
    assert numbers("a", megabytes=1, _how="or so") is first
    assert others("a") == "another" and made == ["a"]


def test_two_sessions_that_ask_at_once_get_one_thing(cache, made):
    begun, go_on, found = threading.Event(), threading.Event(), []

    def make():
        made.append(1)
        begun.set()
        assert go_on.wait(30)
        return object()

    def ask():
        found.append(cache.get("key", make))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    assert cache.get("another key", lambda: "at once") == "at once", "it waits for nobody"
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and len(found) == 4 and len(set(map(id, found))) == 1


def test_an_error_is_not_kept(cache):
    def fail():
        raise OSError

    with pytest.raises(OSError):
        cache.get("key", fail)
    assert cache.get("key", lambda: "made") == "made" and not cache._making


def test_what_is_made_may_ask_for_something_else(cache):
    assert cache.get("a", lambda: cache.get("b", lambda: "c")) == "c"
    cache.clear()
    assert cache.held == 0 and cache.get("b", lambda: "d") == "d"


@dataclass
class Holder:
    numbers: np.ndarray
    others: object


def test_bytes_are_those_of_all_that_a_value_holds():
    array, tensor = np.zeros(MB, np.uint8), torch.zeros(MB // 4)
    model = torch.nn.Linear(500, 500)
    model.register_buffer("mask", torch.zeros(MB, dtype=torch.uint8))
    for value, expected in (
        (array, MB),
        (tensor, MB),
        ([array, array], MB),
        ({"a": (array, [tensor])}, 2 * MB),
        (Holder(array, tensor), 2 * MB),
        ("a" * MB, MB),
        (pd.DataFrame({"a": np.zeros(MB // 8)}), MB),
        (model, 4 * (500 * 500 + 500) + MB),
        (bounded, 0),
    ):
        assert expected <= size(value) <= expected + 1500
