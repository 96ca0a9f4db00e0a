"""Batches: random windows of a text, each with the same window one token later as its target.

One window of T + 1 tokens holds T examples: after 1 token, what is the 2nd; after 2, the 3rd; …
Windows are cut out without a Python loop, and drawn by a generator of their own. The text keeps the
small integers of its tokenizer, one byte a character as a rule; what is drawn becomes the int64
that embeddings and losses take.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from gpt.errors import TextError
from gpt.text import TRAIN_SHARE, split


def encode_splits(tokenizer, text: str, block_size: int, device: torch.device) -> dict[str, Tensor]:
    """Cut `text` and encode it as {"train": (N,), "val": (M,)} ids on `device`.

    They are of the tokenizer's own type, such as uint8: see its `encode_array`. The text is cut,
    not the ids, so that models of different tokenizers are tested on the same characters.

    Raises TextError when the validation part is too short for one window of block_size + 1.
    """
    train, val = (torch.from_numpy(tokenizer.encode_array(part)).to(device) for part in split(text))
    if len(val) < block_size + 1:
        need = int((block_size + 1) / (1 - TRAIN_SHARE)) + 1
        raise TextError(
            f"The text has {len(train) + len(val)} tokens, but a context of {block_size} needs"
            f" about {need}, so that its last tenth holds one window: use a longer text or a"
            " smaller block_size."
        )
    return {"train": train, "val": val}


def check_length(ids: Tensor, block_size: int) -> None:
    """Raise TextError unless `ids` hold one window and its targets."""
    if len(ids) <= block_size:
        raise TextError(
            f"The text has {len(ids)} tokens, but a context of {block_size} needs at least"
            f" {block_size + 1}: use a longer text or a smaller block_size."
        )


class Batches:
    """Draws (B, T) inputs and (B, T) targets at random places of `ids`.

    With ids 10, 11, 12, 13, … and T = 3, a window at place 1 gives inputs 11, 12, 13 and
    targets 12, 13, 14. All places are drawn, whichever `share` of the windows is handed out.
    """

    def __init__(
        self,
        ids: Tensor,
        block_size: int,
        batch_size: int,
        seed: int,
        share: slice = slice(None),
    ) -> None:
        check_length(ids, block_size)
        self.windows = ids.unfold(0, block_size + 1, 1)  # a view, not a copy: (N - T, T + 1)
        self.batch_size, self.share = batch_size, share
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, both (B, T) int64."""
        places = torch.randint(len(self.windows), (self.batch_size,), generator=self.generator)
        chosen = self.windows[places[self.share].to(self.windows.device)].long()  # (B, T + 1)
        return chosen[:, :-1], chosen[:, 1:]


def every_window(ids: Tensor, block_size: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the whole of `ids` once, as int64 batches of windows that do not overlap."""
    check_length(ids, block_size)
    count = (len(ids) - 1) // block_size
    inputs = ids[: count * block_size].view(count, block_size)
    targets = ids[1 : count * block_size + 1].view(count, block_size)
    for x, y in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
        yield x.long(), y.long()
