"""A second set of modules over the same weights, to hang hooks on.

Whoever looks into a model, or switches parts of it off, does so on a twin: the model itself keeps
its mode and has no hooks, so many readers can look into one model at the same time.
"""

import copy
from typing import Any

from torch import nn


def twin_of(model: nn.Module) -> Any:
    """A copy of the modules, in evaluation mode, that shares every parameter with `model`."""
    shared = {id(t): t for t in [*model.parameters(), *model.buffers()]}
    return copy.deepcopy(model, shared).eval()


def blocks_of(model: nn.Module) -> list[Any]:
    """The blocks in the order in which they run; the bigram has none."""
    return list(getattr(model, "blocks", []))
