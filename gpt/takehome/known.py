"""What settings decide: values of the expressions of a source text, as far as they are known."""

import ast
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNKNOWN = object()
OWNERS = ("self.config", "model.config", "config")  # whose attributes are the settings
COMPARE = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
}  # fmt: skip


@dataclass
class Facts:
    """What is known about the program that a source text becomes part of."""

    settings: Mapping[str, Any]
    known: Mapping[str, Any] = field(default_factory=dict)  # expressions, as text, and their values
    names: Mapping[str, str] = field(default_factory=dict)  # other names for these names
    same: frozenset[str] = frozenset()  # functions that hand back what they are given first
    gone: frozenset[str] = frozenset()  # functions that need not be called, contexts included
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # entries of dictionaries
    arguments: Mapping[str, Any] = field(default_factory=dict)  # parameters, always given this
    methods: frozenset[str] | None = None  # those that are used; None: all


class Known:
    """Works out expressions: names, comparisons, `and`, `or`, `not`, conditions."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.known = dict(facts.known)

    def value(self, node: ast.expr) -> Any:
        """The value of an expression, or UNKNOWN."""
        text = ast.unparse(node)
        if text in self.known:
            return self.known[text]
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in OWNERS:
            return self.facts.settings.get(node.attr, UNKNOWN)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            value = self.value(node.operand)
            return UNKNOWN if value is UNKNOWN else not value
        if isinstance(node, ast.IfExp) and (test := self.value(node.test)) is not UNKNOWN:
            return self.value(node.body if test else node.orelse)
        if isinstance(node, ast.NamedExpr):
            return self.value(node.value)
        if isinstance(node, ast.Compare) and all(type(op) in COMPARE for op in node.ops):
            return self._compared(node)
        return self._joined(node) if isinstance(node, ast.BoolOp) else UNKNOWN

    def _compared(self, node: ast.Compare) -> Any:
        values = [self.value(part) for part in (node.left, *node.comparators)]
        if any(value is UNKNOWN for value in values):
            return UNKNOWN
        pairs = zip(node.ops, values, values[1:], strict=False)
        return all(COMPARE[type(op)](a, b) for op, a, b in pairs)

    def _joined(self, node: ast.BoolOp) -> Any:
        """One false part makes an `and` false, whatever the others are; one true part an `or`."""
        values = [self.value(part) for part in node.values]
        decides = isinstance(node.op, ast.Or)
        if any(v is not UNKNOWN and bool(v) == decides for v in values if isinstance(v, bool)):
            return decides
        if any(value is UNKNOWN for value in values):
            return UNKNOWN
        return next((v for v in values if bool(v) == decides), values[-1])


def literal(value: Any) -> str:
    """A value as it stands in a source, texts in double quotes where that is possible."""
    text = repr(value)
    plain = isinstance(value, str) and text[0] == "'" and '"' not in text
    return f'"{text[1:-1]}"' if plain else text
