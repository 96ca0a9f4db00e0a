"""Checkpoints: a folder of model.safetensors (weights) and config.json (everything else).

    model.safetensors   weights by name
    config.json         {"version", "preset", "vocab_size", "tokenizer", "card"}

Nothing is ever unpickled, so a checkpoint from a stranger can hold wrong numbers but no program.
Each file is written beside its place and moved there, so a crash leaves the old one or the new one,
never half of either. Reading is strict: a missing, cut or foreign file raises CheckpointError.
`save_state` keeps what training needs to go on exactly, in one file.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from gpt.config import Preset
from gpt.errors import CheckpointError, GPTError
from gpt.events import TrainState
from gpt.model import LanguageModel, build_model, load_weights, weights_of
from gpt.tokenizers import tokenizer_from_dict

VERSION = 1
WEIGHTS, CONFIG = "model.safetensors", "config.json"
PARTS = ("preset", "tokenizer", "card")


def save_checkpoint(
    folder: str | os.PathLike[str],
    model: LanguageModel,
    tokenizer: Any,
    preset: Preset,
    card: Mapping[str, Any] | None = None,
) -> Path:
    """Write a checkpoint and return its folder.

    `card` is any JSON about where the model comes from: text, steps, losses, date.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "version": VERSION,
        "preset": preset.to_dict(),
        "vocab_size": model.vocab_size,
        "tokenizer": tokenizer.to_dict(),
        "card": dict(card or {}),
    }
    save_weights(folder / WEIGHTS, weights_of(model))
    write_atomically(folder / CONFIG, json.dumps(config, indent=1, ensure_ascii=False).encode())
    return folder


def load_checkpoint(
    folder: str | os.PathLike[str], device: str = "cpu"
) -> tuple[LanguageModel, Any, dict[str, Any]]:
    """Return the model (in evaluation mode), its tokenizer, and its card.

    The card also holds "preset", the settings the model was made and trained with. Raises
    CheckpointError with the reason when the folder is not a whole checkpoint.
    """
    config = read_config(folder)
    try:
        preset = Preset.from_dict(config["preset"])
        tokenizer = tokenizer_from_dict(config["tokenizer"])
        if config["vocab_size"] != tokenizer.vocab_size:
            raise CheckpointError("its vocab_size is not that of its tokenizer")
        model = build_model(preset.model, tokenizer.vocab_size)
        card = {**config["card"], "preset": preset.to_dict()}
    except (KeyError, TypeError, AttributeError, GPTError) as error:
        raise CheckpointError(f"{Path(folder) / CONFIG} is damaged: {error}.") from None
    load_weights(model, read_weights(Path(folder) / WEIGHTS))
    return model.to(device).eval(), tokenizer, card


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the checked contents of config.json."""
    path = Path(folder) / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder} is not a checkpoint: it has no {CONFIG}.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        version = config["version"]
        if version == VERSION and not all(isinstance(config[name], dict) for name in PARTS):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CheckpointError(f"{path} is damaged: it is not the JSON of a checkpoint.") from None
    if version != VERSION:
        raise CheckpointError(
            f"{path} is of version {version}; this program reads version {VERSION}: update it."
        )
    return config


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name, whole or not at all."""
    write_atomically(path, to_bytes(_on_cpu(weights)))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name; raises CheckpointError when the file is missing, cut or foreign."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as weights: {error}.") from None


def save_state(path: str | os.PathLike[str], state: TrainState) -> None:
    """Write a training state as one safetensors file; its plain values are in the metadata."""
    data = to_bytes(_on_cpu(state.tensors), metadata={"state": json.dumps(state.meta)})
    write_atomically(Path(path), data)


def load_state(path: str | os.PathLike[str]) -> TrainState:
    """Read what `save_state` wrote."""
    tensors = read_weights(Path(path))
    with safe_open(path, framework="pt") as file:
        meta = file.metadata() or {}
    if "state" not in meta:
        raise CheckpointError(f"{path} holds weights, but no training state to continue from.")
    try:
        return TrainState(tensors, json.loads(meta["state"]))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is damaged: its metadata is not JSON.") from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader or a killed process sees the old file or the new one.

    There is no fsync: after a power cut the system may bring back an older file. Waiting for the
    disk at every snapshot would cost a small model more time than its training.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
