"""What a model costs before it is trained: parameters, arithmetic, memory, time.

Parameters are counted from the settings, component by component. Arithmetic follows Chowdhery et
al. 2022 (PaLM, appendix B): 6 FLOPs per weight and token for forward and backward, plus 12·H·D·T
per layer and token for attention over T positions. Memory counts what training really keeps:
weights, gradients, AdamW's two moments, and the activations that the backward pass needs. How
long all that takes is in `timing.py`.
"""

import math
import os
from pathlib import Path

from gpt.config import ModelConfig, TrainConfig

FLOAT = 4  # bytes of a float32
MUON_ROUNDS = 3  # as many as gpt.optim.ROUNDS has


def parameters_by_component(config: ModelConfig, vocab_size: int) -> dict[str, int]:
    """Trainable numbers of each part, in the order in which a token meets them."""
    V, C, L = vocab_size, config.n_embd, config.n_layer
    if config.architecture == "bigram":
        return {"table": V * V}
    b = int(config.bias)
    norms = (1 + config.feed_forward) * L * (config.norm != "none") + (config.norm == "pre")
    shifted = b * (config.norm_kind == "layer")  # RMSNorm has no bias
    hidden = config.hidden
    widened = (hidden or C) * (2 if config.activation == "swiglu" else 1)
    wide = C * widened + b * widened + (hidden * C + b * C if hidden else 0)
    projection = config.width * C + b * C if config.output_projection else 0
    qkv = config.width + 2 * config.kv_heads * config.size_of_head
    attention = C * qkv + qkv * config.qkv_bias + projection
    return {
        "token embedding": V * C,
        "position embedding": config.block_size * C if config.positions == "learned" else 0,
        "attention": L * attention,
        "feed-forward": L * wide if config.feed_forward else 0,
        "layer norm": norms * (C + shifted * C),
        "read-out": (0 if config.tie_weights else C * V) + b * config.read_out_bias * V,
    }


def flops_per_token(config: ModelConfig, vocab_size: int) -> float:
    """Forward and backward of one token in a full context: 6·N + 12·L·H·D·T.

    N counts the weights that are multiplied with: not the embedding tables, which are looked up.
    A tied matrix is multiplied with at the read-out.
    """
    if config.architecture == "bigram":
        return 6.0 * vocab_size  # one row is looked up, softmaxed and corrected
    parts = parameters_by_component(config, vocab_size)
    looked_up = parts["token embedding"] * (not config.tie_weights) + parts["position embedding"]
    weights = sum(parts.values()) - looked_up
    return 6.0 * weights + 12.0 * config.n_layer * config.width * config.block_size


def flops_per_iteration(config: ModelConfig, vocab_size: int, batch_size: int) -> float:
    """FLOPs of one optimizer step on (batch_size, block_size) tokens, evaluations not included."""
    return flops_per_token(config, vocab_size) * batch_size * config.block_size


def optimizer_flops(config: ModelConfig, train: TrainConfig) -> float:
    """FLOPs of one update beyond a few per weight: Muon's products, 0 with AdamW.

    A round on an (n, m) matrix, n ≤ m, is two products of n·n·m and one of n·n·n.
    """
    if train.optimizer != "muon" or config.architecture == "bigram":
        return 0.0
    C, W, hidden = config.n_embd, config.width, config.hidden
    shapes = [(C, W + 2 * config.kv_heads * config.size_of_head)]
    if config.output_projection:
        shapes.append((W, C))
    if config.feed_forward:
        gates = 2 if config.activation == "swiglu" else 1
        shapes += [(C, gates * (hidden or C)), *([(hidden, C)] if hidden else [])]
    sides = [sorted(shape) for shape in shapes]
    each = sum(2 * n * n * (2 * m + n) for n, m in sides)
    return float(config.n_layer * MUON_ROUNDS * each)


def activation_memory(config: ModelConfig, vocab_size: int, batch_size: int) -> int:
    """Bytes that one training step keeps between forward and backward, in float32.

    Counted as numbers per token: what an operation needs for its gradient is kept once, however
    many operations need it. A norm keeps its input, mean and spread (RMSNorm its input twice); a
    linear map its input; ReLU its output (which is the next map's input), GELU and the squared ReLU
    both, SwiGLU four parts of its width. The fused attention keeps queries, keys,
    values, its output and one number per row, not the T × T weights (Dao et al. 2022); on a CPU the
    weights are kept where that is quicker, and with dropout their mask and their product as well.
    Additions keep nothing.
    """
    V, C, L, W = vocab_size, config.n_embd, config.n_layer, config.width
    tokens = batch_size * config.block_size
    read_out = V  # log-probabilities
    if config.architecture == "bigram":
        return FLOAT * tokens * read_out + 8 * tokens * 2
    dropout = config.dropout > 0
    # Without residual path and dropout, what a part puts out is itself what the next one keeps.
    passed_on = C if not config.residual and not dropout else 0
    norm = 0 if config.norm == "none" else 2 * C + 1 if config.norm_kind == "rms" else C + 2
    row = config.n_head * config.block_size  # weights of one position
    kept = config.n_head
    if dropout:
        kept = C + 3 * row
    elif config.trains_plainly(config.block_size):
        kept = row
    attention = norm + C + _queries_keys_values(config) + W + kept
    if not config.output_projection:
        attention -= passed_on
    hidden = config.hidden
    bends = {"relu": 1, "swiglu": 4}.get(config.activation, 2)
    if not hidden:  # what the bend puts out is what the part puts out: nobody keeps it here
        bends = max(1, bends - 1)
    feed_forward = norm + C + bends * (hidden or C) + (C if dropout else 0)
    if not hidden and config.activation == "relu":
        feed_forward -= passed_on
    layer = attention + (feed_forward if config.feed_forward else 0)
    final = C + (norm if config.norm == "pre" else 0)
    return FLOAT * tokens * (L * layer + final + read_out) + 8 * tokens * 2


def _queries_keys_values(config: ModelConfig) -> int:
    """Numbers per token that attention keeps of them, copies made on the way included."""
    H, K, D = config.n_head, config.kv_heads, config.size_of_head
    projected, met = (H + 2 * K) * D, (H + K) * D
    shared = 2 * H * D if K < H else 0  # keys and values repeated for the heads of their group
    spreads = (H + K) * (1 if config.norm_kind == "rms" else 2)
    normed = projected + spreads if config.qk_norm else 0
    if config.trains_plainly(config.block_size):
        return 3 * H * D + normed
    if config.qk_norm:  # the kernel's output is then copied once more, for whoever needs it
        copied = H > 1 and (config.output_projection or not config.residual)
        return met + normed + shared + H * D * copied
    if config.positions == "rotary" and not config.dropout:
        return met + (shared or projected)
    return projected + shared


def peak_memory(config: ModelConfig, vocab_size: int, batch_size: int) -> int:
    """Bytes at the fullest moment of a training step: 4 copies of the weights, and activations.

    The copies are the weights, their gradients, and AdamW's two moments (Kingma & Ba 2015); Muon
    keeps one moment of a matrix, which is not counted less here. At the start of the backward pass
    the scores and their gradient are there too.
    """
    weights = sum(parameters_by_component(config, vocab_size).values())
    scores = 2 * batch_size * config.block_size * vocab_size
    return FLOAT * (4 * weights + scores) + activation_memory(config, vocab_size, batch_size)


# --- time ------------------------------------------------------------------------------------

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # of a Linux container: microseconds of each so many
FLOPS_FOR_THREADS = 1e9  # per step: below it, two threads mostly wait for each other (measured)


def useful_threads(flops: float, available: int) -> int:
    """How many of `available` threads make a training step of so many FLOPs quicker."""
    return available if flops >= FLOPS_FOR_THREADS else 1


def available_cores() -> int:
    """The CPU cores that this process may use: fewer than the machine's where it is held to some of
    them (taskset, a container with a set of cores) or to a share of their time (docker --cpus)."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    try:
        quota, period = CPU_MAX.read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # none, or "max"
        return cores
