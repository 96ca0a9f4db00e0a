"""No sentence of a page is left out of its translations: a language that brackets all it is given.

What stands outside brackets on a page did not go through `say`, and would stay English.
"""

import json
import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from explorer import engine, language, lessons
from tests.pages.bench import APP

SHOWN = {
    "label", "help", "body", "placeholder", "title", "text", "element_name", "caption", "options",
    "name", "message", "captions", "summary",
}  # fields of Streamlit's messages that a person reads  # fmt: skip
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
CODE = re.compile(
    r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|:material/\w+:|:\w+-?\w*\[|https?://\S+|<[^>]+>|\(/[^)]*\)",
    re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]{3,}")
# Names, and what is the same in all languages.
NAMES = {
    "GPT", "LayerNorm", "RMSNorm", "softmax", "GELU", "ReLU", "SwiGLU", "Muon", "AdamW", "FLOP",
    "FLOPs", "PyTorch", "Tiny", "Shakespeare", "Python", "JSON", "PNG", "SVG", "CSV", "bigram",
    "Español", "English", "token", "tokens", "Hugging", "Face",
}  # fmt: skip


class Brackets(dict):
    """The catalogue of a language in which every sentence is itself, between brackets."""

    def get(self, text, default=None):
        return f"⟦{text}⟧"

    def __contains__(self, text):
        return False


def unsaid(text: str) -> list[str]:
    """The words of `text` that stand outside all brackets."""
    text = CODE.sub(" ", text)
    while BRACKETED.search(text):
        text = BRACKETED.sub(" ", text)
    return [word for word in WORD.findall(text) if word not in NAMES]


def shown(message, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a message of Streamlit that a person reads, with where it stands."""
    for field, value in message.ListFields():
        where = f"{path}.{field.name}"
        repeated = not isinstance(value, str | bytes) and hasattr(value, "__iter__")
        for one in value if repeated else [value]:
            if hasattr(one, "ListFields"):
                yield from shown(one, where)
            elif isinstance(one, str) and field.name in SHOWN:
                yield where, one
            elif isinstance(one, str) and field.name == "spec":
                yield from ((f"{where}.{key}", text) for key, text in charted(json.loads(one)))


def charted(spec, key: str = "") -> Iterator[tuple[str, str]]:
    """What a chart says: titles, descriptions, and the names of fields that have no title."""
    if isinstance(spec, list):
        for one in spec:
            yield from charted(one, key)
    elif isinstance(spec, dict):
        if "field" in spec and "title" not in spec and key not in UNSEEN:
            titled = any(isinstance(p, dict) and "title" in p for p in spec.values())
            if not titled:
                yield f"{key}.field", str(spec["field"])
        for name, value in spec.items():
            if name in ("title", "description", "text") and isinstance(value, str):
                yield name, value
            elif name not in ("datasets", "data", "values", "transform", "params"):
                yield from charted(value, name)


# Channels that show no name of their field.
UNSEEN = {
    "x2", "y2", "text", "order", "detail", "sort", "condition", "xOffset", "opacity", "key",
    "color", "shape", "strokeDash", "size", "url",
}  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    """Every page once, in the language of brackets: key → what it shows."""
    patch = pytest.MonkeyPatch()
    patch.setattr(language, "catalogue", lambda code: Brackets())
    patch.setattr(language, "chosen", lambda: "brackets")  # what is kept for "es" is not of it
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.run()
    found = {}
    for lesson in lessons.BY_KEY.values():
        if lesson is not lessons.HOME:
            app.switch_page(lesson.file).run()
        found[lesson.key] = [
            (where, text) for element in app.main for where, text in _of(element)
        ] + [(where, text) for element in app.sidebar for where, text in _of(element)]
    yield found
    patch.undo()
    engine.executor().close()


def _of(element) -> Iterator[tuple[str, str]]:
    proto = getattr(element, "proto", None)
    if proto is not None and element.type not in ("code",):
        yield from shown(proto, element.type)


@pytest.mark.parametrize("key", list(lessons.BY_KEY))
def test_every_sentence_of_a_page_can_be_translated(pages, key):
    left = {(where, text) for where, text in pages[key] if unsaid(text)}
    assert not left, "\n".join(
        f"{where}: {unsaid(text)} in {text!r}" for where, text in sorted(left)
    )
