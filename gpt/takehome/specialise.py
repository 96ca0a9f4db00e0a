"""One source text for one configuration: settings become numbers, and what they rule out goes.

    if self.config.qk_norm: …            is gone, or only what stands in it is left
    nn.Linear(config.n_embd, width)      becomes nn.Linear(n_embd, width)
    def forward(self, x, cache=None)     becomes def forward(self, x)
    RULES[rule]                          becomes GPT2, where the rule is always "gpt2"

The text is edited and not printed anew, so that comments and layout stay. This is partial
evaluation (Jones, Gomard & Sestoft 1993) of the little that settings decide: names, comparisons,
`and`, `or`, `not`, conditions. Leaves out loops, and f-strings, in which nothing is changed.
"""

import ast
from typing import Any, TypeGuard

from gpt.config import CHOICES
from gpt.takehome.edit import Editor
from gpt.takehome.known import OWNERS, UNKNOWN, Facts, literal
from gpt.takehome.tidy import GONE, WIDTH, tidied

LEFT_OUT = {"ModelConfig", "TrainConfig", "KVCache", "Group", "slice"}  # kinds of parameters


def specialised(source: str, facts: Facts) -> str:
    """Return `source`, the text of functions, classes or statements, for these facts."""
    return tidied(_Specialised(source, facts).text(), source)


class _Specialised(Editor):
    """The editor that puts settings in and leaves out what they rule out."""

    # --- expressions ----------------------------------------------------------------------

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
        table, key = self.facts.tables.get(ast.unparse(node.value), {}), self.value(node.slice)
        if isinstance(key, str) and key in table:
            return table[key]
        return self.edit(node.value) if ast.unparse(node.slice) in self.dropped else None

    def edit_Call(self, node: ast.Call) -> str | None:
        if ast.unparse(node.func) in self.facts.same:
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
        idle = {*self.facts.same, *self.facts.arguments}
        if name in idle or ast.unparse(node.value) in self.dropped:
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
        first, later = node, self._is_elif(node)
        self.tested = self.tested if later else []
        test = self._tested(node)
        while test is not UNKNOWN and not test and self._is_elif(*node.orelse):
            node = node.orelse[0]  # type: ignore[assignment]
            test = self._tested(node)
        if test is UNKNOWN:
            text = self.as_it_is(node)
            return text if later or node is first else text.replace("elif", "if", 1)
        block = node.body if test else node.orelse
        if not block:
            return GONE
        if later:
            return "else:\n" + " " * block[0].col_offset + self.block(node, block)
        since = self.end(node.test) if test else self.start(block[0])
        return self.moved_out(first, block, since)

    def _is_elif(self, *block: ast.stmt) -> bool:
        return len(block) == 1 and self.source.startswith("elif", self.start(block[0]))

    def _tested(self, node: ast.If) -> Any:
        """The value of its condition; false if the same one stands above it in the chain."""
        test = self.value(node.test)
        if test is UNKNOWN:
            condition = self.edit(node.test)
            test = False if condition in self.tested else UNKNOWN
            self.tested = [*self.tested, condition]
        return test

    def edit_With(self, node: ast.With) -> str | None:
        calls = [ast.unparse(i.context_expr.func) for i in node.items if _is_call(i.context_expr)]
        if not calls or not self.facts.gone.issuperset(calls):
            return None
        return self.moved_out(node, node.body, self.end(node.items[-1].context_expr))

    def edit_FunctionDef(self, node: ast.FunctionDef) -> str | None:
        methods = self.facts.methods
        if node.col_offset and methods is not None and node.name not in methods:
            return GONE
        before = (dict(self.known), set(self.dropped), self.taken)
        self.taken = self.taken | _own_names(node)
        given = {"config", *self.facts.arguments}
        gone = [a for a in node.args.args if a.arg in given or _kind(a) & LEFT_OUT]
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
        return f"{decorators}{head}\n{margin}    {self.block(node, node.body)}"


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
