"""The models: a table of next-character scores, and one GPT that is every other rung.

`build_model(config, vocab_size)` makes either. Both are called the same way:
`logits, loss = model(idx, targets)` with idx and targets (B, T) token ids, logits (B, T, V) and
loss a scalar in nats per token (None without targets). Follows Karpathy's "Let's build GPT" and
Radford et al. 2019 (GPT-2) for the initialisation. Building never touches PyTorch's global random
state: weights come from a generator of their own, so that two builds with one seed are equal.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.attention import KVCache
from gpt.blocks import Block, make_norm
from gpt.config import ModelConfig
from gpt.devices import without_weights
from gpt.errors import CheckpointError, GPTError


class Bigram(nn.Module):
    """Row i of one (V, V) table holds the scores of every token that may follow token i."""

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        self.table = nn.Embedding(vocab_size, vocab_size)

    def forward(
        self, idx: Tensor, targets: Tensor | None = None, cache: KVCache | None = None
    ) -> tuple[Tensor, Tensor | None]:
        if cache is not None:
            cache.advance(idx.shape[1])
        logits = self.table(idx)  # (B, T) → (B, T, V)
        return logits, None if targets is None else next_token_loss(logits, targets)


class GPT(nn.Module):
    """Embed tokens and positions, run the blocks, read out scores for the next token."""

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        C = config.n_embd
        self.token_embedding = nn.Embedding(vocab_size, C)
        self.position_embedding = (
            nn.Embedding(config.block_size, C) if config.positions == "learned" else None
        )
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.final_norm = make_norm(config) if config.norm == "pre" else None
        self.lm_head = nn.Linear(C, vocab_size, bias=config.bias and config.read_out_bias)
        self.tie()

    def forward(
        self, idx: Tensor, targets: Tensor | None = None, cache: KVCache | None = None
    ) -> tuple[Tensor, Tensor | None]:
        T = idx.shape[1]
        start = cache.length if cache is not None else 0
        if start + T > self.config.block_size:
            raise GPTError(
                f"{start + T} tokens do not fit into the context of {self.config.block_size}: pass"
                f" at most the last {self.config.block_size}."
            )
        x = self.token_embedding(idx)  # (B, T) → (B, T, C)
        if self.position_embedding is not None:
            x = x + self.position_embedding.weight[start : start + T]  # + (T, C)
        for block in self.blocks:
            x = block(x, cache)  # (B, T, C)
        if cache is not None:
            cache.advance(T)
        logits = self.read_out(x)  # (B, T, V)
        return logits, None if targets is None else next_token_loss(logits, targets)

    def read_out(self, x: Tensor) -> Tensor:
        """Scores for the next token from what the last block leaves. (B, T, C) → (B, T, V)."""
        if self.final_norm is not None:
            x = self.final_norm(x)
        return self.lm_head(x)

    def tie(self) -> None:
        """Let one matrix both embed tokens and read out scores, if the configuration says so."""
        if self.config.tie_weights:
            self.lm_head.weight = self.token_embedding.weight


LanguageModel = Bigram | GPT


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats: how surprised the model is by each true next token."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def weights_of(model: LanguageModel) -> dict[str, Tensor]:
    """All weights by name; a matrix that is tied to another appears once."""
    return {name: p.detach() for name, p in model.named_parameters()}


@torch.no_grad()
def load_weights(model: LanguageModel, weights: Mapping[str, Tensor]) -> None:
    """Copy `weights` into `model`; raises CheckpointError unless names and shapes are the same."""
    own = dict(model.named_parameters())
    if strange := sorted(own.keys() ^ weights.keys()):
        raise CheckpointError(
            f"The weights are not those of this model: {strange[0]!r} is in one and not the other."
        )
    for name, parameter in own.items():
        if parameter.shape != weights[name].shape:
            raise CheckpointError(
                f"The weights are not those of this model: {name} is {tuple(weights[name].shape)},"
                f" expected {tuple(parameter.shape)}."
            )
    for name, parameter in own.items():  # only now, so that a refusal changes nothing
        parameter.copy_(weights[name])


def build_model(
    config: ModelConfig,
    vocab_size: int,
    seed: int | None = 1337,
    device: str | torch.device = "cpu",
) -> LanguageModel:
    """Make the model that `config` describes, with weights drawn from `seed`.

    With seed None the weights are whatever stood in memory: load others over them.
    """
    kind = Bigram if config.architecture == "bigram" else GPT
    with without_weights():
        model = kind(config, vocab_size)
    # As `to_empty` does, which would load sympy to copy the strides: 0.4 seconds of a first page.
    model = model._apply(lambda weights: torch.empty(weights.shape, dtype=weights.dtype))
    if isinstance(model, GPT):
        model.tie()
    if seed is not None:
        initialise(model, torch.Generator().manual_seed(seed))
    return model.to(device)


@torch.no_grad()
def initialise(model: LanguageModel, generator: torch.Generator) -> None:
    """Fill all weights: GPT-2's way, or PyTorch's defaults as the tutorial's scripts have it.

    GPT-2: normal with standard deviation 0.02, biases 0; what is added to the residual path is
    scaled by 1/√(2L), so that its variance does not grow with depth (Radford et al., section 2.3).
    Tutorial: embeddings from N(0, 1), linear maps uniform within ±1/√fan_in.
    """
    config = model.config
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm | nn.RMSNorm):
            module.reset_parameters()
        elif isinstance(module, nn.Embedding):
            std = 0.02 if config.init == "gpt2" else 1.0
            module.weight.normal_(0.0, std, generator=generator)
        elif isinstance(module, nn.Linear) and config.init == "tutorial":
            bound = 1 / math.sqrt(module.in_features)
            for parameter in module.parameters():
                parameter.uniform_(-bound, bound, generator=generator)
        elif isinstance(module, nn.Linear):
            onto_path = name.endswith((".projection", ".narrow"))
            std = 0.02 / math.sqrt(2 * config.n_layer) if onto_path else 0.02
            module.weight.normal_(0.0, std, generator=generator)
            if module.bias is not None:
                module.bias.zero_()
