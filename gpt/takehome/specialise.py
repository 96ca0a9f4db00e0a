"""One source text for one configuration: settings become numbers, and what they rule out goes.

    if self.config.qk_norm: …            is gone, or only what stands in it is left
    nn.Linear(config.n_embd, width)      becomes nn.Linear(n_embd, width)
    def forward(self, x, cache=None)     becomes def forward(self, x)

The text is edited and not printed anew, so that comments and layout stay. This is partial
evaluation (Jones, Gomard & Sestoft 1993) of the little that settings decide: names, comparisons,
`and`, `or`, `not`, conditions. Leaves out loops, and f-strings, in which nothing is changed.
"""

import ast
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, TypeGuard

from gpt.config import CHOICES

GONE = "\0"  # stands where a statement was
UNKNOWN = object()
WIDTH = 100
OWNERS = ("self.config", "model.config", "config")  # whose attributes are the settings
LEFT_OUT = {"ModelConfig", "TrainConfig", "KVCache", "Group", "slice"}  # kinds of parameters
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
    same: frozenset[str] = frozenset()  # functions that hand back what they are given
    gone: frozenset[str] = frozenset()  # functions that need not be called, contexts included
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # entries of dictionaries
    methods: frozenset[str] | None = None  # those that are used; None: all


def specialised(source: str, facts: Facts) -> str:
    """Return `source`, the text of one function, class or expression, for these facts."""
    edited = _Editor(source, facts).text()
    edited = re.sub(rf"^[ ]*{GONE}[^\n]*\n", "", edited + "\n", flags=re.MULTILINE)
    edited = re.sub(r"  # type: ignore(\[[\w-]+\])?", "", edited)
    edited = re.sub(r"\n{3,}", "\n\n", edited).rstrip()
    return _joined_lines(_without_useless(edited), source)


class _Editor:
    """Hands back every node's own text, with what is known put in."""

    def __init__(self, source: str, facts: Facts) -> None:
        self.source, self.facts = source, facts
        self.lines = source.splitlines(keepends=True)
        self.starts = [0, *accumulate(map(len, self.lines))]
        self.known = dict(facts.known)
        self.dropped: set[str] = {*OWNERS, "self.group", "self.share"}
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
        if isinstance(node, ast.expr) and (text := ast.unparse(node)) in self.known:
            return literal(self.known[text])
        change = getattr(self, f"edit_{type(node).__name__}", None)
        text = change(node) if change else None
        return self.as_it_is(node) if text is None else text

    def as_it_is(self, node: ast.AST) -> str:
        """The node's own text, its parts edited."""
        start, end = self.start(node), self.end(node)
        return "".join(self.between(start, end, list(_parts(node))))

    def edit_JoinedStr(self, node: ast.JoinedStr) -> str:
        return self.source[self.start(node) : self.end(node)]

    def edit_Name(self, node: ast.Name) -> str | None:
        return self.facts.names.get(node.id)

    def edit_Attribute(self, node: ast.Attribute) -> str | None:
        owner = ast.unparse(node.value)
        if owner == "gpt":
            return self.facts.names.get(node.attr, node.attr)
        if owner not in OWNERS or node.attr not in self.facts.settings:
            return None
        value = self.facts.settings[node.attr]
        written_out = isinstance(value, bool) or node.attr in {*CHOICES, *self.taken}
        return literal(value) if written_out else node.attr

    def edit_IfExp(self, node: ast.IfExp) -> str | None:
        test = self.value(node.test)
        return None if test is UNKNOWN else self.edit(node.body if test else node.orelse)

    def edit_Compare(self, node: ast.Compare) -> str | None:
        value = self.value(node)
        return None if value is UNKNOWN else repr(value)

    def edit_BoolOp(self, node: ast.BoolOp) -> str | None:
        value = self.value(node)
        if isinstance(value, bool):
            return repr(value)
        passes = isinstance(node.op, ast.And)  # what may be left out: True from `and`
        left = []
        for part in node.values:
            found = self.value(part)
            if found is UNKNOWN or bool(found) != passes:
                left.append(self.edit(part))
            if found is not UNKNOWN and bool(found) != passes:
                break
        return f" {'and' if passes else 'or'} ".join(left) if len(left) < len(node.values) else None

    def edit_Subscript(self, node: ast.Subscript) -> str | None:
        if ast.unparse(node.slice) in self.dropped:
            return self.edit(node.value)
        table, key = self.facts.tables.get(ast.unparse(node.value), {}), self.value(node.slice)
        return table.get(key) if isinstance(key, str) else None

    def edit_Call(self, node: ast.Call) -> str | None:
        if ast.unparse(node.func) in self.facts.same and len(node.args) == 1:
            return self.edit(node.args[0])
        args = [a for a in node.args if ast.unparse(a) not in self.dropped]
        keywords = [k for k in node.keywords if not self._is_left_out(k)]
        if len(args) + len(keywords) == len(node.args) + len(node.keywords):
            return None
        parts = [self.edit(part) for part in (*args, *keywords)]
        if node.lineno == node.end_lineno:
            return f"{self.edit(node.func)}({', '.join(parts)})"
        line = self.lines[node.lineno - 1]
        margin = " " * (len(line) - len(line.lstrip()))
        lines = "".join(f"\n{margin}    {part}," for part in parts)
        return f"{self.edit(node.func)}({lines}\n{margin})"

    def _is_left_out(self, keyword: ast.keyword) -> bool:
        found_out = not isinstance(keyword.value, ast.Constant)
        nothing = found_out and self.value(keyword.value) is None
        return nothing or ast.unparse(keyword.value) in self.dropped

    # --- statements -----------------------------------------------------------------------

    def edit_Expr(self, node: ast.Expr) -> str | None:
        call = node.value
        called = isinstance(call, ast.Call) and ast.unparse(call.func) in self.facts.gone
        return GONE if called else None

    def edit_Assign(self, node: ast.Assign) -> str | None:
        target, value = node.targets[0], self.value(node.value)
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            return self._pairs(target, node.value)
        name = ast.unparse(target)
        if name in self.facts.same or ast.unparse(node.value) in self.dropped:
            return GONE
        told = isinstance(node.value, ast.Constant)  # may change later
        if isinstance(target, ast.Name) and not told and isinstance(value, bool | None):
            self.known[name] = value
            return GONE
        return GONE if self._has_its_name(target, node.value) else None

    def _has_its_name(self, target: ast.expr, value: ast.expr) -> bool:
        """hidden = config.hidden"""
        name = ast.unparse(target)
        return name in self.facts.settings and ast.unparse(value) in {f"{o}.{name}" for o in OWNERS}

    def _pairs(self, target: ast.Tuple, value: ast.Tuple) -> str | None:
        """a, b = c, d without what is dropped, and without what already has its name."""
        pairs = [
            (self.edit(a), self.edit(b))
            for a, b in zip(target.elts, value.elts, strict=True)
            if ast.unparse(b) not in self.dropped and not self._has_its_name(a, b)
        ]
        if len(pairs) == len(target.elts):
            return None
        left, right = (", ".join(side) for side in zip(*pairs, strict=True)) if pairs else ("", "")
        return f"{left} = {right}" if pairs else GONE

    def edit_If(self, node: ast.If) -> str | None:
        if len(node.body) == 1 and isinstance(node.body[0], ast.Raise) and not node.orelse:
            return GONE  # a check whose message is for a person who gave the settings
        later = self.source.startswith("elif", self.start(node))
        test = self.value(node.test)
        if test is UNKNOWN:
            before = self.tested if later else []
            condition = self.edit(node.test)
            test = False if condition in before else UNKNOWN
            self.tested = [*before, condition]
        if test is UNKNOWN:
            return None
        block = node.body if test else node.orelse
        if not block:
            return GONE
        if not test and self.source.startswith("elif", self.start(block[0])):
            rest = self.edit(block[0])
            return rest if later or rest == GONE else rest.replace("elif", "if", 1)
        if later:
            return "else:\n" + " " * block[0].col_offset + self.block(block)
        return self.moved_out(node, block, self.end(node.test) if test else self.start(block[0]))

    def edit_With(self, node: ast.With) -> str | None:
        calls = [ast.unparse(i.context_expr.func) for i in node.items if _is_call(i.context_expr)]
        if not calls or not self.facts.gone.issuperset(calls):
            return None
        return self.moved_out(node, node.body, self.end(node.items[-1].context_expr))

    def block(self, block: list[ast.stmt]) -> str:
        return "".join(self.between(self.start(block[0]), self.end(block[-1]), block))

    def moved_out(self, node: ast.stmt, block: list[ast.stmt], since: int) -> str:
        """The statements of `block` in the place of `node`, under the comments that led to them."""
        margin = " " * (block[0].col_offset - node.col_offset)
        comments = re.findall(r"# .*", self.source[since : self.start(block[0])])
        text = self.block(block).replace("\n" + margin, "\n")
        return ("\n" + " " * node.col_offset).join([*comments, text])

    def edit_FunctionDef(self, node: ast.FunctionDef) -> str | None:
        methods = self.facts.methods
        if node.col_offset and methods is not None and node.name not in methods:
            return GONE
        before = (dict(self.known), set(self.dropped), self.taken)
        self.taken = self.taken | _own_names(node)
        gone = [a for a in node.args.args if a.arg == "config" or _kind(a) & LEFT_OUT]
        self.known |= {a.arg: None for a in gone if "None" in ast.unparse(a)}
        self.dropped |= {a.arg for a in gone}
        text = self._function(node, gone) if gone else self.as_it_is(node)
        self.known, self.dropped, self.taken = before
        return text

    def _function(self, node: ast.FunctionDef, gone: list[ast.arg]) -> str:
        """The function without the parameters `gone`."""
        args = node.args.args
        defaults: list[Any] = [None] * (len(args) - len(node.args.defaults))
        parts = [
            self.edit(arg) + (f" = {self.edit(default)}" if default else "")
            for arg, default in zip(args, defaults + node.args.defaults, strict=True)
            if arg not in gone
        ]
        margin = " " * node.col_offset
        returns = f" -> {self.edit(node.returns)}" if node.returns else ""
        head = f"def {node.name}({', '.join(parts)}){returns}:"
        if len(margin + head) > WIDTH:
            lines = "".join(f"\n{margin}    {part}," for part in parts)
            head = f"def {node.name}({lines}\n{margin}){returns}:"
        decorators = "".join(f"@{self.edit(d)}\n{margin}" for d in node.decorator_list)
        return f"{decorators}{head}\n{margin}    {self.block(node.body)}"

    # --- what is known --------------------------------------------------------------------

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
        """One false part makes an `and` false, whatever the others are; `or` the other way round."""
        values = [self.value(part) for part in node.values]
        decides = isinstance(node.op, ast.Or)
        if any(v is not UNKNOWN and bool(v) == decides for v in values if isinstance(v, bool)):
            return decides
        if any(value is UNKNOWN for value in values):
            return UNKNOWN
        return next((v for v in values if bool(v) == decides), values[-1])


def _parts(node: ast.AST) -> Iterator[Any]:
    """The nodes right below that have a place of their own."""
    for child in ast.iter_child_nodes(node):
        if hasattr(child, "lineno"):
            yield child
        else:
            yield from _parts(child)


def _is_call(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call)


def _kind(arg: ast.arg) -> set[str]:
    """The names in a parameter's annotation."""
    return {n.id for n in ast.walk(arg) if isinstance(n, ast.Name)}


def _own_names(node: ast.AST) -> set[str]:
    """The parameters and variables of a function."""
    nodes = list(ast.walk(node))
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.arg for n in nodes if isinstance(n, ast.arg)}


def literal(value: Any) -> str:
    """A value as it stands in a source, texts in double quotes where that is possible."""
    text = repr(value)
    plain = isinstance(value, str) and text[0] == "'" and '"' not in text
    return f'"{text[1:-1]}"' if plain else text


def _without_useless(text: str) -> str:
    """Leave out what stands after a `return` of the same block, and variables nobody reads."""
    lines = text.split("\n")
    useless: list[ast.stmt] = []
    for node in ast.walk(ast.parse(text)):
        body = node.body if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.With) else []
        ends = [i for i, n in enumerate(body) if isinstance(n, ast.Return)]
        useless += body[ends[0] + 1 :] if ends else []
        if isinstance(node, ast.FunctionDef):
            read = {n.id for n in ast.walk(node) if _is_read(n)}
            useless += [n for n in body if _is_plain(n) and ast.unparse(n.targets[0]) not in read]
    for statement in useless:
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        lines[first:last] = [GONE] * (last - first)
    return "\n".join(line for line in lines if line != GONE)


def _is_read(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _is_plain(node: ast.stmt) -> TypeGuard[ast.Assign]:
    """Whether a statement gives a value to one name, and does nothing else."""
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return False
    return not any(_is_call(part) for part in ast.walk(node.value))


def _joined_lines(text: str, before: str) -> str:
    """Write in one line what has become short enough for it."""
    lines = text.split("\n")
    statements = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Assign | ast.Return)]
    for node in sorted(statements, key=lambda n: -n.lineno):
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        own = "\n".join(lines[first:last])
        if last - first == 1 or own in before or "#" in own.rpartition("\n")[0]:
            continue
        *_, code, comment = re.fullmatch(r"(?s)(.*?)(  #[^\n]*)?", own).group(0, 1, 2)  # type: ignore[union-attr]
        code = re.sub(r"\s*\n\s*", " ", code.strip())
        code = re.sub(r",? ([)\]])", r"\1", re.sub(r"([(\[]) ", r"\1", code))
        code = _without_brackets(code)
        whole = " " * node.col_offset + code + (comment or "")
        if len(whole) <= WIDTH:
            lines[first:last] = [whole]
    return "\n".join(lines)


def _without_brackets(code: str) -> str:
    """x = (a) → x = a"""
    found = re.fullmatch(r"(return|\S+ =) \((.*)\)", code)
    plain = found and f"{found[1]} {found[2]}"
    try:
        same = plain and ast.dump(ast.parse(plain)) == ast.dump(ast.parse(code))
    except SyntaxError:
        return code
    return plain if plain and same else code
