"""The only place that names caches: what many sessions share and nobody should compute twice.

Everything here is read-only for its callers. Models are keyed by the file they come from, so a new
snapshot is a new model and an old one simply falls out. What can be large is kept by `KEPT`, which
is limited in bytes; the rest by Streamlit, limited in entries.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import gpt
from explorer import averaging, differences, engine, frames, surprise
from explorer.bounded import Bounded
from explorer.language import message, say
from explorer.runs.reader import RunReader
from explorer.runs.run import Run

PRETRAINED = Path(__file__).parents[1] / "checkpoints" / "pretrained"
LEARNT_FROM = 2_000_000  # characters of a text that byte pairs are learnt from
COUNTED_IN = 50_000  # characters of a text in which tokens are counted
FEWEST_TOKENS = 17, 2  # of the training and validation parts: page 1 draws windows of 16
# Thirty learners who climb the ladder follow five runs each: with fewer readers, each look would
# read the events of all from the start. One of 5,000 steps holds about 0.3 MB.
READERS = 400
# Texts, models, and what is measured of them, together. A class of 30 has 1.5 GB for its server.
KEPT = Bounded(300_000_000)
HUGGINGFACE = Path(__file__).parents[1] / "checkpoints" / "huggingface"


@dataclass(frozen=True)
class Text:
    """A corpus with what every page needs of it: its tokenizer, ids (N,), and the loss of knowing
    nothing, the token frequencies, and the pair frequencies (nats per token)."""

    corpus: gpt.Corpus
    tokenizer: Any  # of characters or of byte pairs
    train_ids: np.ndarray
    val_ids: np.ndarray
    references: dict[str, float]
    size: int | None = None  # the vocabulary that byte pairs were to have

    @property
    def vocab_size(self) -> int:
        """V; smaller than `size` where no pair of the text was left to merge."""
        return int(self.tokenizer.vocab_size)

    @property
    def unit(self) -> str:
        """What a token is called: a character, where it is one."""
        return message("character") if self.tokenizer.kind == "character" else message("token")

    @property
    def units(self) -> str:
        """The same for several."""
        return message("characters") if self.tokenizer.kind == "character" else message("tokens")

    @property
    def told(self) -> dict[str, Any]:
        """What `gpt.train_tokenizer` is told, as a run's description has it."""
        size = {} if self.size is None else {"vocab_size": self.size}
        return {"kind": self.tokenizer.kind} | size

    @property
    def tokens(self) -> str:
        """Which tokens these are, in a word: "character" or "bpe-512"."""
        return differences.tokenizer_of({"tokenizer": self.told})

    @property
    def characters_per_token(self) -> dict[str, float]:
        """How many characters a token holds on average, in the "train" and "validation" parts."""
        train, validation = gpt.split(range(len(self.corpus)))
        return {
            "train": len(train) / len(self.train_ids),
            "validation": len(validation) / len(self.val_ids),
        }


def text(
    name: str, sha256: str | None = None, kind: str = "character", size: int | None = None
) -> Text:
    """The named corpus, or the pasted one with this SHA-256, ready for use.

    kind, size: its tokens, as for `gpt.train_tokenizer`. Raises gpt.TextError when it cannot be
    loaded, or is too short for such tokens.
    """
    return _text(name, sha256, kind, size)  # the cache takes arguments left out for other ones


@KEPT.keeps
def _text(name: str, sha256: str | None, kind: str, size: int | None) -> Text:
    if kind == "character":
        corpus = gpt.load_corpus(name) if sha256 is None else _pasted(name, sha256)
    else:
        corpus = text(name, sha256).corpus
    tokenizer = gpt.train_tokenizer(corpus.text, kind, size)
    # The text is cut, not the ids, so that every tokenizer is tested on the same characters.
    train_ids, val_ids = map(tokenizer.encode_array, gpt.split(corpus.text))
    short = len(train_ids) < FEWEST_TOKENS[0] or len(val_ids) < FEWEST_TOKENS[1]
    if short and kind != "character":
        raise gpt.TextError(
            f"This text has only {len(train_ids)} tokens to learn from and {len(val_ids)} to be"
            " tested on: use a longer text, or characters as tokens."
        )
    V = tokenizer.vocab_size
    of_tokens = message("token frequencies")
    frequencies = message("character frequencies") if kind == "character" else of_tokens
    references = {
        message("knows nothing (ln V)"): gpt.uniform_loss(V),
        frequencies: gpt.unigram_loss(train_ids, val_ids, V),
        message("counted bigram"): gpt.bigram_loss(train_ids, val_ids, V),
    }
    return Text(corpus, tokenizer, train_ids, val_ids, references, size)


def _pasted(name: str, sha256: str) -> gpt.Corpus:
    path = engine.store().root / "texts" / f"{sha256}.txt"
    try:
        return gpt.corpus_from_text(path.read_bytes().decode(), name)  # "\r" stays "\r"
    except OSError:
        raise gpt.TextError(
            "The pasted text of this link is not on this server: paste it again on page 1."
        ) from None


@st.cache_resource(max_entries=12, show_spinner=False)
def character_counts(name: str, sha256: str | None) -> pd.DataFrame:
    """How often each character of a text occurs: see `frames.character_counts`."""
    return frames.character_counts(text(name, sha256).corpus.text)


def learning_text(text: Text) -> str:
    """What byte pairs are learnt from: so much of a text that it takes seconds."""
    return text.corpus.text[:LEARNT_FROM]


@st.cache_resource(max_entries=24, show_spinner=False)
def byte_pairs(
    name: str, sha256: str | None, size: int, _merges: list[Any] | None = None
) -> list[Any]:
    """The `gpt.Merge`s that bring the text's vocabulary to `size`: `_merges`, if they are there."""
    if _merges is not None:
        return _merges
    tokens_before = gpt.BPETokenizer.from_merges([]).vocab_size
    return list(gpt.learn_merges(learning_text(text(name, sha256)), size - tokens_before))


@st.cache_resource(max_entries=24, show_spinner=False)
def token_counts(name: str, sha256: str | None, size: int) -> pd.DataFrame:
    """How many tokens the beginning of a text takes by tokenizers with vocabularies up to `size`,
    and by GPT-2's where its files are: see `frames.token_counts`."""
    the_text, merges = text(name, sha256), byte_pairs(name, sha256, size)
    written = [" ".join(merge.pair) for merge in merges]
    steps = sorted({0, len(merges), *(2**k for k in range(4, 12) if 2**k < len(merges))})
    found: list[tuple[str, Any]] = [("characters", the_text.tokenizer)]
    found += [("byte pairs", gpt.BPETokenizer.from_merges(written[:n])) for n in steps]
    for folder in huggingface_folders().values():
        try:
            found.append(("GPT-2", gpt.GPT2Tokenizer.from_folder(folder)))
            break
        except gpt.GPTError:  # told where somebody wants to use it
            continue
    return frames.token_counts(found, the_text.corpus.text[:COUNTED_IN])


@KEPT.keeps
def bigram_table(
    name: str, sha256: str | None, kind: str = "character", size: int | None = None
) -> np.ndarray:
    """Counted probabilities of the next token, (V, V)."""
    the_text = text(name, sha256, kind, size)
    return gpt.bigram_probabilities(gpt.bigram_counts(the_text.train_ids, the_text.vocab_size))


@st.cache_resource(max_entries=24, show_spinner=False)
def branching(
    name: str, sha256: str | None, kind: str = "character", size: int | None = None
) -> int | None:
    """The token that several others follow in the training part: “t” where it is one, else the most
    frequent; None where one and the same always follows."""
    the_text = text(name, sha256, kind, size)
    counts = gpt.bigram_counts(the_text.train_ids, the_text.vocab_size)
    several = np.count_nonzero(counts, axis=1) > 1
    if not several.any():
        return None
    t = the_text.tokenizer.encode("t", unknown="drop")
    if t and several[t[0]]:
        return int(t[0])
    return int((counts.sum(1) * several).argmax())


@KEPT.keeps
def untrained(_config: gpt.ModelConfig, vocab_size: int, seed: int, key: str) -> Any:
    """A model as training would begin with. `key` stands for the configuration."""
    return gpt.build_model(_config, vocab_size, seed).eval()


@KEPT.keeps
def snapshot(folder: str, path: str, changed: int) -> Any:
    """The model of a run, or of a shipped checkpoint, at one of its snapshots.

    `changed` is the file's time of change.
    """
    preset, vocab_size = _recipe(folder)
    model = gpt.build_model(preset.model, vocab_size)
    gpt.load_weights(model, gpt.read_weights(Path(path)))
    return model.eval()


@st.cache_resource(max_entries=32, show_spinner=False)
def run_tokenizer(folder: str) -> Any:
    """The tokenizer of a run, as its checkpoint has it."""
    return gpt.tokenizer_from_dict(_config(folder)["tokenizer"])


@st.cache_resource(max_entries=64, show_spinner=False)
def _recipe(folder: str) -> tuple[gpt.Preset, int]:
    config = _config(folder)
    return gpt.Preset.from_dict(config["preset"]), config["vocab_size"]


def _config(folder: str) -> dict[str, Any]:
    """The settings of a run, whose model lies in `checkpoint/`, or of a shipped checkpoint."""
    inside = Path(folder) / "checkpoint"
    return gpt.read_config(inside if inside.is_dir() else Path(folder))


@KEPT.keeps
def trace(_model: Any, ids: tuple[int, ...], key: str) -> dict[str, np.ndarray]:
    """Named activations of the model called `key` for one text; batch dimension removed.

    "pattern": (L, H, T, T), "attention_input": (L, T, C).
    """
    import torch

    found = gpt.trace(_model, torch.tensor([ids]), ["pattern", "attention_input"])
    return {
        "pattern": found["pattern"][:, 0].numpy(),
        "attention_input": found["attention_input"][:, 0].numpy(),
    }


@KEPT.keeps
def measured(what: str, key: str, ids: tuple[int, ...], _compute: Callable[[], Any]) -> Any:
    """`_compute()`, done once for each measure `what` of the model called `key` on a text."""
    return _compute()


@st.cache_resource(max_entries=64, show_spinner=False)
def copies(text: str, _training: str, least: int, key: str) -> list["gpt.inspection.Copy"]:
    """Pieces of a text that stand in the training part of the corpus called `key`."""
    return gpt.longest_copies(text, _training, least)


@st.cache_resource(max_entries=24, show_spinner=False)
def head_scores(_model: Any, _windows: Any, key: str) -> dict[str, Any]:
    """Head scores of a model over windows (B, T) of token ids; `key` stands for both."""
    return gpt.model_head_scores(_model, _windows)


@st.cache_resource(max_entries=64, show_spinner=False)
def gradient_norms(_model: Any, _x: Any, _y: Any, key: str) -> list[float]:
    """The gradient's norm in each block of a model on one batch; `key` stands for both."""
    return gpt.gradient_norms(_model, _x, _y)


@st.cache_resource(show_spinner=False)
def averaging_times() -> pd.DataFrame:
    """How long each way to average the past takes on this server, the same for all who ask: see
    `averaging.measure`."""
    return averaging.measure()


@st.cache_resource(max_entries=64, show_spinner=False)
def expected(_model: Any, ids: tuple[int, ...], key: str) -> surprise.Expected:
    """What the model called `key` expected along a text: see `surprise.expected`."""
    return surprise.expected(_model, ids)


@KEPT.keeps
def checkpoint(folder: str, changed: int) -> tuple[Any, Any, dict[str, Any]]:
    """Model, tokenizer and card of a checkpoint folder."""
    return gpt.load_checkpoint(folder)


def huggingface(folder: str, changed: int) -> tuple[Any, Any, dict[str, Any]]:
    """Model, tokenizer and card of a Hugging Face folder."""
    with st.spinner(say("Reading the model…")):
        return _huggingface(folder, changed)


@st.cache_resource(max_entries=2, show_spinner=False)  # half a gigabyte each
def _huggingface(folder: str, changed: int) -> tuple[Any, Any, dict[str, Any]]:
    return gpt.load_huggingface(folder)


@st.cache_resource(max_entries=24, show_spinner=False)
def next_scores(_model: Any, ids: tuple[int, ...], key: str) -> np.ndarray:
    """What the model called `key` gives each token to come next, (V,), after at least one id."""
    from gpt.sampling import Reader  # brings torch

    reader = Reader(_model, use_cache=False)
    return reader.next_logits([list(ids)], len(ids))[0].float().numpy()


@st.cache_resource(max_entries=200, show_spinner=False)
def written(
    _model: Any,
    _tokenizer: Any,
    key: str,
    prompt: str,
    count: int,
    temperature: float,
    seed: int,
) -> str:
    """`prompt` and `count` tokens that the model called `key` writes after it."""
    return gpt.generate(_model, _tokenizer, prompt, count, temperature, seed=seed, unknown="drop")


@st.cache_resource(max_entries=64, show_spinner=False)
def is_finite(_model: Any, key: str) -> bool:
    """Whether all weights of the model called `key` are numbers: no NaN, no infinity."""
    return all(bool(weight.isfinite().all()) for weight in _model.parameters())


@st.cache_resource(max_entries=READERS, show_spinner=False)
def reader(folder: str) -> RunReader:
    """What the events of a run say so far, read once for all who watch it."""
    return RunReader(Run(folder))


def changed(path: Path) -> int:
    """When a file changed last, to tell an old model from a new one under the same name."""
    return path.stat().st_mtime_ns


def changed_last(folder: Path) -> int:
    """When any file of a folder changed last."""
    return max(map(changed, folder.iterdir()))


def changed_in(folder: str) -> int:
    """When the weights of a checkpoint folder changed last."""
    return changed(Path(folder) / "model.safetensors")


def huggingface_folders() -> dict[str, Path]:
    """The folders in EXPLORER_MODELS, or checkpoints/huggingface, by "huggingface/name".

    Whoever runs the server puts them there: no page can ask for another place.
    """
    place = Path(os.environ.get("EXPLORER_MODELS") or HUGGINGFACE)
    there = os.path.isdir(place)  # `glob` stumbles over a name that is too long
    folders = sorted(path.parent for path in place.glob("*/config.json")) if there else []
    return {f"huggingface/{folder.name}": folder for folder in folders}


def pretrained() -> dict[str, Path]:
    """Shipped checkpoints by name: the best writer of Tiny Shakespeare first, toys last."""

    def place(folder: Path) -> tuple[bool, float]:
        try:
            card = gpt.read_config(folder)["card"]
        except gpt.GPTError:  # told where somebody wants to use it
            card = {}
        return card.get("corpus") != "tinyshakespeare", card.get("val_loss", float("inf"))

    folders = [path.parent for path in PRETRAINED.glob("*/model.safetensors")]
    return {folder.name: folder for folder in sorted(folders, key=place)}
