"""Losses by token and the measures made of them."""

import math

import pytest
import torch

import gpt
from gpt.inspection import token_losses, trace
from tests.gpt.helpers import MODEL, TOKENIZER, V, ids_of, normal


def test_a_loss_belongs_to_the_token_after_the_logits():
    logits, ids = normal(2, 5, V), ids_of(2, 5)
    losses = token_losses(logits, ids)
    assert losses.shape == (2, 4)
    for b in range(2):
        for i in range(4):
            p = logits[b, i].softmax(-1)[ids[b, i + 1]].item()
            assert losses[b, i].item() == pytest.approx(-math.log(p), rel=1e-5)


def test_their_mean_is_the_models_own_loss():
    model, ids = gpt.build_model(MODEL, V).eval(), ids_of(3, 8)
    losses = token_losses(trace(model, ids)["logits"], ids)
    assert losses.mean().item() == pytest.approx(model(ids[:, :-1], ids[:, 1:])[1].item(), rel=1e-5)


def test_a_model_that_knows_nothing_is_as_unsure_as_the_vocabulary_is_large():
    losses = token_losses(torch.zeros(1, 9, 64), ids_of(1, 9, vocab_size=64))
    assert gpt.perplexity(losses) == pytest.approx(64, rel=1e-5)
    assert gpt.bits_per_character(losses, "x" * 8) == pytest.approx(6, rel=1e-5)


def test_bits_for_a_character_model_are_its_loss_in_bits():
    text = "3 times 7 is 21"
    ids = torch.tensor([TOKENIZER.encode(text)])
    losses = token_losses(normal(1, len(text), V), ids)
    expected = losses.mean().item() / math.log(2)
    assert gpt.bits_per_character(losses, text[1:]) == pytest.approx(expected, rel=1e-5)
    assert gpt.bits_per_byte(losses, text[1:]) == pytest.approx(expected, rel=1e-5)


def test_bits_count_what_is_predicted_and_not_the_tokens():
    """Two tokens that stand for three characters, or for five bytes."""
    losses = torch.tensor([[math.log(2) * 7, math.log(2) * 8]])
    assert gpt.bits_per_character(losses, "äöx") == pytest.approx(15 / 3)
    assert gpt.bits_per_byte(losses, "äöx") == pytest.approx(15 / 5)


def test_nothing_predicted_has_no_measure():
    losses = token_losses(normal(1, 1, V), ids_of(1, 1))
    assert losses.shape == (1, 0)
    for value in (gpt.bits_per_character(losses, ""), gpt.bits_per_byte(losses, "")):
        assert math.isnan(value)
    assert math.isnan(gpt.perplexity(losses))
