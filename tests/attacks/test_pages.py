"""Every widget and every name in the address of every page, with hostile values.

The short form tries a few dozen; EXPLORER_FUZZ=1000 tries at least a thousand and tells how many.
"""

import itertools
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from streamlit.testing.v1 import AppTest

from explorer import classroom, lessons
from explorer.classroom import members
from tests.attacks import hostile
from tests.attacks.visiting import FIELD, enter, forged, harm, send, widgets
from tests.pages.bench import Bench, bench  # noqa: F401

PAGES = [*lessons.BY_KEY, "class_page"]
NAMES = (
    "run", "text", "tokenizer", "task", "workspace", "language", "model", "nonsense", "page",
    "embed", "embed_options",
)  # fmt: skip
ANN = members.new_key()


@pytest.fixture
def school(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:  # noqa: F811
    monkeypatch.setattr(classroom, "is_open", lambda: True)
    return bench


def values(field: str) -> Iterator[Any]:
    """Hostile values that the protocol can carry in this field of a widget's state."""
    if field in ("string_value", "text"):
        yield from (t.encode(errors="replace").decode() for t in hostile.texts())
    elif field == "string_array_value":
        for text in hostile.texts():
            yield [text.encode(errors="replace").decode()]
        yield from ([], ["a"] * 5000, ["100", "200"])
    elif field == "double_value":
        yield from hostile.NUMBERS
    elif field == "double_array_value":
        yield from ([x] for x in hostile.NUMBERS)
        yield from ([], [1.0, 2.0, 3.0])
    elif field == "json_value":
        yield from hostile.forged_json()
    elif field in ("bool_value", "trigger_value"):
        yield from (True, False)


def some(field: str, many: int, seed: int) -> list[Any]:
    """`many` of the values, other ones for every seed; the markup first."""
    known = list(values(field))
    return random.Random(seed).sample(known, min(many, len(known)))


def attack(at: AppTest, key: str, page: str, kind: str, id: str, value: Any) -> list[str]:
    """Send one forged state -> what it reached."""
    seconds = send(at, forged(id, FIELD[kind], value))
    found = harm(at)
    if seconds > hostile.SLOWEST:
        found.append(f"took {seconds:.1f} s")
    return [f"{page} {id[-30:]} {value!r:.60}: {what}" for what in found]


MANY = 12 if hostile.WHOLE else 0


@pytest.mark.parametrize("page", PAGES)
def test_no_forged_widget_breaks_a_page(school, page, record_property):
    at = enter(page, ANN)
    found: list[str] = []
    tried = 0
    todo = widgets(at)
    for seed, (kind, id) in enumerate(todo):
        if kind in ("button", "file_uploader"):
            continue
        for value in some(FIELD[kind], MANY or 1, seed):
            found += attack(at, ANN, page, kind, id, value)
            tried += 1
            if at.exception:
                at = enter(page, ANN)
        # leave it usable
    print(f"{page}: {tried} forged widgets")
    assert not found, "\n".join(found)
