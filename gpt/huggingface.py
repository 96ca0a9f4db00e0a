"""GPT-2 from a local Hugging Face folder: the same network under other names.

    config.json                                  the settings
    model.safetensors                            the weights
    vocab.json, merges.txt (or tokenizer.json)   the tokenizer

Its linear maps are stored transposed (OpenAI wrote them as convolutions of width 1: (in, out)
instead of (out, in)), and the read-out is the token embedding unless the settings say otherwise.
Nothing is fetched and nothing unpickled. Leaves out other networks; such a
folder is written by `takehome.huggingface`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gpt.checkpoint import read_weights
from gpt.config import ModelConfig, Preset
from gpt.errors import CheckpointError, GPTError
from gpt.model import LanguageModel, build_model, load_weights, weights_of
from gpt.tokenizers import GPT2Tokenizer

WEIGHTS, CONFIG = "model.safetensors", "config.json"

FIXED = {  # settings of theirs that ours has not, and the only value that can be read
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}
ACTIVATIONS = {  # theirs → ours
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
}
PARTS = {  # ours → theirs
    "token_embedding": "wte",
    "position_embedding": "wpe",
    "attention_norm": "ln_1",
    "attention.query_key_value": "attn.c_attn",
    "attention.projection": "attn.c_proj",
    "feed_forward_norm": "ln_2",
    "feed_forward.widen": "mlp.c_fc",
    "feed_forward.narrow": "mlp.c_proj",
    "final_norm": "ln_f",
    "lm_head": "lm_head",
}
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
MASKS = (".attn.bias", ".attn.masked_bias")  # older files keep the causal mask as if learnt


def is_huggingface(folder: str | os.PathLike[str]) -> bool:
    """Whether the folder's config.json is one of Hugging Face, which says what model it is of."""
    try:
        return "model_type" in json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def load_huggingface(
    folder: str | os.PathLike[str], device: str = "cpu"
) -> tuple[LanguageModel, GPT2Tokenizer, dict[str, Any]]:
    """Return the model (in evaluation mode), its tokenizer and its card, as `load_checkpoint` does.

    Raises CheckpointError with the reason where the folder is not a whole GPT-2.
    """
    folder = Path(folder)
    values = _read_config(folder / CONFIG)
    config = _model_config(values)
    tokenizer = GPT2Tokenizer.from_folder(folder)
    if values["vocab_size"] != tokenizer.vocab_size:
        raise CheckpointError(
            f"The parts of {folder} do not belong together: its tokenizer has"
            f" {tokenizer.vocab_size} tokens, its model {values['vocab_size']}."
        )
    theirs = _read_weights(folder)
    model = build_model(config, tokenizer.vocab_size, seed=None)
    load_weights(model, _renamed(theirs, list(weights_of(model)), config))
    name = folder.resolve().name
    card = {
        "title": name,
        "source": "a Hugging Face folder",
        "parameters": sum(p.numel() for p in model.parameters()),
        "preset": Preset(name, name, "GPT-2 from a Hugging Face folder.", config).to_dict(),
    }
    return model.to(device).eval(), tokenizer, card


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"{path.parent} is not a Hugging Face folder: it has no {CONFIG}.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        kind = values.get("model_type")
    except (ValueError, AttributeError, RecursionError):
        raise CheckpointError(f"{path} is damaged: it is not the JSON of a model.") from None
    if kind != "gpt2":
        raise CheckpointError(
            f"{path.parent} holds a model of type {kind!r:.60}: only 'gpt2' is read."
        )
    return values


def _model_config(values: Mapping[str, Any]) -> ModelConfig:
    """Their settings as ours; dropout, which only training needs, is not taken over."""
    for name, only in FIXED.items():
        if values.get(name, only) != only:
            raise CheckpointError(
                f"This GPT-2 has {name} {values[name]!r:.60}: only {only!r} can be read."
            )
    bend = values.get("activation_function", "gelu_new")
    if not isinstance(bend, str) or bend not in ACTIVATIONS:
        raise CheckpointError(
            f"This GPT-2 has the activation {bend!r:.60}: only {', '.join(ACTIVATIONS)} can be"
            " read."
        )
    try:
        width, inner = values["n_embd"], values.get("n_inner")
        multiple, rest = (4, 0) if inner is None else divmod(inner, width)
        if rest or multiple == 0:
            raise CheckpointError(f"n_inner ({inner}) must be a multiple of n_embd ({width})")
        return ModelConfig.from_dict(
            {
                "block_size": values["n_positions"],
                "n_layer": values["n_layer"],
                "n_head": values["n_head"],
                "n_embd": width,
                "feed_forward_multiple": multiple,
                "activation": ACTIVATIONS[bend],
                "qkv_bias": True,
                "read_out_bias": False,
                "tie_weights": values.get("tie_word_embeddings", True),
            }
        )
    except (KeyError, TypeError, ZeroDivisionError, GPTError) as error:
        raise CheckpointError(f"The {CONFIG} of this GPT-2 cannot be used: {error}.") from None


def _read_weights(folder: Path) -> dict[str, Tensor]:
    if (folder / WEIGHTS).is_file():
        return read_weights(folder / WEIGHTS)
    if (folder / f"{WEIGHTS}.index.json").is_file():
        raise CheckpointError(
            f"The weights of {folder} are in several files: only one can be read."
        )
    if list(folder.glob("*.bin")):
        raise CheckpointError(
            f"The weights of {folder} are pickled, and a pickle can run a program when it is"
            f" opened: save them as {WEIGHTS}."
        )
    raise CheckpointError(f"{folder} has no {WEIGHTS}.")


def _renamed(
    theirs: Mapping[str, Tensor], names: list[str], config: ModelConfig
) -> dict[str, Tensor]:
    """Their weights under our `names`; raises CheckpointError for one too many or too few."""
    left = {name.removeprefix("transformer."): w for name, w in theirs.items()}
    left = {name: w for name, w in left.items() if not name.endswith(MASKS)}
    if config.tie_weights:
        left.pop("lm_head.weight", None)
    renamed = {}
    for name in names:
        their = their_name(name)
        if their not in left:
            raise CheckpointError(f"The weights are not those of this model: {their} is missing.")
        weight = left.pop(their)
        renamed[name] = weight.T if their.endswith(TRANSPOSED) and weight.dim() == 2 else weight
    if left:
        raise CheckpointError(f"The weights are not those of this model: it has no {min(left)}.")
    return renamed


def their_name(name: str) -> str:
    """blocks.3.attention.projection.weight → h.3.attn.c_proj.weight"""
    layer = ""
    if name.startswith("blocks."):
        _, number, name = name.split(".", 2)
        layer = f"h.{number}."
    part, kind = name.rsplit(".", 1)
    return f"{layer}{PARTS[part]}.{kind}"
