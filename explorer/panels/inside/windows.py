"""Windows of held-out text that suit the shown model, to measure it on more than one sentence."""

from typing import Any, NamedTuple

import gpt
from explorer import cache
from explorer.panels import text as texts
from explorer.panels.model import Shown
from gpt.text import is_local

TOKENS = 2048  # in all windows together
WORK = 32e9  # tokens × parameters: a large model reads fewer, it may have to once for each head
FEWEST, MOST = 8, 64  # windows: a standard error needs some
CHARACTERS = 64_000  # of a text that is still to be encoded


class Drawn(NamedTuple):
    """Windows of a text: inputs and targets (B, T), the name of the text, and what tells them from
    those of another text or in other tokens."""

    x: Any
    y: Any
    text: str
    key: str


def validation_windows(shown: Shown) -> Drawn | None:
    """Windows of the validation part of a text; None without a text that suits.

    A text suits when its vocabulary is the model's, or else when the model's tokenizer can write
    it: the chosen one first, then those known by name.
    """
    known = [name for name in texts.TITLES if is_local(name)]
    all_texts = (texts.current(), *map(cache.text, known))
    parameters = sum(p.numel() for p in shown.model.parameters())
    tokens = min(TOKENS, int(WORK / parameters))
    T = max(1, min(shown.model.config.block_size, tokens // FEWEST))
    for find in (_own_ids, _written_ids):
        for text in all_texts:
            ids = find(text, shown.tokenizer)
            if ids is not None and len(ids) > T:
                return _drawn(text, ids, T, tokens)
    return None


def _own_ids(text: cache.Text, tokenizer: Any) -> Any:
    return text.val_ids if text.tokenizer.tokens == tokenizer.tokens else None


def _written_ids(text: cache.Text, tokenizer: Any) -> Any:
    """The beginning of the validation text in the model's own tokens; None if it lacks some."""
    written = gpt.split(text.corpus.text)[1][:CHARACTERS]
    return None if tokenizer.unknown(written) else tokenizer.encode_array(written)


def _drawn(text: cache.Text, ids: Any, T: int, tokens: int) -> Drawn:
    import torch

    B = min(max(FEWEST, tokens // T), MOST)
    x, y = gpt.Batches(torch.from_numpy(ids).long(), T, B, seed=0).draw()
    return Drawn(x, y, text.corpus.name, f"{text.corpus.sha256} {text.tokens}")
