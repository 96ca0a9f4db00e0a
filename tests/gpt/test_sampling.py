from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gpt
from gpt.config import PRESETS, ModelConfig
from gpt.errors import ConfigError, GPTError, TextError
from gpt.model import build_model
from gpt.sampling import Reader, filter_stages, generate, stream, window_start
from tests.gpt.helpers import MODEL, TOKENIZER, V, normal

GPT = build_model(MODEL, V).eval()
BIGRAM = build_model(replace(PRESETS["bigram"].model, block_size=8), V).eval()
NO_POSITIONS = build_model(replace(MODEL, positions="none"), V).eval()
MODERN = build_model(replace(MODEL, positions="rotary", qk_norm=True, n_kv_head=1), V).eval()
LOOKS_AHEAD = build_model(replace(MODEL, causal=False), V).eval()
PROMPTS = {
    "empty": "",
    "short": "3 t",
    "as long as the context": "3 times ",
    "longer": "7 times 8 is 56; then",
}


# --- the filters -------------------------------------------------------------------------------


def in_numpy(logits, temperature, top_k, top_p):
    """The three filters again, token by token, in double precision."""
    p = np.exp((logits - logits.max()).astype(np.float64) / temperature)
    p /= p.sum()
    order = sorted(range(len(p)), key=lambda i: (-p[i], i))
    if top_k:
        p[order[top_k:]] = 0
        p /= p.sum()
    if top_p is not None:
        total = 0.0
        for i in order:
            if total >= top_p:
                p[i] = 0
            total += p[i]
        p /= p.sum()
    return p


FILTERS = [(1.0, None, None), (0.5, None, None), (2.0, 5, None), (1.0, None, 0.7), (0.8, 7, 0.6),
           (1.3, 1, 1.0), (1.0, 1000, 0.001), (1.0, 0, 0.95)]  # fmt: skip


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_the_filters_are_what_a_loop_over_tokens_says(filters):
    for seed in range(5):
        logits = 3 * normal(40, seed=seed)
        found = filter_stages(logits, *filters).top_p.numpy()
        np.testing.assert_allclose(found, in_numpy(logits.numpy(), *filters), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("filters", [(0.7, 5, 0.6), (1.0, 3, 0.99), (1.5, 40, 0.3)], ids=str)
def test_the_filters_are_those_of_transformers(filters):
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    temperature, top_k, top_p = filters
    warpers = [
        TemperatureLogitsWarper(temperature), TopKLogitsWarper(top_k), TopPLogitsWarper(top_p)
    ]  # fmt: skip
    for seed in range(5):
        scores = logits = 3 * normal(1, 40, seed=seed)
        stages = filter_stages(logits[0], *filters)
        for warper, stage in zip(
            warpers, [stages.tempered, stages.top_k, stages.top_p], strict=True
        ):
            scores = warper(None, scores)
            torch.testing.assert_close(stage, scores.softmax(-1)[0], rtol=1e-5, atol=1e-6)


def test_the_stages_in_order_on_numbers_to_check_by_hand():
    stages = filter_stages(torch.tensor([0.4, 0.1, 0.3, 0.2]).log(), 1.0, top_k=3, top_p=0.5)
    expected = [
        (stages.raw, [0.4, 0.1, 0.3, 0.2]),
        (stages.tempered, [0.4, 0.1, 0.3, 0.2]),
        (stages.top_k, [4 / 9, 0, 3 / 9, 2 / 9]),
        (stages.top_p, [4 / 7, 0, 3 / 7, 0]),  # 4/9 is below 0.5, 7/9 is not
    ]
    for stage, numbers in expected:
        torch.testing.assert_close(stage, torch.tensor(numbers))


@pytest.mark.parametrize("top_p", [1e-40, 1e-306])
def test_a_top_p_too_small_for_a_float32_keeps_the_likeliest(top_p):
    kept = filter_stages(torch.tensor([0.2, 0.5, 0.3]).log(), top_p=top_p).top_p
    assert kept.tolist() == [0, 1, 0]


def test_ties_keep_the_lower_id():
    equal = torch.zeros(4)
    assert filter_stages(equal, top_k=2).top_k.tolist() == [0.5, 0.5, 0, 0]
    assert filter_stages(equal, top_p=0.5).top_p.tolist() == [0.5, 0.5, 0, 0]
    assert filter_stages(equal, top_p=0.51).top_p.tolist() == pytest.approx([1 / 3] * 3 + [0])
    assert filter_stages(equal, temperature=0).top_p.tolist() == [1, 0, 0, 0]


@given(
    st.lists(st.floats(-80, 80, width=32), min_size=1, max_size=30),
    st.floats(0, 100),
    st.one_of(st.none(), st.integers(0, 40)),
    st.one_of(st.none(), st.floats(0, 1, exclude_min=True)),
)
def test_every_allowed_setting_gives_a_distribution(logits, temperature, top_k, top_p):
    stages = filter_stages(torch.tensor(logits), temperature, top_k, top_p)
    for stage in vars(stages).values():
        assert stage.sum().item() == pytest.approx(1, abs=1e-4) and (stage >= 0).all()
    assert stages.top_p[int(torch.tensor(logits).argmax())] > 0  # the likeliest always stays
    if top_k:
        assert (stages.top_k > 0).sum() <= top_k


@pytest.mark.parametrize("temperature", [1e-30, 1e-40, 5e-324])
def test_a_tiny_temperature_is_nearly_greedy_and_no_overflow(temperature):
    assert filter_stages(torch.tensor([1.0, 30.0, 2.0]), temperature).top_p.tolist() == [0, 1, 0]


BAD = [
    ({"temperature": -0.1}, "temperature must be between 0"),
    ({"temperature": float("nan")}, "temperature"),
    ({"temperature": 101}, "got 101"),
    ({"top_k": -1}, "top_k must be at least 1"),
    ({"top_p": 0}, "top_p must be above 0"),
    ({"top_p": 1.01}, "top_p"),
]


@pytest.mark.parametrize(("settings", "words"), BAD)
def test_a_filter_outside_its_limits_is_refused_before_any_token(settings, words):
    with pytest.raises(ConfigError, match=words):
        stream(GPT, TOKENIZER, "3", **settings)
    with pytest.raises(ConfigError, match=words):
        filter_stages(torch.zeros(3), **settings)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_an_error_in_words(bad):
    with pytest.raises(GPTError, match="not numbers"):
        filter_stages(torch.tensor([0.0, bad, 1.0]))


# --- generating --------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(
    "model",
    [GPT, BIGRAM, NO_POSITIONS, MODERN, LOOKS_AHEAD],
    ids=["gpt", "bigram", "no positions", "modern", "ahead"],
)
def test_the_cache_changes_no_token_and_no_score(model, prompt):
    """Through three windows of the context and into a fourth."""
    settings = {"max_new_tokens": 30, "seed": 3}
    fast = list(stream(model, TOKENIZER, prompt, use_cache=True, **settings))
    slow = list(stream(model, TOKENIZER, prompt, use_cache=False, **settings))
    assert [t.id for t in fast] == [t.id for t in slow] and len(fast) == 30
    for a, b in zip(fast, slow, strict=True):
        torch.testing.assert_close(a.logits, b.logits, rtol=1e-4, atol=1e-5)


def test_every_score_is_that_of_reading_the_window():
    ids = TOKENIZER.encode("7 times 8")
    for token in stream(GPT, TOKENIZER, "7 times 8", 20, seed=0):
        window = ids[window_start(len(ids), 8) :]
        expected = GPT(torch.tensor([window]))[0][0, -1]
        torch.testing.assert_close(token.logits, expected, rtol=1e-4, atol=1e-5)
        ids.append(token.id)


def test_the_cache_really_reads_one_token_at_a_time():
    read = []
    hook = GPT.register_forward_pre_hook(lambda _, args: read.append(args[0].shape[1]))
    generate(GPT, TOKENIZER, "3 times", 12, seed=0)
    hook.remove()
    assert read == [7, 1, 5, 1, 1, 1, 5, 1, 1, 1, 5, 1]


WINDOWS = [
    (8, None, [(1, 0), (8, 0), (9, 4), (12, 4), (13, 8), (16, 8), (17, 12)]),
    (8, 1, [(1, 0), (8, 0), (9, 1), (10, 2), (30, 22)]),
    (8, 8, [(8, 0), (9, 8), (16, 8), (17, 16)]),
    (7, None, [(7, 0), (8, 3), (10, 3), (11, 6)]),
    (1, None, [(1, 0), (2, 1), (3, 2)]),
]


@pytest.mark.parametrize(("block_size", "stride", "table"), WINDOWS)
def test_where_the_window_begins(block_size, stride, table):
    assert [(n, window_start(n, block_size, stride)) for n, _ in table] == table


@given(st.integers(1, 300), st.integers(1, 40))
def test_a_window_is_never_empty_nor_longer_than_the_context(tokens, block_size):
    length = tokens - window_start(tokens, block_size)
    assert 1 <= length <= block_size
    if tokens > block_size:
        assert length > block_size - max(1, block_size // 2)  # at least half is still seen


@pytest.mark.parametrize("stride", [9, -1])
def test_a_stride_that_would_skip_text_is_refused(stride):
    with pytest.raises(ConfigError, match="stride"):
        stream(GPT, TOKENIZER, "3 times", 5, stride=stride)


def test_stride_1_is_the_tutorials_own_loop():
    """Feed the last block_size tokens, take the last scores, draw, append."""
    ids, generator = TOKENIZER.encode("3 times 4"), torch.Generator().manual_seed(5)
    for _ in range(20):
        with torch.no_grad():
            logits, _ = GPT(torch.tensor([ids[-8:]]))
        ids.append(int(torch.multinomial(logits[0, -1].softmax(-1), 1, generator=generator)))
    text = generate(GPT, TOKENIZER, "3 times 4", 20, seed=5, stride=1)
    assert text == TOKENIZER.decode(ids)


def test_temperature_0_takes_the_largest_score_every_time():
    tokens = list(stream(GPT, TOKENIZER, "5", 12, temperature=0))
    assert all(t.id == int(t.logits.argmax()) and t.probability == 1.0 for t in tokens)


def test_a_token_tells_its_text_and_its_probability():
    for token in stream(GPT, TOKENIZER, "5", 12, temperature=0.7, top_k=4, seed=1):
        assert token.text == TOKENIZER.tokens[token.id]
        p = filter_stages(token.logits, 0.7, 4).top_p
        assert token.probability == pytest.approx(p[token.id].item())
        assert p[token.id] > 0 and (p > 0).sum() == 4


def test_one_seed_gives_one_text_and_no_seed_gives_many():
    one, same, other = (generate(GPT, TOKENIZER, "4", 40, seed=s) for s in (1, 1, 2))
    assert one == same != other
    assert len({generate(GPT, TOKENIZER, "4", 40) for _ in range(3)}) == 3


def test_draws_follow_the_probabilities():
    """Chi-square of 600 first tokens against the model's own distribution."""
    p = filter_stages(next(stream(GPT, TOKENIZER, "4", 1)).logits, top_k=5).top_p.numpy()
    generator = torch.Generator().manual_seed(0)
    seeds = torch.randint(2**31, (600,), generator=generator).tolist()
    drawn = [next(stream(GPT, TOKENIZER, "4", 1, top_k=5, seed=s)).id for s in seeds]
    counts = np.bincount(drawn, minlength=V)
    assert counts[p == 0].sum() == 0
    expected = 600 * p[p > 0]
    assert ((counts[p > 0] - expected) ** 2 / expected).sum() < 20  # 4 degrees: 0.05 % beyond


def test_a_prompt_longer_than_the_context_is_read_to_its_end():
    long = "7 times 8 is 56; then we rest.\n" * 5
    assert generate(GPT, TOKENIZER, long, 5, seed=0).startswith(long)
    tail = next(stream(GPT, TOKENIZER, long[-5:], 1, seed=0)).logits
    start = window_start(len(long), 8)
    same = next(stream(GPT, TOKENIZER, long[start:], 1, seed=0)).logits
    torch.testing.assert_close(next(stream(GPT, TOKENIZER, long, 1, seed=0)).logits, same)
    assert not torch.allclose(tail, same) or len(long) - start == 5


def test_an_empty_prompt_starts_from_token_0():
    ids = [t.id for t in stream(GPT, TOKENIZER, "", 8, seed=1)]
    assert ids == [t.id for t in stream(GPT, TOKENIZER, TOKENIZER.tokens[0], 8, seed=1)]


def test_unknown_characters_are_refused_dropped_or_replaced():
    with pytest.raises(TextError, match="EURO SIGN"):
        stream(GPT, TOKENIZER, "3€", 5)
    ids = {
        choice: [t.id for t in stream(GPT, TOKENIZER, "3€t", 9, seed=2, unknown=choice)]
        for choice in ("drop", "replace")
    }
    assert ids["drop"] == [t.id for t in stream(GPT, TOKENIZER, "3t", 9, seed=2)]
    assert ids["replace"] == [t.id for t in stream(GPT, TOKENIZER, "3 t", 9, seed=2)]


def test_sampling_leaves_the_model_and_all_global_state_alone():
    model = build_model(replace(MODEL, dropout=0.5), V).train()
    state = torch.get_rng_state()
    for _ in stream(model, TOKENIZER, "3", 12, seed=0):
        assert model.training and torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_does_not_act_while_sampling():
    model = build_model(replace(MODEL, dropout=0.5), V).train()
    assert generate(model, TOKENIZER, "3", 20, seed=0) == generate(GPT, TOKENIZER, "3", 20, seed=0)


def test_readers_of_one_model_do_not_disturb_each_other():
    one, two = (stream(GPT, TOKENIZER, p, 20, seed=0) for p in ("3 t", "8 times 9"))
    turns = list(zip(one, two, strict=True))
    alone = list(stream(GPT, TOKENIZER, "3 t", 20, seed=0))
    assert [a.id for a, _ in turns] == [t.id for t in alone]


@pytest.mark.parametrize("config", [ModelConfig(block_size=1, n_embd=8), MODEL])
def test_a_reader_accepts_the_smallest_context(config):
    reader = Reader(build_model(config, V).eval())
    assert all(reader.next_logits(list(range(n))).shape == (V,) for n in (1, 2, 3, 10))


def test_generate_is_exported():
    assert gpt.generate is generate
