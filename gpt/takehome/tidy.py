"""Make an edited source text plain again: nothing useless, no line broken for nothing."""

import ast
import re
from typing import TypeGuard

GONE = "\0"  # stands where a statement was
WIDTH = 100


def tidied(text: str, before: str) -> str:
    """Return `text`, which was edited out of `before`, tidied up."""
    text = re.sub(rf"^[ ]*{GONE}[^\n]*\n", "", text + "\n", flags=re.MULTILINE)
    text = re.sub(r"  # type: ignore(\[[\w-]+\])?", "", text)
    text = re.sub(r"\n{3,}", "\n\n", text).rstrip()
    return _joined_lines(_without_useless(text), before)


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
    return not any(isinstance(part, ast.Call) for part in ast.walk(node.value))


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
