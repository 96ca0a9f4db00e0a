"""The errors that this library raises for a person's mistakes.

Every message is one sentence that says what is wrong, the limit, and the remedy, so that a page
or the command line can show it as it stands. Anything else that escapes is a bug of ours.
"""

import difflib
from collections.abc import Iterable


class GPTError(ValueError):
    """Base of all errors whose message is meant for a person."""


class ConfigError(GPTError):
    """A setting is unknown or outside its limits."""


class TextError(GPTError):
    """A text cannot be used: empty, binary, too short, or with unknown characters."""


class CheckpointError(GPTError):
    """A checkpoint is missing, damaged, or of a version that this program cannot read."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for a misspelt name, or the list of known names.

    >>> nearest("n_heads", ["n_head", "dropout"])
    " Did you mean 'n_head'?"
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(names)}."
