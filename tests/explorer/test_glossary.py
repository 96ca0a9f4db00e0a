import re
from itertools import chain
from pathlib import Path

import pytest

from explorer import language, lessons
from explorer.glossary import GLOSSARY

WRITTEN = "\n".join(
    path.read_text(encoding="utf-8")
    for path in chain(
        Path("pages").glob("*.py"),
        Path("explorer/panels").rglob("*.py"),
        (Path("explorer/controls.py"), Path("explorer/notices.py")),
    )
).lower()


@pytest.mark.parametrize("term", GLOSSARY, ids=lambda term: term.name)
def test_a_term_is_short_and_shown_on_a_page(term):
    assert term.page in lessons.BY_KEY
    assert len(term.meaning) <= 160 and term.meaning.endswith(".")
    assert any(form.lower() in WRITTEN for form in term.all_forms), "no page speaks of it"


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_no_word_has_two_meanings(spoken, monkeypatch):
    monkeypatch.setattr(language, "chosen", lambda: spoken)
    forms = [form.lower() for term in GLOSSARY for form in term.all_forms]
    assert len(set(forms)) == len(forms)


def test_no_term_is_explained_by_itself_alone():
    for term in GLOSSARY:
        assert not re.match(rf"(an? |the )?{re.escape(term.name)}\b", term.meaning.lower())
