"""Windows of held-out text that suit the shown model, to measure it on more than one sentence."""

from typing import Any

import gpt
from explorer import cache
from explorer.panels import text as texts
from explorer.panels.model import Shown
from gpt.text import is_local

TOKENS = 2048  # in all windows together
FEWEST, MOST = 8, 64  # windows: a standard error needs some


def validation_windows(shown: Shown) -> tuple[Any, Any, str] | None:
    """Inputs and targets (B, T) and what they are in words; None without a text that suits.

    A text suits when its vocabulary is the model's: the chosen one, else one known by name.
    """
    known = [name for name in texts.TITLES if is_local(name)]
    T = shown.model.config.block_size
    for text in (texts.current(), *map(cache.text, known)):
        if text.tokenizer.tokens == shown.tokenizer.tokens and len(text.val_ids) > T:
            return _drawn(text, T)
    return None


def _drawn(text: cache.Text, T: int) -> tuple[Any, Any, str]:
    import torch

    B = min(max(FEWEST, TOKENS // T), MOST)
    x, y = gpt.Batches(torch.from_numpy(text.val_ids).long(), T, B, seed=0).draw()
    return x, y, f"{B} windows of {T} tokens of the validation text ({texts.title(text)})"
