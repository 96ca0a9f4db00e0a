"""Losses of a model: exact, whatever the batch, and without a trace on the model."""

from dataclasses import replace

import pytest
import torch

from gpt import evaluation
from gpt.batches import Batches, every_window
from gpt.errors import TextError
from gpt.evaluation import estimate_loss, whole_loss
from gpt.model import build_model
from tests.gpt.helpers import MODEL, TRAIN, V, ids_of, train_ids

DROPOUT = replace(MODEL, dropout=0.3)


def test_an_estimate_leaves_the_model_as_it_was():
    model = build_model(DROPOUT, V).train()
    state, ids = torch.get_rng_state(), train_ids()
    assert estimate_loss(model, ids, TRAIN) == estimate_loss(model, ids, TRAIN)
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert estimate_loss(model, ids, TRAIN) != estimate_loss(model, ids, TRAIN, seed=1)


def test_an_estimate_is_the_mean_over_the_tutorials_batches(monkeypatch):
    """Several batches at once, or one after the other as in the lecture: the same number."""
    model, ids, settings = build_model(MODEL, V).eval(), train_ids(), replace(TRAIN, eval_iters=6)
    batches = Batches(ids, MODEL.block_size, TRAIN.batch_size, seed=7)
    expected = sum(model(*batches.draw())[1].item() for _ in range(6)) / 6
    for tokens in (1, 64, 4096):  # one, two and all batches at once
        monkeypatch.setattr(evaluation, "TOKENS_AT_ONCE", tokens)
        assert estimate_loss(model, ids, settings, seed=7) == pytest.approx(expected, rel=1e-5)


def test_a_text_shorter_than_the_context_has_no_estimate():
    with pytest.raises(TextError, match="at least 9"):
        estimate_loss(build_model(MODEL, V), ids_of(1, 8)[0], TRAIN)


def test_the_whole_loss_is_the_mean_over_all_windows_whatever_the_batch():
    model, ids = build_model(MODEL, V).eval(), ids_of(1, 300)[0]
    x, y = next(every_window(ids, 8, 1000))
    expected = model(x, y)[1].item()
    assert len(x) == 37
    for batch_size in (1, 5, 64):
        assert whole_loss(model, ids, batch_size) == pytest.approx(expected, rel=1e-5)


def test_a_text_shorter_than_the_context_has_no_whole_loss():
    with pytest.raises(TextError, match="at least 9"):
        whole_loss(build_model(MODEL, V), ids_of(1, 8)[0])
