"""From objects of this library to one plain program: the sources that a configuration needs.

Begins with some functions, takes the text of each with the settings put in (see `specialise`),
looks which names are left in it, and fetches those, until nothing is missing. What comes from
outside is imported. Everything is read from the files of this library: there is no second copy.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from types import ModuleType
from typing import Any

import gpt
from gpt.config import ModelConfig, TrainConfig
from gpt.takehome.known import Facts, literal
from gpt.takehome.specialise import specialised

Place = tuple[str, str]  # a module and the name of what it defines
TOLD = {  # about what is no field of the settings
    "size_of_head": "  # D: the size of one head's queries, keys and values",
    "kv_heads": "  # heads of keys and values",
    "hidden": "  # the hidden width of the feed-forward network",
    "width": "  # H × D, the width of all heads' outputs side by side",
    "flops": "  # multiplications and additions of one step",
    "bpe_vocab_size": "  # V: pairs are merged until there are so many tokens",
    "text_file": "  # where the text is looked for",
}


@dataclass(frozen=True)
class Piece:
    """One function, class or constant: where it stands, and its text for a configuration."""

    module: str
    line: int
    name: str
    text: str

    @property
    def is_constant(self) -> bool:
        return not self.text.startswith(("@", "def ", "class "))

    @property
    def names(self) -> set[str]:
        """Names from outside that its text reads, and those after a dot, as ".name"."""
        nodes = list(ast.walk(ast.parse(self.text)))
        attributes = {f".{n.attr}" for n in nodes if isinstance(n, ast.Attribute)}
        names = [n for n in nodes if isinstance(n, ast.Name)]
        own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
        return attributes | {n.id for n in names} - own


@dataclass(frozen=True)
class Program:
    """What a program is put together from, in an order in which it can be read and run."""

    imports: list[str]
    settings: list[str]
    pieces: list[Piece]


def assemble(roots: Sequence[Place], facts: Facts, also: Collection[str] = ()) -> Program:
    """The program of `roots`, all that they use, and `also` some settings and methods, ".start"."""
    methods = {name[1:] for name in also if name[0] == "."}
    while True:  # until no method is used that was left out
        pieces = _collect(roots, replace(facts, methods=frozenset(methods)))
        used = {name[1:] for piece in pieces for name in piece.names if name[0] == "."}
        if used <= methods:
            break
        methods |= used
    order = _reading_order(roots[0][0])
    pieces.sort(key=lambda piece: (order.index(piece.module), piece.line))
    names = {name for piece in pieces for name in piece.names} | set(also)
    return Program(_imports(pieces), list(_settings(facts, names)), pieces)


def _collect(roots: Sequence[Place], facts: Facts) -> list[Piece]:
    waiting: list[Place | None] = list(roots)
    found: dict[Place, Piece] = {}
    while waiting:
        place = waiting.pop()
        if place is None or place in found:
            continue
        module, name = place
        found[place] = piece = _piece(module, name, facts)
        waiting += [_find(module, other) for other in piece.names]
    return list(found.values())


def _piece(module: str, name: str, facts: Facts) -> Piece:
    node = _definitions(module)[name]
    source = _source(module, node)
    bases = getattr(getattr(importlib.import_module(module), name, None), "__mro__", ())
    kept = {m for base in bases if not base.__module__.startswith("gpt") for m in dir(base)}
    methods = None if facts.methods is None else facts.methods | kept | {"forward", "__missing__"}
    facts = replace(facts, methods=methods, tables=_tables(module))
    return Piece(module, node.lineno, name, specialised(source, facts))


def _find(module: str, name: str) -> Place | None:
    """The module of this library that defines `name` as `module` knows it; None: it is foreign."""
    if name in _definitions(module):
        return module, name
    imported = _imported(module).get(name)
    if imported and imported.startswith("gpt."):
        return _find(*imported.rsplit(":", 1)) if ":" in imported else None
    if "gpt" in _imported(module) and name in gpt._HOME_OF:
        return _find(f"gpt.{gpt._HOME_OF[name]}", name)
    return None


def _imports(pieces: Iterable[Piece]) -> list[str]:
    """The import lines for what is not this library's, as formatters sort them."""
    whole: set[str] = set()
    parts: dict[str, set[str]] = {}
    for piece in pieces:
        imported = _imported(piece.module)
        for name in piece.names & imported.keys() - _definitions(piece.module).keys():
            place, _, thing = imported[name].partition(":")
            if place.partition(".")[0] == "gpt":
                continue
            if thing:
                parts.setdefault(place, set()).add(thing)
            else:
                whole.add(f"import {place}" + (f" as {name}" if name != place else ""))
    lines = {f"from {p} import {', '.join(sorted(things))}" for p, things in parts.items()}
    torch = {line for line in whole | lines if line.split()[1].startswith("torch")}
    own = sorted((whole | lines) - torch, key=lambda line: (line[0] == "f", line))
    return [*own, "", *sorted(torch, key=lambda line: (line[0] == "f", line))]


def _settings(facts: Facts, names: set[str]) -> Iterator[str]:
    """The settings among `names` as constants, with what the library says about them."""
    told = {name: text for kind in (ModelConfig, TrainConfig) for name, text in _comments(kind)}
    derived = {name: _derived(name, facts) for name in facts.settings if name not in told}
    while True:
        more = {other for name in names & derived.keys() for other in _names_in(derived[name])}
        if more <= names:
            break
        names = names | more
    for name in sorted(facts.settings, key=lambda name: name in derived):
        if name in names:
            value = derived.get(name, literal(facts.settings[name]))
            yield f"{name} = {value}{(told | TOLD).get(name, '')}"


def _derived(name: str, facts: Facts) -> str:
    """How a setting that is not given follows from others, as the library has it."""
    node = getattr(ModelConfig, name, None)
    value = literal(facts.settings[name])
    if not isinstance(node, property):
        return value
    source = inspect.cleandoc(inspect.getsource(node.fget).replace("self.", "config."))  # type: ignore[arg-type]
    found = re.findall(r"\n    return (.*)$", specialised(source, facts))
    body = [n for n in ast.parse(source).body[0].body if not isinstance(n, ast.Expr)]  # type: ignore[attr-defined]
    return found[0] if found and len(body) == 1 else value


def _names_in(text: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}


def _comments(kind: type) -> Iterator[tuple[str, str]]:
    """Every field of a class of settings, and the comment behind it."""
    source = inspect.getsource(kind)
    for field in fields(kind):
        comment = re.search(rf"^    {field.name}: .*?(  # .*)?$", source, re.MULTILINE)
        yield field.name, (comment[1] if comment else None) or ""


# --- reading modules ---------------------------------------------------------------------------


@cache
def _module(name: str) -> tuple[ModuleType, str, ast.Module]:
    module = importlib.import_module(name)
    source = inspect.getsource(module)
    return module, source, ast.parse(source)


@cache
def _definitions(module: str) -> dict[str, Any]:
    """What a module defines by itself, by name."""
    found: dict[str, Any] = {}
    for node in _module(module)[2].body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found[ast.unparse(target)] = node
    return found


@cache
def _imported(module: str) -> dict[str, str]:
    """What a module imports: the name → "math", or "torch:Tensor"."""
    found: dict[str, str] = {}
    for node in _module(module)[2].body:
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {a.asname or a.name: f"{node.module}:{a.name}" for a in node.names}
    return found


def _source(module: str, node: Any) -> str:
    lines = _module(module)[1].splitlines()
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    return "\n".join(lines[first - 1 : node.end_lineno])


@cache
def _tables(module: str) -> Mapping[str, Mapping[str, str]]:
    """The dictionaries that a module defines, each entry as text."""
    found = {}
    for name, node in _definitions(module).items():
        if isinstance(value := getattr(node, "value", None), ast.Dict):
            pairs = zip(value.keys, value.values, strict=True)
            texts = {k.value: ast.unparse(v) for k, v in pairs if isinstance(k, ast.Constant)}
            found[name] = {str(key): text for key, text in texts.items()}
    return found


def _reading_order(home: str) -> list[str]:
    """The modules of this library, each after those that it builds on."""
    order: list[str] = []

    def visit(module: str) -> None:
        if module in order:
            return
        places = [place.partition(":")[0] for place in _imported(module).values()]
        for place in places:
            if place.startswith("gpt."):
                visit(place)
        order.append(module)

    for first in ("gpt.text", "gpt.batches", home):
        visit(first)
    for name in gpt._HOMES:  # what `home` uses by way of the package
        visit(f"gpt.{name}")
    order.remove(home)
    order.append(home)
    return order
