"""In which settings runs differ, and how to name each run by that. Functions of run.json alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from explorer.language import message, say
from explorer.moments import CLOCK, written
from gpt.tokenizers.bpe import VOCAB_SIZE

CHARACTERS = "character"
RUN = message("run")


def tokenizer_of(spec: Mapping[str, Any]) -> str:
    """The tokens of a run in a word: "character" or "bpe-512"; an early run says nothing of them.

    >>> tokenizer_of({"tokenizer": {"kind": "bpe", "vocab_size": 512}})
    'bpe-512'
    """
    told = spec.get("tokenizer") or {}
    kind = str(told.get("kind", CHARACTERS))
    return kind if kind == CHARACTERS else f"{kind}-{told.get('vocab_size') or VOCAB_SIZE}"


def settings_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a run: its tokens, model and training together."""
    return {"tokenizer": tokenizer_of(spec), **spec["model"], **spec["train"]}


def differing(specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields with more than one value among `specs`, in the order of the settings."""
    every = [settings_of(spec) for spec in specs]
    names = list(dict.fromkeys(name for settings in every for name in settings))
    return [name for name in names if len({repr(s.get(name)) for s in every}) > 1]


def labels(specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """A short, unique name for each run: its number and the settings in which it differs.

    Two runs, with and without residual path → ["1: residual on", "2: residual off"]; a run that
    differs in nothing is called by its preset's title.
    """
    names = differing(specs)
    said = [", ".join(f"{name} {show(settings_of(s).get(name))}" for name in names) for s in specs]
    same = Counter(said)
    said = [
        text
        if text and same[text] == 1
        else f"{text or say(spec.get('name', RUN))} ({_begun(spec)})"
        for text, spec in zip(said, specs, strict=True)
    ]
    return [f"{number}: {text}" for number, text in enumerate(said, 1)]


def _begun(spec: Mapping[str, Any]) -> str:
    return written(str(spec.get("created", "")), CLOCK)


def show(value: Any) -> str:
    """A setting's value for a person: on, off, 5,000, 0.001, cosine."""
    if isinstance(value, bool):
        return say("on") if value else say("off")
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
