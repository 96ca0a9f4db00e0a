"""What a learner says about a run: its name, a star, a group. Kept as labels.json in its folder.

Pages write it, the worker never does, so that status and events keep their one writer. It is small
and replaced in one move. Names are plain text: whoever draws them must not read them as markup.
"""

import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from explorer.runs import files
from gpt.errors import GPTError

FILE = "labels.json"
VERSION = 1
MOST = {"name": 60, "group": 40}  # characters

_writing = threading.Lock()  # two sessions of a server that change one run: none is lost


class LabelError(GPTError):
    """A name or a group that cannot be kept, or a starred run that should go."""


@dataclass(frozen=True)
class Labels:
    """Empty text: none given."""

    name: str = ""
    star: bool = False
    group: str = ""


def read(folder: Path) -> Labels:
    """The labels of the run in `folder`; what is missing, damaged or not allowed counts as none."""
    known = files.read_json(folder / FILE) or {}
    texts = {}
    for what in MOST:
        try:
            texts[what] = tidy(what, known.get(what, ""))
        except LabelError:  # a file that was written by hand
            texts[what] = ""
    return Labels(star=known.get("star") is True, **texts)


def write(
    folder: Path, name: str | None = None, star: bool | None = None, group: str | None = None
) -> Labels:
    """Change what is given, keep the rest, and return the new labels.

    Raises LabelError for a text that cannot be kept, and when the run is gone.
    """
    asked = {"name": name, "group": group}
    changes: dict[str, str | bool] = {
        what: tidy(what, text) for what, text in asked.items() if text is not None
    }
    if star is not None:
        changes["star"] = star
    with _writing:
        new = Labels(**asdict(read(folder)) | changes)
        try:
            files.write_json(folder / FILE, {"version": VERSION, **asdict(new)})
        except OSError as error:
            raise LabelError(
                f"This cannot be kept ({error.strerror or error}): the run may have been deleted."
            ) from None
    return new


def tidy(what: str, text: object) -> str:
    """A name or a group on one line, without spaces around it; raises LabelError otherwise.

    >>> tidy("name", "  my  first\\nGPT ")
    'my first GPT'
    """
    if not isinstance(text, str):
        raise LabelError(f"A {what} must be text.")
    line = " ".join(text.split())
    if len(line) > MOST[what]:
        raise LabelError(
            f"A {what} may have at most {MOST[what]} characters, this one has {len(line)}: shorten"
            " it."
        )
    if not line.isprintable():
        strange = next(c for c in line if not c.isprintable())
        raise LabelError(
            f"A {what} cannot hold the invisible character U+{ord(strange):04X}: leave it out."
        )
    return line
