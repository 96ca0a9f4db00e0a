"""What is said about the cache against a cache at work."""

import doctest
from dataclasses import replace

import pytest
import torch

import gpt
from gpt.attention import KVCache
from gpt.inspection import kv_cache
from tests.gpt.helpers import MODEL, TOKENIZER, V


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("prompt", "stride"), [(1, None), (6, None), (8, 3), (13, 1), (30, 8)])
def test_the_steps_are_those_of_writing(prompt, stride, causal):
    """The tokens that enter the model, and those that the cache then holds, at every step."""
    config = replace(MODEL, causal=causal)
    model, seen = gpt.build_model(config, V).eval(), []

    def watch(_, args, more):
        cache = more.get("cache")
        seen.append((args[0].shape[1], cache.length if cache is not None else 0))

    model.register_forward_pre_hook(watch, with_kwargs=True)
    text = TOKENIZER.decode([1] * prompt)
    gpt.generate(model, TOKENIZER, text, 20, seed=1, stride=stride)
    steps = gpt.cache_steps(config, prompt, 20, stride)
    assert [(step.computed, step.kept) for step in steps] == seen
    assert all(step.kept + step.computed == step.window <= 8 for step in steps)
    seen.clear()
    gpt.generate(model, TOKENIZER, text, 20, seed=1, stride=stride, use_cache=False)
    assert [(step.window, 0) for step in steps] == seen


@pytest.mark.parametrize("changes", [{}, {"n_kv_head": 1}, {"head_size": 3}], ids=str)
def test_a_full_cache_has_the_bytes_of_its_tensors(changes):
    config = replace(MODEL, **changes)
    cache = KVCache(config, 3, torch.device("cpu"))
    assert gpt.cache_bytes(config, 8, batch=3) == cache.nbytes
    assert gpt.cache_steps(config, 8, 1)[0].bytes == gpt.cache_bytes(config, 8)


def test_what_keeps_nothing_has_no_bytes():
    assert gpt.cache_steps(replace(MODEL, causal=False), 4, 2)[-1].bytes == 0
    assert gpt.cache_bytes(gpt.PRESETS["bigram"].model, 8) == 0


def test_the_example_is_true():
    assert doctest.testmod(kv_cache).failed == 0
