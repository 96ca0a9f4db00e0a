"""What there is to know of a run in order to do it again: read from its folder.

A run's folder (see `gpt.record`) says all; a checkpoint alone says all but the losses of the first
steps. `Recipe.facts` is what `specialise` puts into the library's sources.
"""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt.checkpoint import read_config
from gpt.config import ModelConfig, Preset
from gpt.costs import FLOPS_FOR_THREADS, flops_per_iteration
from gpt.devices import FLOPS_FOR_BFLOAT16
from gpt.errors import ConfigError
from gpt.takehome.known import Facts
from gpt.tokenizers import TRAINABLE
from gpt.tokenizers.byte_pairs import END_OF_TEXT

FIRST_STEPS = 10  # whose losses a receipt holds
ARGUMENTS: dict[str, dict[str, Any]] = {  # what functions are always given
    "character": {"characters": 1.0},  # of a token
    "bpe": {"rule": "gpt2", "unknown": "error"},
}
LEARNT: dict[str, Any] = {  # of byte pairs that were learnt from the whole of a readable text
    "self.unknown(text)": [],
    "next((i for i in ids if not 0 <= i < self.vocab_size), None)": None,
}


@dataclass(frozen=True)
class Recipe:
    """A run: its settings, its text, and what its first steps came to."""

    preset: Preset
    vocab_size: int
    corpus: dict[str, Any]  # name and sha256
    run: str = ""
    losses: tuple[float, ...] = ()
    environment: dict[str, Any] = field(default_factory=dict)  # versions, device; {}: not recorded
    tokenizer: dict[str, Any] = field(default_factory=lambda: {"kind": "character"})

    @property
    def flops(self) -> float:
        """FLOPs of one step."""
        batch_size = self.preset.train.batch_size
        return flops_per_iteration(self.preset.model, self.vocab_size, batch_size)

    @property
    def text_file(self) -> str:
        """What the file of the text is called, unless it is told."""
        name = Path(str(self.corpus.get("name", "text"))).name or "text"
        if name == "tinyshakespeare":
            return "input.txt"
        return name if name.endswith(".txt") else f"{name}.txt"

    @property
    def brings_its_text(self) -> bool:
        """Whether the text can be made anywhere."""
        return self.corpus["name"] in ("python_docs", "copying")

    @property
    def facts(self) -> Facts:
        """What is known before the plain program runs; raises ConfigError where there is none."""
        if (kind := self.tokenizer["kind"]) not in TRAINABLE:
            raise ConfigError(
                f"This run reads tokens of kind {kind!r}, which cannot be learnt from its text:"
                " only characters and byte pairs can be written as a program or a notebook."
            )
        model, train = self.preset.model, self.preset.train
        properties = ("size_of_head", "kv_heads", "hidden", "width")
        settings = model.to_dict() | train.to_dict()
        settings |= {name: getattr(model, name) for name in properties}
        settings |= {
            "flops": self.flops,
            "tokenizer": kind,
            "corpus": str(self.corpus["name"]),
            "text_file": self.text_file,
            "text_sha256": self.corpus["sha256"],
        }
        known: dict[str, Any] = {
            "self.config.trains_plainly(T)": model.trains_plainly(model.block_size),
            "self._mask(T, k.shape[2], x.device)": None,  # without a cache it never is another
            "k.shape[2] == T": True,
            "K < H": model.kv_heads < model.n_head,
            "self.feed_forward is not None": model.feed_forward,
            "self.position_embedding is not None": model.positions == "learned",
            "self.final_norm is not None": model.norm == "pre",
        }
        if train.warmup_steps == 0:
            known["step < config.warmup_steps"] = False
        gone = {"check_length", "check_filters"} | (
            {"self.tie"} if not model.tie_weights else set()
        )
        if kind == "bpe":
            settings["bpe_vocab_size"] = self.tokenizer.get("vocab_size") or self.vocab_size
            known |= LEARNT
        if not may_round(self):
            known["dtype_of_products(config.precision, config.flops, CPU)"] = None
            gone |= {"products_in"}
        if model.dropout == 0:
            known |= {
                "self.config.dropout": 0.0,
                "self.config.dropout if self.training else 0.0": 0.0,
            }
        if self.flops < FLOPS_FOR_THREADS:
            known["useful_threads(config.flops, available_cores())"] = 1
        network = "Bigram" if model.architecture == "bigram" else "GPT"
        return Facts(
            settings,
            known,
            {"LanguageModel": network},
            _same(model),
            frozenset(gone),
            arguments=ARGUMENTS[kind],
        )


def may_round(recipe: Recipe) -> bool:
    """Whether a CPU may compute the products of this run in bfloat16."""
    precision = recipe.preset.train.precision
    return precision == "bfloat16" or (precision == "auto" and recipe.flops >= FLOPS_FOR_BFLOAT16)


def _same(model: ModelConfig) -> frozenset[str]:
    """Parts of the model that do nothing with these settings."""
    parts = {
        "self.dropout": model.dropout == 0,
        "dropped": model.dropout == 0,
        "self.projection": not model.output_projection,
        "self.narrow": model.hidden == 0,
    }
    return frozenset(name for name, idle in parts.items() if idle)


def read_recipe(folder: Path) -> Recipe:
    """The recipe of a run or a checkpoint; raises ConfigError or CheckpointError with why not."""
    if folder.name == "checkpoint" and (folder.parent / "run.json").exists():
        folder = folder.parent
    inner = folder / "checkpoint"
    config = read_config(inner if (inner / "config.json").exists() else folder)
    about, card, tokenizer = (
        read_json(folder / "run.json") or {},
        config["card"],
        config["tokenizer"],
    )
    learned = {"kind": tokenizer.get("kind")}
    if learned["kind"] == "bpe":
        if (tokenizer.get("rule"), tokenizer.get("special_tokens")) != ("gpt2", [END_OF_TEXT]):
            raise ConfigError(
                f"The byte pairs of {folder} were learnt by a rule or with special tokens of their"
                " own: only those of `train_tokenizer` can be learnt anew."
            )
        learned["vocab_size"] = config["vocab_size"]
    named = {"name": card.get("corpus"), "sha256": card.get("corpus_sha256")}
    corpus = about.get("corpus") or named
    told = about.get("tokenizer") or {}
    if not corpus.get("name") or not corpus.get("sha256"):
        raise ConfigError(
            f"{folder} does not say which text it learned from: use the run's folder."
        )
    return Recipe(
        Preset.from_dict(config["preset"]),
        config["vocab_size"],
        corpus,
        str(about.get("id", "")),
        first_losses(folder / "events.jsonl"),
        read_json(folder / "environment.json") or {},
        told if told.get("kind") == learned["kind"] else learned,
    )


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None when it is missing or is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def first_losses(path: Path) -> tuple[float, ...]:
    """The losses of the first steps in a file of events; () when it is not there."""
    losses: dict[int, float] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                event = _parsed(line)
                if event.get("kind") == "step" and event.get("loss") is not None:
                    losses.setdefault(event["step"], event["loss"])
                if len(losses) == FIRST_STEPS:
                    break
    except OSError:
        pass
    told = itertools.takewhile(losses.__contains__, range(1, FIRST_STEPS + 1))
    return tuple(losses[step] for step in told)  # a thinned record has gaps


def _parsed(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
