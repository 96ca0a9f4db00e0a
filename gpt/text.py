"""Texts to learn from: named, from a file, or pasted; and how they are split.

A corpus is one long string. The first 90 % is for training, the last 10 % is held out for
validation, as in the tutorial. Tiny Shakespeare is fetched once from its public address and
checked against its SHA-256; `python_docs` is part of every Python, the toy tasks (`toys.py`) are
made from a seed, and neither needs a network. The folder named by the environment variable GPT_DATA
is looked in first. Batches are drawn in `training.py`; turning characters into numbers is the
tokenizer's work.
"""

import hashlib
import http.client
import importlib
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gpt.errors import TextError, nearest
from gpt.toys import TOYS

TRAIN_SHARE = 0.9
MAX_BYTES = 20_000_000  # a learner's text; larger ones are refused before they fill the memory
MIN_CHARACTERS = 2

TINYSHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
TINYSHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

CORPORA = {
    "tinyshakespeare": "Tiny Shakespeare: 1.1 million characters of his plays (fetched once).",
    "python_docs": "Python's own reference texts: in every Python, no network needed.",
    **{name: f"Toy: {toy.summary}, such as {toy.example}" for name, toy in TOYS.items()},
}


@dataclass(frozen=True)
class Corpus:
    """A text with the name it is known by and the SHA-256 of its UTF-8 bytes."""

    name: str
    text: str
    sha256: str

    def __len__(self) -> int:
        return len(self.text)


def load_corpus(name: str | os.PathLike[str]) -> Corpus:
    """Load a corpus by name (see CORPORA) or from a UTF-8 text file.

    Raises TextError, with the remedy, when there is no such corpus or file, when the file is not
    UTF-8 text, or when Tiny Shakespeare is not here yet and cannot be fetched.
    """
    key = os.fspath(name)
    if key == "python_docs":
        return corpus_from_text(_python_docs(), key)
    if key == "tinyshakespeare":
        return corpus_from_text(_tinyshakespeare(), key)
    if key in TOYS:
        return corpus_from_text(TOYS[key].write(), key)
    for path in (Path(key), _data_folder() / key, _data_folder() / f"{key}.txt"):
        if _is_file(path):
            return corpus_from_text(decode_bytes(_read(path), path.name), path.name)
    raise TextError(f"There is no corpus or file {key!r}.{nearest(key, CORPORA)}")


def corpus_from_text(text: str, name: str = "pasted") -> Corpus:
    """Make a corpus of a text; raises TextError when it is empty, too short or too long."""
    if len(text) < MIN_CHARACTERS:
        raise TextError(
            f"The text has a length of {len(text)}; at least {MIN_CHARACTERS} characters are needed"
            " to learn that one follows another: paste or choose a longer text."
        )
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TextError(
            f"The text holds half a character (the surrogate U+{ord(text[error.start]):04X} at"
            f" position {error.start}): remove it."
        ) from None
    if len(data) > MAX_BYTES:
        raise TextError(
            f"The text is {len(data) / 1e6:.1f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB: use a"
            " part of it."
        )
    return Corpus(name, text, hashlib.sha256(data).hexdigest())


def decode_bytes(data: bytes, name: str = "The file") -> str:
    """Decode an uploaded or stored file as UTF-8 text; raises TextError when it is not text."""
    if len(data) > MAX_BYTES:
        raise TextError(
            f"{name} is {len(data) / 1e6:.1f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB: use a part"
            " of it."
        )
    if b"\0" in data[:100_000]:
        raise TextError(f"{name} is not a text file (it holds zero bytes): use a plain .txt file.")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise TextError(
            f"{name} is not UTF-8 text (byte {data[error.start]:#04x} at position {error.start}):"
            " save it as UTF-8 and try again."
        ) from None


Ids = TypeVar("Ids")


def split(ids: Ids) -> tuple[Ids, Ids]:
    """Cut a sequence (text, list or tensor) into its training and validation parts, 90/10."""
    n = int(TRAIN_SHARE * len(ids))  # type: ignore[arg-type]
    return ids[:n], ids[n:]  # type: ignore[index]


def is_local(name: str) -> bool:
    """Whether the corpus `name` can be loaded now without the network."""
    return name != "tinyshakespeare" or any(p.is_file() for p in _tinyshakespeare_places())


def cache_folder() -> Path:
    """Where fetched texts are kept: GPT_CACHE, or the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "gpt-from-scratch"
    return Path(os.environ.get("GPT_CACHE", default)).expanduser()


def _data_folder() -> Path:
    return Path(os.environ.get("GPT_DATA", ".")).expanduser()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no file can have such a name: a whole text, for example
        return False


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise TextError(
            f"{path.name} is {path.stat().st_size / 1e6:.1f} MB; the limit is"
            f" {MAX_BYTES / 1e6:.0f} MB: use a part of it."
        )
    return path.read_bytes()


def _python_docs() -> str:
    topics = importlib.import_module("pydoc_data.topics").topics
    return "\n".join(topics[key] for key in sorted(topics))


def _tinyshakespeare_places() -> list[Path]:
    folders = [cache_folder()]
    if "GPT_DATA" in os.environ:
        folders.insert(0, _data_folder())
    return [f / "tinyshakespeare" / "input.txt" for f in folders]


def _tinyshakespeare() -> str:
    for place in _tinyshakespeare_places():
        if place.is_file():
            data = place.read_bytes()
            if hashlib.sha256(data).hexdigest() == TINYSHAKESPEARE_SHA256:
                return data.decode("utf-8")
    return _fetch(TINYSHAKESPEARE_URL, TINYSHAKESPEARE_SHA256, _tinyshakespeare_places()[-1])


def _fetch(url: str, sha256: str, target: Path) -> str:
    """Download `url`, check it, and keep it at `target` (written whole or not at all)."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            data = response.read(MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise TextError(
            f"Tiny Shakespeare could not be fetched ({getattr(error, 'reason', error)}): connect to"
            " the network once, or choose python_docs, which needs none."
        ) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise TextError("The fetched Tiny Shakespeare is not the known text: try again later.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_bytes(data)
    os.replace(partial, target)
    return data.decode("utf-8")
