"""The registry: every page has a file, and the order leads from the text to a GPT."""

import subprocess
import sys
from pathlib import Path

import gpt
from explorer import lessons

ROOT = Path(__file__).parents[2]


def test_every_lesson_has_its_file_and_every_file_its_lesson():
    registered = {lesson.file for lesson in [*lessons.BY_KEY.values(), lessons.CLASS]}
    files = {f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    assert registered == files


def test_presets_of_the_registry_exist():
    for lesson in lessons.LESSONS:
        assert lesson.preset is None or lesson.preset in gpt.PRESETS


def test_numbers_rise_and_next_follows():
    numbers = [lesson.number for lesson in lessons.LESSONS]
    assert numbers == sorted(set(numbers))
    assert lessons.after(lessons.LESSONS[0]) is lessons.LESSONS[1]
    assert lessons.after(lessons.LESSONS[-1]) is None


def test_before_is_the_nearest_rung():
    assert lessons.before(lessons.BY_KEY["self_attention"]).key == "bigram"
    assert lessons.before(lessons.BY_KEY["bigram"]) is None


def test_a_page_can_be_imported_without_loading_torch():
    """A cold server shows the page's shell first; torch comes behind it."""
    files = (ROOT / "explorer" / "panels").rglob("*.py")
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
