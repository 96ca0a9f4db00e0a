"""The loss of a model on a text: estimated from random windows, or over the whole.

The estimate follows `estimate_loss` of Karpathy's tutorial and nanoGPT: the mean over `eval_iters`
batches of each split. Measuring leaves the model as it was.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gpt.batches import Batches, every_window
from gpt.config import TrainConfig
from gpt.devices import products_in
from gpt.model import LanguageModel
from gpt.parallel import Group

TOKENS_AT_ONCE = 4096  # that go through the model together in an estimate


def chunk_losses(
    model: LanguageModel,
    ids: Tensor,
    config: TrainConfig,
    seed: int,
    dtype: torch.dtype = torch.float32,
    group: Group | None = None,
) -> Iterator[tuple[Tensor, int]]:
    """Yield (loss, number of chunks) for random windows of `ids` (N,), without changing the model.

    At least eval_iters × batch_size windows in all. Small batches go through the model several at
    once: the mean is the same, and a tiny model does not spend its time on being called. The
    processes of a `group` take turns, and the loss of a chunk that is another's is 0.
    """
    T = model.config.block_size
    chunks, size = chunks_of(config, T)
    batches = Batches(ids, T, size, seed)
    for chunk in range(chunks):
        x, y = batches.draw()
        mine = group is None or group.takes(chunk)
        yield _loss(model, x, y, dtype) if mine else torch.zeros((), device=x.device), chunks


def chunks_of(config: TrainConfig, block_size: int) -> tuple[int, int]:
    """How many chunks an estimate reads, and how many windows each has: whole ones, so that it may
    read a few windows more than eval_iters × batch_size."""
    windows = config.eval_iters * config.batch_size
    size = min(windows, max(config.batch_size, TOKENS_AT_ONCE // block_size))
    return math.ceil(windows / size), size


def estimate_loss(
    model: LanguageModel, ids: Tensor, config: TrainConfig, seed: int = 1338
) -> float:
    """Mean loss in nats per token over eval_iters batches of random windows of `ids` (N,)."""
    losses = [loss for loss, _ in chunk_losses(model, ids, config, seed)]
    return torch.stack(losses).mean().item()


def whole_loss(model: LanguageModel, ids: Tensor, batch_size: int = 64) -> float:
    """Loss over every window of `ids` (N,) that does not overlap another: no luck of the draw."""
    total, count = 0.0, 0
    for x, y in every_window(ids, model.config.block_size, batch_size):
        total += _loss(model, x, y).item() * x.numel()
        count += x.numel()
    return total / count


@torch.inference_mode()
def _loss(model: LanguageModel, x: Tensor, y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    was_training = model.training
    model.eval()  # no dropout
    with products_in(dtype, x.device):
        _, loss = model(x, y)
    model.train(was_training)
    return loss
