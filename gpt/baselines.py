"""What a loss is worth: three reference lines that need no training.

A model that knows nothing scores ln V. One that knows how often each token occurs scores the
unigram loss. One that knows how often each token follows each other scores the bigram loss: the
floor that the Bigram network can reach. Counts are taken on the training part and scored on the
validation part; every count starts from `smoothing`, so that what was never seen is not impossible.
"""

import math

import numpy as np


def uniform_loss(vocab_size: int) -> float:
    """ln V nats: every token equally likely."""
    return math.log(vocab_size)


def unigram_loss(
    train_ids: np.ndarray, val_ids: np.ndarray, vocab_size: int, smoothing: float = 0.01
) -> float:
    """Loss on the validation part (M,) of the token frequencies of the training part (N,)."""
    counts = np.bincount(train_ids, minlength=vocab_size) + smoothing
    return _mean_surprise((counts / counts.sum())[val_ids])


def bigram_counts(ids: np.ndarray, vocab_size: int) -> np.ndarray:
    """counts[i, j] = how often token j comes right after token i; (V, V) int64.

    >>> bigram_counts(np.array([0, 1, 0, 1]), 2).tolist()
    [[0, 2], [1, 0]]
    """
    pairs = ids[:-1].astype(np.int64) * vocab_size + ids[1:]
    return np.bincount(pairs, minlength=vocab_size**2).reshape(vocab_size, vocab_size)


def bigram_probabilities(counts: np.ndarray, smoothing: float = 0.01) -> np.ndarray:
    """The closed form of the trained bigram table: each row of counts divided by its sum."""
    smoothed = counts + smoothing
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def bigram_loss(
    train_ids: np.ndarray, val_ids: np.ndarray, vocab_size: int, smoothing: float = 0.01
) -> float:
    """Loss on the validation part (M,) of the counted table of the training part (N,)."""
    table = bigram_probabilities(bigram_counts(train_ids, vocab_size), smoothing)
    return _mean_surprise(table[val_ids[:-1], val_ids[1:]])


def _mean_surprise(probabilities: np.ndarray) -> float:
    return float(-np.log(probabilities).mean()) + 0.0  # where nothing surprises 0, not -0
