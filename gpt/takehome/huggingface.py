"""A model as a folder that `transformers` reads: config.json, model.safetensors, a tokenizer.

Where the network is GPT-2's, under other names, the folder is a plain GPT-2 (`load_huggingface`
backwards: linear maps transposed, biases that ours has not are 0). Every other network brings its
own source along, put together as in `script`, in `modeling_gpt.py`; transformers asks for
`trust_remote_code=True` before it runs that.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt.checkpoint import save_weights, write_atomically
from gpt.config import ModelConfig, Preset
from gpt.errors import ConfigError
from gpt.huggingface import ACTIVATIONS, CONFIG, TRANSPOSED, WEIGHTS, their_name
from gpt.model import LanguageModel, weights_of
from gpt.takehome.assemble import assemble
from gpt.takehome.recipe import Recipe
from gpt.takehome.script import harmless, sections
from gpt.tokenizers import CharTokenizer
from gpt.tokenizers.byte_pairs import BytePairs

GPT_2 = {  # what GPT-2 is, in our settings
    "architecture": "gpt", "norm": "pre", "norm_kind": "layer", "positions": "learned",
    "causal": True, "residual": True, "feed_forward": True, "qk_norm": False,
    "output_projection": True, "attention_scale": "head_size",
}  # fmt: skip
MODULE = "modeling_gpt"
WRAPPER = '''


# --- what transformers asks for ---


class FromScratchConfig(PretrainedConfig):
    """The settings stand above, as constants."""

    model_type = "gpt-from-scratch"


class FromScratchModel(PreTrainedModel, GenerationMixin):
    """The network above, called as transformers calls one."""

    config_class = FromScratchConfig
    main_input_name = "input_ids"

    def __init__(self, config: FromScratchConfig) -> None:
        super().__init__(config)
        self.network = {kind}(config.vocab_size)
        self.post_init()

    def forward(self, input_ids: Tensor, labels: Tensor | None = None, **_: Any) -> CausalLMOutput:
        logits, _ = self.network(input_ids[:, -block_size:])  # (B, T) → (B, T, V)
        loss = None
        if labels is not None:  # transformers gives the inputs themselves: shifted here
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return CausalLMOutput(loss=loss, logits=logits)
'''


def save_huggingface(
    folder: Path, model: LanguageModel, tokenizer: Any, title: str = "A GPT from scratch"
) -> Path:
    """Write the folder and return it; raises ConfigError for byte pairs in pieces not GPT-2's."""
    theirs = _characters(tokenizer) if tokenizer.kind == "character" else _byte_pairs(tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    if is_gpt_2(model.config):
        save_weights(folder / WEIGHTS, _as_gpt_2(model))
        values = _gpt_2_config(model)
    else:
        weights = {f"network.{name}": w for name, w in model.state_dict().items()}
        # A tied matrix stands there twice: whoever reads it need not know that it is tied.
        save_weights(folder / WEIGHTS, {name: w.clone() for name, w in weights.items()})
        write_atomically(folder / f"{MODULE}.py", modeling(model, title).encode())
        values = _own_config(model)
    _write(folder / CONFIG, values | {"vocab_size": model.vocab_size, "dtype": "float32"})
    _write(folder / "tokenizer.json", theirs)
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    _write(folder / "tokenizer_config.json", names | {"model_max_length": model.config.block_size})
    return folder


def is_gpt_2(config: ModelConfig) -> bool:
    """Whether the network is GPT-2's: then transformers needs no source of ours."""
    values = config.to_dict()
    return (
        all(values[name] == value for name, value in GPT_2.items())
        and config.activation in ACTIVATIONS.values()
        and config.feed_forward_multiple > 0
        and config.kv_heads == config.n_head
        and config.width == config.n_embd
        and not (config.bias and config.read_out_bias)
    )


def _gpt_2_config(model: LanguageModel) -> dict[str, Any]:
    config = model.config
    theirs = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "n_positions": config.block_size,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_inner": config.feed_forward_multiple * config.n_embd,
        "activation_function": theirs[config.activation],
        "tie_word_embeddings": config.tie_weights,
        "resid_pdrop": config.dropout,
        "embd_pdrop": 0.0,
        "attn_pdrop": config.dropout,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _as_gpt_2(model: LanguageModel) -> dict[str, Tensor]:
    """The weights under their names, and zeros for the biases that ours has not."""
    theirs = {}
    for name, weight in weights_of(model).items():
        their = their_name(name)
        theirs[their] = weight.T if their.endswith(TRANSPOSED) else weight
    for name in [name for name in theirs if name.startswith(("h.", "ln_f"))]:
        part, kind = name.rsplit(".", 1)
        if kind == "weight" and f"{part}.bias" not in theirs:
            theirs[f"{part}.bias"] = torch.zeros(theirs[name].shape[-1])
    named = {f"transformer.{name}": w for name, w in theirs.items() if name != "lm_head.weight"}
    return named | {name: w for name, w in theirs.items() if name == "lm_head.weight"}


def _own_config(model: LanguageModel) -> dict[str, Any]:
    return {
        "model_type": "gpt-from-scratch",
        "architectures": ["FromScratchModel"],
        "auto_map": {
            "AutoConfig": f"{MODULE}.FromScratchConfig",
            "AutoModelForCausalLM": f"{MODULE}.FromScratchModel",
        },
        "max_position_embeddings": model.config.block_size,
        "num_hidden_layers": model.config.n_layer,
        "tie_word_embeddings": False,
        "use_cache": False,
        "settings": model.config.to_dict(),
    }


def modeling(model: LanguageModel, title: str) -> str:
    """The source of the network alone, as a module for transformers."""
    preset = Preset(title, title, "", model.config)
    recipe = Recipe(preset, model.vocab_size, {"name": "", "sha256": ""})
    kind = recipe.facts.names["LanguageModel"]
    program = assemble([("gpt.model", kind)], recipe.facts, ["block_size"])
    torch_lines = {"import torch.nn.functional as F", "from torch import Tensor, nn"}
    lines = sorted({*program.imports, *torch_lines, "from typing import Any"} - {""})
    lines += [
        "from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel",
        "from transformers.modeling_outputs import CausalLMOutput",
    ]
    head = f'"""{harmless(title)}: its network, for transformers. MIT licence."""\n'
    parts = ["\n".join([head, *lines, "", *program.settings]), *sections(program.pieces).values()]
    return "\n\n\n".join(parts) + WRAPPER.format(kind=kind)


def _characters(tokenizer: CharTokenizer) -> dict[str, Any]:
    """Characters as the `tokenizers` library has them: byte pairs of which none was ever joined."""
    vocab = {token: i for i, token in enumerate(tokenizer.tokens)}
    model = {"type": "BPE", "vocab": vocab, "merges": []}
    return {"version": "1.0", "added_tokens": [], "model": model, "decoder": {"type": "Fuse"}}


def _byte_pairs(tokenizer: BytePairs) -> dict[str, Any]:
    """Byte pairs as the `tokenizers` library has them; its pieces are those of the rule "gpt2"."""
    if tokenizer.rule != "gpt2":
        raise ConfigError(
            f"Byte pairs are written for transformers with pieces by the rule 'gpt2', not"
            f" {tokenizer.rule!r}: learn them by that rule."
        )
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    special = [
        {"id": tokenizer.vocab[token], "content": token, "special": True} | flags
        for token in tokenizer.special_tokens
    ]
    letters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    letters |= {"use_regex": True}  # the rule
    merges = [merge.split(" ") for merge in tokenizer.merges]
    model = {"type": "BPE", "vocab": tokenizer.vocab, "merges": merges}
    parts = {"model": model, "pre_tokenizer": letters, "decoder": letters}
    return {"version": "1.0", "added_tokens": special} | parts


def _write(path: Path, values: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n")
