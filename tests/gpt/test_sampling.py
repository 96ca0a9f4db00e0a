from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gpt
from gpt.config import ModelConfig
from gpt.errors import ConfigError, TextError
from gpt.filters import filter_stages
from gpt.model import build_model
from gpt.presets import PRESETS
from gpt.sampling import Reader, generate, generate_batch, stream, window_start
from gpt.tokenizers.byte_pairs import END_OF_TEXT, LETTERS
from tests.gpt.helpers import MODEL, TOKENIZER, V

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


MODELS = {
    "gpt": GPT,
    "bigram": BIGRAM,
    "no positions": NO_POSITIONS,
    "modern": MODERN,
    "ahead": LOOKS_AHEAD,
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@every_model
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


def test_the_memory_of_the_cache_is_taken_once():
    reader, ids = Reader(GPT), TOKENIZER.encode("7 times 8 is 56; then")
    place = reader.cache.keys[0].data_ptr()
    for n in range(1, len(ids)):  # through several windows
        reader.next_logits([ids], n)
        assert reader.cache.keys[0].data_ptr() == place


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


def test_ids_in_the_place_of_a_text_say_the_same():
    text, ids = "3 times 4", TOKENIZER.encode("3 times 4")
    one, same = ([t.id for t in stream(GPT, TOKENIZER, p, 20, seed=5)] for p in (text, ids))
    assert one == same and ids == TOKENIZER.encode(text)  # the caller's list is left alone
    assert len(list(stream(GPT, TOKENIZER, [], 3))) == 3


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
    reader, ids = Reader(build_model(config, V).eval()), list(range(10))
    assert all(reader.next_logits([ids], n).shape == (1, V) for n in (1, 2, 3, 10))


def test_a_filter_outside_its_limits_is_refused_before_any_token():
    with pytest.raises(ConfigError, match="top_p must be above 0"):
        stream(GPT, TOKENIZER, "3", top_p=0)
    with pytest.raises(ConfigError, match="temperature must be between 0"):
        generate_batch(GPT, TOKENIZER, ["3"], temperature=-1)
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ConfigError, match="seed must be between"):
            stream(GPT, TOKENIZER, "3", seed=seed)


def test_generate_is_exported():
    assert gpt.generate is generate


# --- several texts at once -----------------------------------------------------------------------

TOGETHER = [*PROMPTS.values(), "3 t", "0 times 0 is 0; then we rest.\n5"]
FILTERS = {"temperature": 0.9, "top_k": 9, "top_p": 0.95}


@pytest.mark.parametrize("stride", [None, 1, 5])
@every_model
def test_texts_written_together_are_those_written_alone(model, stride):
    """Of any length, twice the same, in and beyond the context; through several windows."""
    settings = {"max_new_tokens": 25, "stride": stride, **FILTERS}
    together = generate_batch(model, TOKENIZER, TOGETHER, seed=7, **settings)
    alone = [
        generate(model, TOKENIZER, prompt, seed=7 + i, **settings)
        for i, prompt in enumerate(TOGETHER)
    ]
    assert together == alone
    assert [len(t) - len(p) for t, p in zip(together, TOGETHER, strict=True)] == [25] * 6
    assert together[1] != together[4]  # one prompt, two texts


@every_model
def test_scores_of_texts_read_together_are_those_of_each_alone(model):
    texts = [TOKENIZER.encode(t) for t in ("7 times 8 is 56; then", "1 times 2 is 2; then ")]
    together = Reader(model, batch=2)
    alone = [Reader(model), Reader(model)]
    for n in (3, 4, 5, 8, 9, 10, 21):
        rows = [reader.next_logits([ids], n) for reader, ids in zip(alone, texts, strict=True)]
        torch.testing.assert_close(together.next_logits(texts, n), torch.cat(rows))


def test_texts_written_together_take_one_pass_for_each_token():
    read = []
    hook = GPT.register_forward_pre_hook(lambda _, args: read.append(tuple(args[0].shape)))
    generate_batch(GPT, TOKENIZER, ["3 times", "5 times", "7 t"], 4, seed=0)
    hook.remove()
    # The shortest writes while the others are read; at 8 tokens the window of all moves on.
    assert read == [(3, 3), *[(3, 1)] * 5, (3, 5), (3, 1)]


def test_what_stands_before_the_window_is_not_read():
    read = []
    hook = GPT.register_forward_pre_hook(lambda _, args: read.append(args[0].shape[1]))
    generate_batch(GPT, TOKENIZER, ["7 times 8 is 56; then we rest." * 9, "5"], 2, seed=0)
    hook.remove()
    assert len(read) <= 8 + 2


def test_no_prompts_no_texts_and_no_tokens_no_change():
    assert generate_batch(GPT, TOKENIZER, []) == []
    assert generate_batch(GPT, TOKENIZER, ["3", "5 times"], 0) == ["3", "5 times"]


def test_without_a_seed_no_two_texts_are_the_same():
    texts = generate_batch(GPT, TOKENIZER, ["4"] * 3, 40)
    assert len(set(texts)) == 3


def test_unknown_characters_of_any_prompt_are_refused_or_dropped():
    with pytest.raises(TextError, match="EURO SIGN"):
        generate_batch(GPT, TOKENIZER, ["3", "3€"], 5)
    texts = generate_batch(GPT, TOKENIZER, ["3€", "3"], 5, seed=0, unknown="drop")
    assert texts[0][2:] == generate(GPT, TOKENIZER, "3", 5, seed=0)[1:]


# --- characters of several tokens -----------------------------------------------------------------


BYTES = gpt.GPT2Tokenizer({**{c: i for i, c in enumerate(LETTERS)}, END_OF_TEXT: 256}, [])


class Parrot(torch.nn.Module):
    """Says the bytes of a text, whatever it reads."""

    def __init__(self, text):
        super().__init__()
        self.config, self.read = replace(MODEL, block_size=64), []
        self.says = BYTES.encode(text)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, idx, cache=None):
        self.read.append(idx[0].tolist())
        chosen = torch.tensor(self.says[len(self.read) - 1])
        return torch.nn.functional.one_hot(chosen, 257).float()[None, None], None


def test_a_character_of_several_tokens_is_said_once_and_whole():
    """Each token used to be decoded alone: "\\ufffd" in its place, several times."""
    text = "né 🙂!"
    tokens = list(stream(Parrot(text), BYTES, "x", len(text.encode()), temperature=0))
    assert [t.text for t in tokens] == ["n", "", "é", " ", "", "", "", "🙂", "!"]
    assert generate(Parrot(text), BYTES, "x", len(text.encode()), temperature=0) == "x" + text


def test_what_is_left_unfinished_is_told_at_the_end():
    tokens = list(stream(Parrot("a🙂"), BYTES, "x", 3, temperature=0))
    assert [t.text for t in tokens] == ["a", "", "\ufffd"]


def test_an_empty_prompt_starts_as_the_tokenizer_says():
    parrot = Parrot("a")
    list(stream(parrot, BYTES, "", 1, temperature=0))
    assert parrot.read == [[256]] and TOKENIZER.start == 0
