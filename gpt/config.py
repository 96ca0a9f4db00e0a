"""Settings: what a model is made of and how it is trained.

Every rung of the tutorial's ladder is one `ModelConfig` (see `presets`): the rungs differ in data,
not in code. All settings are frozen and checked when they are made; a mistake raises `ConfigError`
with the field, the value, the limit and the remedy. Leaves out anything about devices and files.

Shape letters used in all of gpt/: B batch, T time (position), C channels (n_embd), H heads,
D head size, V vocabulary, L layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from gpt.errors import ConfigError, nearest
from gpt.settings import Settings, check

CHOICES = {
    "architecture": ("gpt", "bigram"),
    "activation": ("relu", "gelu", "gelu_tanh", "relu_squared", "swiglu"),
    "norm": ("pre", "post", "none"),
    "norm_kind": ("layer", "rms"),
    "positions": ("learned", "rotary", "none"),
    "attention_scale": ("head_size", "n_embd", "none"),
    "init": ("gpt2", "tutorial"),
    "optimizer": ("adamw", "muon"),
    "schedule": ("constant", "cosine", "linear"),
    "precision": ("auto", "float32", "bfloat16"),
}


@dataclass(frozen=True)
class ModelConfig(Settings):
    """What a model is made of.

    `architecture="bigram"` is a single (V, V) table and uses none of the other fields except
    `block_size`, the longest context that batches are cut to.
    """

    architecture: str = "gpt"
    block_size: int = 8  # T: the longest context the model can look at, in tokens
    n_layer: int = 1  # L: blocks, one after the other
    n_head: int = 1  # H: attention heads side by side in a block
    n_kv_head: int = 0  # heads of keys and values, each shared by a group of heads; 0 means n_head
    n_embd: int = 32  # C: numbers that stand for one token
    head_size: int = 0  # D: 0 means n_embd / n_head
    dropout: float = 0.0  # share of activations set to zero while training
    feed_forward: bool = True  # a small network applied to each position after attention
    feed_forward_multiple: int = 4  # its hidden width, in multiples of n_embd; 0 = no hidden layer
    activation: str = "relu"
    residual: bool = True  # add a layer's output to its input instead of replacing it
    norm: str = "pre"  # a norm before each part, after its addition, or none
    norm_kind: str = "layer"  # layer norm, or RMSNorm, which only divides by the length
    output_projection: bool = True  # a linear map that mixes the heads' outputs
    positions: str = "learned"  # a learned vector each, queries and keys turned (rotary), or none
    causal: bool = True  # a position may look at itself and the past only
    qk_norm: bool = False  # queries and keys brought to one length before they meet
    attention_scale: str = "head_size"  # divide scores by √head_size, by √n_embd (a slip), or not
    bias: bool = True  # biases in linear maps and norms
    qkv_bias: bool = False  # queries, keys and values have biases too, as in GPT-2
    read_out_bias: bool = True  # where there are biases, the read-out has one; GPT-2's has none
    tie_weights: bool = False  # the same matrix embeds tokens and reads out logits
    init: str = "gpt2"  # GPT-2's initialisation, or PyTorch's default as in the tutorial

    def __post_init__(self) -> None:
        check(
            self,
            {
                "block_size": (1, 8192),
                "n_layer": (1, 96),
                "n_head": (1, 96),
                "n_kv_head": (0, 96),
                "n_embd": (1, 12288),
                "head_size": (0, 12288),
                "dropout": (0.0, 0.9),
                "feed_forward_multiple": (0, 16),
            },
            CHOICES,
        )
        if self.head_size == 0 and self.n_embd % self.n_head:
            fitting = max(1, self.n_embd // self.n_head) * self.n_head
            raise ConfigError(
                f"n_embd ({self.n_embd}) must be divisible by n_head ({self.n_head}), so that every"
                f" head gets the same share: try n_embd {fitting}."
            )
        if self.n_head % self.kv_heads:
            raise ConfigError(
                f"n_head ({self.n_head}) must be divisible by n_kv_head ({self.n_kv_head}), so that"
                " every head of keys and values serves the same number: set n_kv_head to 0."
            )
        if self.positions == "rotary" and self.size_of_head % 2:
            raise ConfigError(
                f"Rotary positions turn pairs of numbers: the head size must be even, got"
                f" {self.size_of_head}."
            )
        if not self.output_projection and self.width != self.n_embd:
            raise ConfigError(
                f"Without an output projection the heads' outputs (n_head × head_size ="
                f" {self.width}) must be as wide as n_embd ({self.n_embd}): set head_size to 0."
            )

    @property
    def size_of_head(self) -> int:
        """D, the size of one head's queries, keys and values."""
        return self.head_size or self.n_embd // self.n_head

    @property
    def kv_heads(self) -> int:
        """How many heads of keys and values there are."""
        return self.n_kv_head or self.n_head

    @property
    def hidden(self) -> int:
        """The hidden width of the feed-forward network; 0 = it has no hidden layer.

        SwiGLU has three matrices instead of two and two thirds of the width: the same parameters.
        """
        hidden = self.feed_forward_multiple * self.n_embd
        return hidden * 2 // 3 if self.activation == "swiglu" else hidden

    @property
    def width(self) -> int:
        """H × D, the width of all heads' outputs side by side."""
        return self.n_head * self.size_of_head

    def trains_plainly(self, T: int) -> bool:
        """Whether a CPU trains on T tokens at once faster with `plain_attention`.

        Measured against PyTorch's fused kernel: 15 to 25 % less time for T from 32 to 256; the
        kernel wins below. The price is memory for the weights, (B, H, T, T), which the kernel
        computes anew on the way back. With dropout there is no kernel on a CPU: always plain.
        """
        return self.causal and (self.dropout > 0 or 32 <= T <= 256)


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How a model is trained. Steps are optimizer updates; losses are nats per token."""

    batch_size: int = 32  # B: windows of text per step
    max_steps: int = 5000
    learning_rate: float = 1e-3
    seed: int = 1337  # decides the weights at the start, the batches, dropout and samples
    precision: str = "auto"  # of the products; auto takes bfloat16 where the hardware has it
    optimizer: str = "adamw"  # or Muon for the matrices of the blocks, AdamW for the rest
    schedule: str = "constant"  # the learning rate over time
    warmup_steps: int = 0  # steps over which the learning rate rises from 0
    min_learning_rate: float = 0.0  # where the cosine or the line ends
    weight_decay: float = 0.01  # on matrices only, never on biases and norms
    beta1: float = 0.9
    beta2: float = 0.999
    grad_clip: float = 0.0  # longest allowed gradient (its norm); 0 = no limit
    eval_interval: int = 500  # steps between two estimates of both losses
    eval_iters: int = 200  # batches per split in one estimate
    patience: int = 0  # stop after so many estimates without a better validation loss; 0 = never
    keep_best: bool = False  # at the end, go back to the weights with the best validation loss
    prompt: str = "\n"  # what the samples during training continue
    sample_tokens: int = 160

    def __post_init__(self) -> None:
        check(
            self,
            {
                "batch_size": (1, 4096),
                "max_steps": (1, 10_000_000),
                "learning_rate": (1e-8, 10.0),
                "seed": (0, 2**31 - 1),
                "warmup_steps": (0, 1_000_000),
                "min_learning_rate": (0.0, 10.0),
                "weight_decay": (0.0, 10.0),
                "beta1": (0.0, 0.9999),
                "beta2": (0.0, 0.99999),
                "grad_clip": (0.0, 1000.0),
                "eval_interval": (1, 1_000_000),
                "eval_iters": (1, 10_000),
                "patience": (0, 10_000),
                "sample_tokens": (0, 10_000),
            },
            CHOICES,
        )


@dataclass(frozen=True)
class Preset:
    """A named, complete recipe: a model and how to train it."""

    name: str
    title: str
    summary: str
    model: ModelConfig
    train: TrainConfig = field(default_factory=TrainConfig)

    def with_settings(self, changes: Mapping[str, Any]) -> "Preset":
        """Return a copy with some fields of `model` or `train` changed and checked.

        >>> gpt.PRESETS["blocks"].with_settings({"n_layer": 2, "learning_rate": 3e-4}).model.n_layer
        2
        """
        model, train = {}, {}
        in_model = {f.name for f in fields(ModelConfig)}
        in_train = {f.name for f in fields(TrainConfig)}
        for name, value in changes.items():
            if name in in_model:
                model[name] = ModelConfig._convert(name, value)
            elif name in in_train:
                train[name] = TrainConfig._convert(name, value)
            else:
                hint = nearest(name, sorted(in_model | in_train))
                raise ConfigError(f"There is no setting {name!r}.{hint}")
        return replace(self, model=replace(self.model, **model), train=replace(self.train, **train))

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "model": self.model.to_dict(),
            "train": self.train.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preset":
        return cls(
            name=values["name"],
            title=values.get("title", values["name"]),
            summary=values.get("summary", ""),
            model=ModelConfig.from_dict(values["model"]),
            train=TrainConfig.from_dict(values["train"]),
        )
