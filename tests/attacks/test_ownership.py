"""No page steers, renames, deletes or lists runs except through `explorer/workspace.py`."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "explorer/panels").rglob("*.py"))]
# Method → what must stand inside its call for it to be allowed.
STEERING = {
    "command": None, "submit": None, "control": None, "set_status": None, "entries": None,
    "runs_of": None, "list": None, "delete": "workspace.changing(", "write": "workspace.changing(",
}  # fmt: skip
OWNERS = {
    "executor",
    "engine.executor()",
    "engine.store()",
    "history",
    "labels",
    "run",
    "run_labels",
}
TEACHERS = {"board.py", "order.py", "archive.py"}  # behind the teacher's key: see class_page.py


def offences(source: str) -> list[str]:
    """The calls in a page's source that go around the workspace."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Attribute) and node.attr in STEERING):
            continue
        if ast.unparse(node.value) in OWNERS:
            found.append(node)
    return [ast.unparse(node) for node in found if not _allowed(source, node)]


def _allowed(source: str, node: ast.Attribute) -> bool:
    needed = STEERING[node.attr]
    line = " ".join(source.splitlines()[node.lineno - 1 : (node.end_lineno or node.lineno) + 1])
    return needed is not None and needed in line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_goes_around_the_workspace(path):
    assert offences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "engine.executor().command(run_id, 'stop')",
        "st.button('x', on_click=engine.executor().submit, args=(run.id,))",
        "history.entries(engine.store())",
        "engine.store().delete(run_id)",
        "engine.store().list()",
        "labels.write(run.folder, name='mine')",
        "run.control('stop')",
    ],
)
def test_what_would_go_around_it_is_seen(line):
    assert offences(line)


def test_only_the_class_page_shows_the_board():
    """What lists everybody's runs is drawn in one place, behind the teacher's key."""
    shown = {
        path.name
        for path in PAGES
        if "board.entries(" in path.read_text(encoding="utf-8") and path.name not in TEACHERS
    }
    assert shown <= {"class_page.py"}
