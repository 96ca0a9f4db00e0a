"""The tutorial's own form of every rung, restated to measure against.

Follows the programs built on screen in Andrej Karpathy's "Let's build GPT: from scratch, in code,
spelled out": one module per head with its own key, query and value projections, a mask buffer, a
softmax written out, batches stacked from slices, a constant learning rate, sampling that feeds the
whole window back for every character. Nothing here is meant to be fast; `gpt/` must give the same
losses in less time. It imports nothing of `gpt/`, so that it can be wrong only on its own.

Shape letters: B batch, T time, C channels, D head size, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Rung:
    """What one stage of the tutorial fixes: the network, the batch and the optimizer."""

    kind: str  # "bigram", or "heads" (attention straight into the output), or "blocks"
    batch_size: int = 32
    block_size: int = 8
    learning_rate: float = 1e-3
    max_steps: int = 5000
    n_embd: int = 32
    n_head: int = 1
    n_layer: int = 1
    dropout: float = 0.0
    feed_forward: bool = False  # only for "heads": the one-layer form, before blocks widen it
    scale_by: str = "head_size"  # the lecture's program divides by sqrt(n_embd): "n_embd"


_heads = Rung(kind="heads")
_blocks = Rung(kind="blocks", n_head=4, n_layer=3)
RUNGS: dict[str, Rung] = {
    "bigram": Rung(kind="bigram", learning_rate=1e-2, max_steps=3000),
    "self_attention": _heads,
    "multi_head": replace(_heads, n_head=4),
    "multi_head_feed_forward": replace(_heads, n_head=4, feed_forward=True),
    "blocks": _blocks,
    "gpt_tutorial": replace(
        _blocks,
        batch_size=64,
        block_size=256,
        learning_rate=3e-4,
        n_embd=384,
        n_head=6,
        n_layer=6,
        dropout=0.2,
    ),
    "gpt_mini": replace(
        _blocks, batch_size=12, block_size=64, max_steps=2000, n_embd=128, n_layer=4
    ),
}


class Head(nn.Module):
    """One head of causal self-attention."""

    tril: Tensor

    def __init__(self, rung: Rung, head_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(rung.n_embd, head_size, bias=False)
        self.query = nn.Linear(rung.n_embd, head_size, bias=False)
        self.value = nn.Linear(rung.n_embd, head_size, bias=False)
        self.register_buffer("tril", torch.tril(torch.ones(rung.block_size, rung.block_size)))
        self.dropout = nn.Dropout(rung.dropout)
        self.scale = (head_size if rung.scale_by == "head_size" else rung.n_embd) ** -0.5

    def forward(self, x: Tensor) -> Tensor:
        time = x.shape[1]
        scores = self.query(x) @ self.key(x).transpose(-2, -1) * self.scale  # (B, T, T)
        scores = scores.masked_fill(self.tril[:time, :time] == 0, float("-inf"))
        weights = self.dropout(F.softmax(scores, dim=-1))
        return weights @ self.value(x)  # (B, T, D)


class MultiHeadAttention(nn.Module):
    """Heads one after the other, their outputs side by side; projected once blocks need it."""

    def __init__(self, rung: Rung, projection: bool) -> None:
        super().__init__()
        head_size = rung.n_embd // rung.n_head
        self.heads = nn.ModuleList([Head(rung, head_size) for _ in range(rung.n_head)])
        self.proj = nn.Linear(rung.n_embd, rung.n_embd) if projection else None
        self.dropout = nn.Dropout(rung.dropout)

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([head(x) for head in self.heads], dim=-1)  # (B, T, C)
        return joined if self.proj is None else self.dropout(self.proj(joined))


def wide_feed_forward(rung: Rung) -> nn.Sequential:
    """C -> 4C -> C, the form that blocks use."""
    width = rung.n_embd
    return nn.Sequential(
        nn.Linear(width, 4 * width),
        nn.ReLU(),
        nn.Linear(4 * width, width),
        nn.Dropout(rung.dropout),
    )


class Block(nn.Module):
    """Communication, then computation, each on a residual path behind a layer norm."""

    def __init__(self, rung: Rung) -> None:
        super().__init__()
        self.sa = MultiHeadAttention(rung, projection=True)
        self.ffwd = wide_feed_forward(rung)
        self.ln1 = nn.LayerNorm(rung.n_embd)
        self.ln2 = nn.LayerNorm(rung.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.sa(self.ln1(x))
        return x + self.ffwd(self.ln2(x))


def network_body(rung: Rung) -> nn.Sequential:
    """What lies between the embeddings and the output layer."""
    if rung.kind == "blocks":
        return nn.Sequential(*[Block(rung) for _ in range(rung.n_layer)], nn.LayerNorm(rung.n_embd))
    layers: list[nn.Module] = [MultiHeadAttention(rung, projection=False)]
    if rung.feed_forward:
        layers += [nn.Linear(rung.n_embd, rung.n_embd), nn.ReLU()]
    return nn.Sequential(*layers)


class TutorialModel(nn.Module):
    """The language model of one rung. `forward` gives logits (B, T, V) and the mean loss."""

    def __init__(self, rung: Rung, vocab_size: int) -> None:
        super().__init__()
        self.rung = rung
        self.bigram = rung.kind == "bigram"
        width = vocab_size if self.bigram else rung.n_embd
        self.token_embedding = nn.Embedding(vocab_size, width)
        if not self.bigram:
            self.position_embedding = nn.Embedding(rung.block_size, rung.n_embd)
            self.body = network_body(rung)
            self.lm_head = nn.Linear(rung.n_embd, vocab_size)

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        logits = self.token_embedding(idx)  # (B, T, V) already, if this is the bigram
        if not self.bigram:
            positions = self.position_embedding(torch.arange(idx.shape[1], device=idx.device))
            logits = self.lm_head(self.body(logits + positions))  # (B, T, C) -> (B, T, V)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    def generate(self, idx: Tensor, max_new_tokens: int) -> Tensor:
        """Append `max_new_tokens` samples to idx (B, T); the window is recomputed every time."""
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -self.rung.block_size :])
            probabilities = F.softmax(logits[:, -1, :], dim=-1)  # (B, V)
            idx = torch.cat((idx, torch.multinomial(probabilities, num_samples=1)), dim=1)
        return idx


def get_batch(data: Tensor, rung: Rung) -> tuple[Tensor, Tensor]:
    """Random windows of `data` and the same windows one character later, each (B, T)."""
    starts = torch.randint(len(data) - rung.block_size, (rung.batch_size,))
    x = torch.stack([data[i : i + rung.block_size] for i in starts])
    y = torch.stack([data[i + 1 : i + rung.block_size + 1] for i in starts])
    return x, y


@torch.no_grad()
def estimate_loss(model: TutorialModel, data: Tensor, eval_iters: int = 200) -> float:
    """Mean loss over `eval_iters` random batches of `data`, in evaluation mode."""
    model.eval()
    losses = torch.zeros(eval_iters)
    for k in range(eval_iters):
        losses[k] = model(*get_batch(data, model.rung))[1].item()
    model.train()
    return losses.mean().item()


def make_optimizer(model: TutorialModel) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), lr=model.rung.learning_rate)


def training_step(model: TutorialModel, optimizer: torch.optim.Optimizer, data: Tensor) -> Tensor:
    """One batch, one update; the loss before the update."""
    _, loss = model(*get_batch(data, model.rung))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss


def encode(text: str) -> tuple[Tensor, Tensor, int]:
    """Characters to ids in sorted order: training part (first 90 %), validation part, V."""
    characters = sorted(set(text))
    index = {character: i for i, character in enumerate(characters)}
    ids = torch.tensor([index[character] for character in text], dtype=torch.long)
    cut = int(0.9 * len(ids))
    return ids[:cut], ids[cut:], len(characters)
