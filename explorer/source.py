"""The source of what really ran: its lines in colours, and the shapes that each line made.

Nothing is a pasted copy: source comes by introspection, shapes from a run of that very function.
"""

import functools
import inspect
import io
import keyword
import sys
import textwrap
import tokenize
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

Piece = tuple[str, str]  # (kind, text): "keyword", "string", "comment", "number", "name" or ""
KINDS = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}
OF_STRINGS = ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")  # from Python 3.12 on
KINDS |= {getattr(tokenize, name): "string" for name in OF_STRINGS if hasattr(tokenize, name)}


@dataclass(frozen=True)
class Source:
    """The lines of a class or function, without the indentation that all share."""

    text: str
    file: str  # such as "gpt/attention.py"
    first: int  # line of that file

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@functools.cache
def read_source(shown: Any) -> Source:
    """The source of a class or function."""
    lines, first = inspect.getsourcelines(shown)
    module = inspect.getmodule(shown)
    file = module.__name__.replace(".", "/") + ".py" if module else "gpt"
    return Source(textwrap.dedent("".join(lines)), file, first)


@functools.cache
def coloured(text: str) -> list[list[Piece]]:
    """Each line of Python source as pieces, one after the other; joined they are the line."""
    lines = text.splitlines()
    kinds = [[""] * len(line) for line in lines]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = KINDS.get(token.type, "")
        if token.type == tokenize.NAME and keyword.iskeyword(token.string):
            kind = "keyword"
        (row, start), (last, end) = token.start, token.end
        for number in range(row, last + 1) if kind else ():
            here = kinds[number - 1]
            left = start if number == row else 0
            right = end if number == last else len(here)
            here[left:right] = [kind] * (right - left)
    return [_pieces(*pair) for pair in zip(lines, kinds, strict=True)]


def _pieces(line: str, kinds: list[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for character, kind in zip(line, kinds, strict=True):
        if pieces and pieces[-1][0] == kind:
            pieces[-1] = (kind, pieces[-1][1] + character)
        else:
            pieces.append((kind, character))
    return pieces


def line_shapes(call: Callable[[], Any], functions: Iterable[Any]) -> dict[int, str]:
    """What the lines of `functions` made while `call()` ran, by line of their file.

    Such as {12: "q (32, 8, 16)"}: the name that was assigned and the shape of its tensor, or its
    number; "→ (32, 8, 16)" is what was returned. Of a line that ran more than once, the last time.
    """
    codes = {inspect.unwrap(function).__code__ for function in functions}
    found: dict[int, str] = {}
    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: _follow(frame, codes, found))
    try:
        call()
    finally:
        sys.settrace(before)
    return found


def _follow(frame: FrameType, codes: set[CodeType], found: dict[int, str]) -> Any:
    """A tracer of this call, if it is one of `codes`."""
    if frame.f_code not in codes:
        return None
    known: dict[str, Any] = {}
    line = frame.f_code.co_firstlineno

    def note(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal line
        made = {k: v for k, v in frame.f_locals.items() if k not in known or known[k] is not v}
        known.update(made)
        words = [f"{k} {_shape(v)}" for k, v in made.items() if k != "_" and _shape(v)]
        if event == "return" and _shape(arg):
            words.append(f"→ {_shape(arg)}")
        if words:
            found[line] = ", ".join(words)
        line = frame.f_lineno
        return note

    return note


def _shape(value: Any) -> str:
    """(32, 8, 16) of a tensor or array, = 8 of a whole number; "" of what is neither."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return f"= {value}"
    if isinstance(value, tuple):
        parts = [_shape(part) for part in value]
        return ", ".join(part for part in parts if part)
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple):
        return ""
    return f"({', '.join(map(str, shape))})" if shape else "one number"
