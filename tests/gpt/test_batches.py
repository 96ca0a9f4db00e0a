import pytest
import torch

from gpt.batches import Batches, encode_splits, every_window
from gpt.errors import TextError
from gpt.text import split
from gpt.tokenizers import CharTokenizer
from tests.gpt.helpers import TEXT, TOKENIZER
from tests.peers import tutorial_form

IDS = torch.arange(200)


def test_targets_are_the_inputs_one_token_later():
    x, y = Batches(IDS, block_size=5, batch_size=16, seed=0).draw()
    assert x.shape == y.shape == (16, 5)
    assert torch.equal(y, x + 1)  # in this text every token is followed by the next number
    assert torch.equal(x[:, 1:], x[:, :-1] + 1)


def test_every_place_is_drawn_and_none_beyond_the_end():
    x, y = Batches(IDS[:10], block_size=3, batch_size=500, seed=0).draw()
    assert set(x[:, 0].tolist()) == set(range(7))  # 10 tokens hold 7 windows of 3 + 1
    assert y.max() == 9


def test_batches_are_the_tutorials_batches():
    rung = tutorial_form.Rung("bigram", batch_size=6, block_size=8)
    batches = Batches(IDS, block_size=8, batch_size=6, seed=1337)
    with torch.random.fork_rng():
        torch.manual_seed(1337)
        for _ in range(3):
            for mine, theirs in zip(
                batches.draw(), tutorial_form.get_batch(IDS, rung), strict=True
            ):
                assert torch.equal(mine, theirs)


def test_shares_are_parts_of_the_same_batches():
    whole = Batches(IDS, block_size=8, batch_size=6, seed=1)
    shares = [Batches(IDS, 8, 6, 1, share) for share in (slice(0, 2), slice(2, 6))]
    for _ in range(3):
        for expected, *parts in zip(whole.draw(), *(s.draw() for s in shares), strict=True):
            assert [len(part) for part in parts] == [2, 4]
            assert torch.equal(torch.cat(parts), expected)


def test_drawing_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    Batches(IDS, 5, 4, seed=3).draw()
    assert torch.equal(torch.get_rng_state(), state)


def test_the_text_is_encoded_and_split():
    parts = encode_splits(TOKENIZER, TEXT, 8, torch.device("cpu"))
    train, val = split(TEXT)
    assert TOKENIZER.decode(parts["train"]) == train and TOKENIZER.decode(parts["val"]) == val
    assert parts["train"].dtype == parts["val"].dtype == torch.uint8


def test_a_text_of_bytes_gives_the_batches_of_the_same_text_in_int64():
    of_bytes = encode_splits(TOKENIZER, TEXT, 8, torch.device("cpu"))["train"]
    for read in (
        lambda ids: [Batches(ids, 8, 4, seed=1).draw()],
        lambda ids: every_window(ids, 8, 4),
    ):
        for small, large in zip(read(of_bytes), read(of_bytes.long()), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(small, large, strict=True))
            assert all(part.dtype == torch.int64 for part in small)


def test_a_text_to_learn_from_is_held_once():
    """All windows are views of their part, and both parts together a byte a character."""
    parts = encode_splits(TOKENIZER, TEXT, 8, torch.device("cpu"))
    views = [*parts.values(), Batches(parts["train"], 8, 4, seed=1).windows]
    storages = {view.untyped_storage().data_ptr(): view.untyped_storage() for view in views}
    assert len(storages) == 2
    assert sum(storage.nbytes() for storage in storages.values()) == len(TEXT)


@pytest.mark.parametrize("block_size", [1, 8, 31])
def test_a_context_longer_than_the_held_out_text_is_refused(block_size):
    """The number that the message promises is enough, and one window is enough."""
    tokenizer = CharTokenizer.train("ab")
    fits = next(n for n in range(2, 1000) if len(split("a" * n)[1]) == block_size + 1)
    assert len(encode_splits(tokenizer, "a" * fits, block_size, "cpu")["val"]) == block_size + 1
    with pytest.raises(TextError, match=f"context of {block_size} needs about") as error:
        encode_splits(tokenizer, "a" * (fits - 1), block_size, "cpu")
    promised = int(str(error.value).split("needs about ")[1].split(",")[0])
    assert promised >= fits
    assert len(encode_splits(tokenizer, "a" * promised, block_size, "cpu")["val"]) > block_size


@pytest.mark.parametrize(("n", "windows"), [(100, 24), (101, 25), (5, 1)])
def test_reading_everything_once(n, windows):
    pairs = list(every_window(IDS[:n], block_size=4, batch_size=10))
    x, y = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    assert torch.equal(x.flatten(), IDS[: windows * 4]) and torch.equal(y, x + 1)
    assert all(len(a) == 10 for a, _ in pairs[:-1])
