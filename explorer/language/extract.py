"""Finds every sentence that a page can say: in Python, in the components, and in the library.

- Python: what `say`, `count` and `message` are given, as far as it is written there.
- A component's script: what `say` is given. Its HTML: its text, `title`, `aria-label`.
- `gpt`: titles and summaries of its presets and toy tasks, and the sentences of its errors, with
  {0}, {1}, … where values stand. Those of errors that `explorer` raises, too: in its caches and
  training processes, which many people share and which know no languages.
- What a training process or a run notes about its end, in SPOKEN.
"""

import ast
import builtins
import functools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import gpt
from gpt.toys import TOYS

ROOT = Path(__file__).parents[2]
CALLS = {"say": (0,), "message": (0,), "count": (1, 2)}  # function → places of its sentences
# Files whose sentences are kept or passed on before they are shown: `explain` says them.
SPOKEN = (
    "gpt/errors.py",
    "gpt/training.py",
    "explorer/runs/job.py",
    "explorer/runs/states.py",
    "explorer/runs/run.py",
    "explorer/runs/store.py",
    "explorer/runs/retry.py",
    "explorer/runs/executors/executor.py",
    "explorer/runs/executors/ray_door.py",
    "explorer/runs/executors/ray_line.py",
    "explorer/runs/executors/ray_desk.py",
    "explorer/runs/executors/process.py",
)
WORDS = {  # that errors put into their sentences
    "gpt/settings.py": ("true or false", "a number", "whole"),
    "explorer/runs/labels.py": ("name", "group"),
}
SENTENCE = re.compile(r" ?(?:[A-Z]|\{0\} [A-Z])[^`\n]* [^`\n]*[.?]")
IN_SCRIPT = re.compile(r"""\bsay\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
SHOWN = ("title", "aria-label", "placeholder")

Found = tuple[str, str]  # file, sentence


def sentences() -> dict[str, list[str]]:
    """Sentence → the files that say it, in the order of the course."""
    places: dict[str, list[str]] = {}
    for file, text in _everything():
        files = places.setdefault(text, [])
        if file not in files:
            files.append(file)
    return places


def _everything() -> Iterator[Found]:
    for path in [ROOT / "streamlit_app.py", *_files("pages", "py"), *_files("explorer", "py")]:
        yield from _named(path, of_python(path))
    for kind in ("html", "js"):
        for path in _files("explorer/components", kind):
            yield from _named(path, of_component(path))
    for preset in gpt.PRESETS.values():
        yield from (("gpt/presets.py", text) for text in (preset.title, preset.summary))
    yield from (("gpt/toys.py", toy.summary) for toy in TOYS.values())
    for path in [*_files("gpt", "py"), *_files("explorer", "py")]:
        if not path.name.startswith("cli"):  # which no page calls
            yield from _named(path, errors(path.read_text(encoding="utf-8")))
    for name, words in WORDS.items():
        yield from ((name, word) for word in words)
    for name in SPOKEN:
        yield from ((name, text) for text in spoken((ROOT / name).read_text(encoding="utf-8")))


def _files(folder: str, kind: str) -> list[Path]:
    return sorted((ROOT / folder).rglob(f"*.{kind}"))


def _named(path: Path, texts: list[str]) -> Iterator[Found]:
    name = path.relative_to(ROOT).as_posix()
    return ((name, text) for text in texts if text)


def of_python(path: Path) -> list[str]:
    """What the calls in CALLS are given in a Python file, in its order."""
    found: list[tuple[int, int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            places = CALLS.get(_called(node), ())
            for place, given in enumerate(node.args):
                if place in places and isinstance(given, ast.Constant):
                    found.append((given.lineno, given.col_offset, str(given.value)))
    return [text for _, _, text in sorted(found)]


def _called(node: ast.Call) -> str:
    """The name of a function or method that is called; "" of what has no name."""
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


@functools.cache
def of_component(path: Path) -> list[str]:
    """The sentences of a component's html or js file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return of_html(text)
    return [ast.literal_eval(literal) for literal in IN_SCRIPT.findall(text)]


def of_html(text: str) -> list[str]:
    """Every text node with a word in it, and every attribute that a browser shows."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.extend(value for name, value in attributes if value and name in SHOWN)

        def handle_data(self, data: str) -> None:
            found.append(data.strip())

    Reader().feed(text)
    return [text for text in found if re.search(r"[^\W\d]{2}", text)]


def errors(source: str) -> list[str]:
    """The sentences that a file raises for a person; {0}, {1}, … stand for their values.

    (Python's own errors are for programmers.)
    """
    raised = (node.exc for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise))
    calls = (call for call in raised if isinstance(call, ast.Call) and call.args)
    given = (call.args[0] for call in calls if not hasattr(builtins, ast.unparse(call.func)))
    return [text for node in given if (text := _template(node)) and " " in text]


def spoken(source: str) -> list[str]:
    """Every text of a file that is a whole sentence, without its docstrings; as in `errors`."""
    found: list[ast.expr] = []

    class Reader(ast.NodeVisitor):
        def visit_Expr(self, node: ast.Expr) -> None:
            if not isinstance(node.value, ast.Constant):  # else a docstring
                self.generic_visit(node)

        def visit_Constant(self, node: ast.Constant) -> None:
            found.append(node)

        def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
            found.append(node)  # whole, without its parts

    Reader().visit(ast.parse(source))
    return [text for node in found if SENTENCE.fullmatch(text := _template(node))]


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    values = iter(range(len(node.values)))
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"{{{next(values)}}}"
        for part in node.values
    )
