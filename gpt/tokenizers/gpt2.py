"""GPT-2's tokenizer: byte pairs whose merges were learnt long ago, read from files.

Reads vocab.json and merges.txt, or tokenizer.json, of a Hugging Face folder. How a text is cut and
its pairs are merged is in `byte_pairs`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpt.errors import CheckpointError
from gpt.tokenizers.byte_pairs import END_OF_TEXT, BytePairs


class GPT2Tokenizer(BytePairs):
    """Text to GPT-2's tokens and back."""

    kind = "gpt2"

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> "GPT2Tokenizer":
        """Read vocab.json and merges.txt, or else tokenizer.json, of a Hugging Face folder."""
        folder = Path(folder)
        try:
            if not (folder / "vocab.json").exists():
                return cls(*_from_tokenizer_json(folder / "tokenizer.json"))
            vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
            return cls(vocab, [line for line in lines if line and not line.startswith("#version")])
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{folder} has no tokenizer of GPT-2: {Path(error.filename).name} is missing; it"
                " needs vocab.json and merges.txt, or tokenizer.json."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(f"The tokenizer files in {folder} are damaged: {error}") from None

    @property
    def start(self) -> int:
        """What an empty prompt begins with: the end of the document before, as in training."""
        return self.vocab.get(END_OF_TEXT, 0)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "vocab": self.vocab, "merges": self.merges}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GPT2Tokenizer":
        return cls(values["vocab"], values["merges"])


def _from_tokenizer_json(path: Path) -> tuple[dict[str, int], list[str]]:
    """Vocabulary and merges of the one file that newer versions of `transformers` write."""
    contents = json.loads(path.read_text(encoding="utf-8"))
    model, pieces = contents["model"], contents["pre_tokenizer"]
    if model["type"] != "BPE" or pieces["type"] != "ByteLevel" or pieces["add_prefix_space"]:
        raise ValueError("it is not a tokenizer of GPT-2's kind.")
    added = {token["content"]: token["id"] for token in contents["added_tokens"]}
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    return {**model["vocab"], **added}, merges
