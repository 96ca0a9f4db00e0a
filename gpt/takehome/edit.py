"""Edit a source text in place: every node's own text, with some of its parts changed.

Nothing is printed anew, so that comments and layout stay. What is changed is decided by a class
that adds a method `edit_<kind of node>`, which hands back the new text, or None: as it is.
"""

import ast
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from gpt.takehome.known import OWNERS, Facts, Known, literal


class Editor(Known):
    """Hands back every node's own text, with what is known put in."""

    def __init__(self, source: str, facts: Facts) -> None:
        super().__init__(facts)
        self.source = source
        self.lines = source.splitlines(keepends=True)
        self.starts = [0, *accumulate(map(len, self.lines))]
        self.dropped: set[str] = {*OWNERS, "self.group", "self.share"}
        for name, value in facts.arguments.items():
            self.dropped |= {name, f"self.{name}"}
            self.known |= {name: value, f"self.{name}": value}
        self.tested: list[str] = []  # by the conditions above, in a chain of them
        self.taken: set[str] = set()  # names that mean something else in this function

    def text(self) -> str:
        return "".join(self.between(0, len(self.source), ast.parse(self.source).body))

    # --- places ---------------------------------------------------------------------------

    def place(self, line: int, column: int) -> int:
        """Where line and column, which counts bytes, are in the text."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def start(self, node: Any) -> int:
        if decorators := getattr(node, "decorator_list", None):
            return self.start(decorators[0]) - 1
        return self.place(node.lineno, node.col_offset)

    def end(self, node: Any) -> int:
        return self.place(node.end_lineno, node.end_col_offset)

    def between(self, start: int, end: int, nodes: list[Any]) -> Iterator[str]:
        """The text from start to end, with each of `nodes` in it edited."""
        for node in sorted(nodes, key=self.start):
            yield self.source[start : self.start(node)]
            yield self.edit(node)
            start = self.end(node)
        yield self.source[start:end]

    # --- editing --------------------------------------------------------------------------

    def edit(self, node: Any) -> str:
        if isinstance(node, ast.expr) and (expression := ast.unparse(node)) in self.known:
            return literal(self.known[expression])
        change = getattr(self, f"edit_{type(node).__name__}", None)
        text = change(node) if change else None
        return self.as_it_is(node) if text is None else text

    def as_it_is(self, node: ast.AST) -> str:
        """The node's own text, its parts edited."""
        start, end = self.start(node), self.end(node)
        return "".join(self.between(start, end, list(_parts(node))))

    # --- blocks ---------------------------------------------------------------------------

    def block(self, node: ast.stmt, block: list[ast.stmt]) -> str:
        """One of the blocks of `node`, the comment behind it included."""
        end = self.end(block[-1])
        comment = re.match(r"  #.*", self.source[end : self.end(node)])
        text = "".join(self.between(self.start(block[0]), end, block))
        return text + comment[0] if comment else text

    def moved_out(self, node: ast.stmt, block: list[ast.stmt], since: int) -> str:
        """The statements of `block` in the place of `node`, under the comments that led to them."""
        margin = " " * (block[0].col_offset - node.col_offset)
        comments = re.findall(r"# .*", self.source[since : self.start(block[0])])
        text = self.block(node, block).replace("\n" + margin, "\n")
        return ("\n" + " " * node.col_offset).join([*comments, text])


def _parts(node: ast.AST) -> Iterator[Any]:
    """The nodes right below that have a place of their own."""
    for child in ast.iter_child_nodes(node):
        if hasattr(child, "lineno"):
            yield child
        else:
            yield from _parts(child)
