"""The files of the languages against the sentences of the code, and what `say` makes of both."""

import ast
import re
from string import Formatter

import pytest
from babel.messages import pofile
from streamlit.testing.v1 import AppTest

import gpt
from explorer import language
from explorer.components import wire
from explorer.language import extract

OTHERS = [code for code in language.LANGUAGES if code != language.ENGLISH]
LINK = re.compile(r"\]\([^)]*\)|https?://[^\s)]+")
ICON = re.compile(r":material/\w+:")


@pytest.fixture(scope="module", params=OTHERS)
def translated(request):
    """English → the sentence, as a language's file has it, also where it is empty."""
    with (language.FOLDER / f"{request.param}.po").open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in pofile.read_po(file) if entry.id}


@pytest.fixture(scope="module")
def found():
    """Every sentence of the code → the files that say it."""
    return extract.sentences()


@pytest.fixture
def spanish(monkeypatch):
    monkeypatch.setattr(language, "chosen", lambda: "es")


def places(text):
    """The names in braces, sorted; none where braces are LaTeX and never filled."""
    try:
        return sorted({name for _, name, _, _ in Formatter().parse(text) if name})
    except ValueError:
        return []


# ---- the files ----------------------------------------------------------------------------------


def test_every_sentence_is_translated(translated, found):
    missing = [text for text in found if not translated.get(text)]
    assert not missing, f"{len(missing)}, such as {missing[:5]}: run python -m explorer.language"


def test_no_translation_is_of_a_sentence_that_nobody_says(translated, found):
    assert not set(translated) - set(found)


def test_translations_have_the_places_links_and_icons_of_the_english(translated):
    for text, said in translated.items():
        if not said:
            continue
        assert places(said) == places(text), text
        assert len(LINK.findall(said)) == len(LINK.findall(text)), text
        assert sorted(ICON.findall(said)) == sorted(ICON.findall(text)), text
        assert said.count("$") == text.count("$"), text


# ---- where sentences are found ------------------------------------------------------------------


def test_sentences_are_found_wherever_they_can_be_said(found):
    assert "explorer/components/matrices_words.js" in found["Point at a cell to see its numbers."]
    assert "explorer/components/matrices.html" in found["√ contrast"]
    assert "explorer/charts/loss.py" in found["loss (nats per token)"]
    assert "gpt/presets.py" in found[gpt.PRESETS["gpt_mini"].summary]
    assert "gpt/settings.py" in found["{0} must be one of {1}, got {2}."]
    assert "gpt/training.py" in found["All {0} steps are done."]
    assert not any(text.startswith("--") for text in found), "the command line speaks English only"


def test_only_what_is_called_says_something(tmp_path):
    """A variable of such a name says nothing: a newer Babel took what follows it for sentences."""
    file = tmp_path / "page.py"
    file.write_text(
        'if message["done"]:\n    """No sentence."""\n'
        'st.write(say("One " "two."), count(n, "1", "2"))\n'
        'language.say("Three.")\nsay(constant)\nself.say(ready=True)\n'
    )
    assert extract.of_python(file) == ["One two.", "1", "2", "Three."]


def test_whole_sentences_are_told_from_names_and_docstrings():
    source = '"""It is a docstring."""\nA = "a name"\nB = f"It took {1:.0f} s."\nC = "All is well."'
    assert extract.spoken(source) == ["It took {0} s.", "All is well."]
    raised = "raise GPTError(f'{a} is bad: {b!r}.')\nraise ValueError('for programmers only')"
    assert extract.errors(raised) == ["{0} is bad: {1}."]


# ---- what is said -------------------------------------------------------------------------------


def test_english_outside_a_page():
    assert language.chosen() == language.ENGLISH
    assert language.say("Home") == "Home"
    assert language.say("{n} heads", n=3) == "3 heads"
    assert language.say("braces of {LaTeX} without values") == "braces of {LaTeX} without values"
    assert language.count(1, "{n} head", "{n} heads") == "1 head"
    assert language.explain("All 5 steps are done.") == "All 5 steps are done."
    assert wire.words("matrices.html", "matrices_words.js") == {}


def test_a_sentence_that_has_no_translation_stays_english(spanish):
    assert language.say("No page says this {n} times.", n=2) == "No page says this 2 times."
    assert language.explain("No library raises this.") == "No library raises this."


@pytest.mark.parametrize(
    ("mistake", "parts"),
    [
        (lambda: gpt.ModelConfig(n_embd=30, n_head=4), ["n_embd (30)", "n_head (4)"]),
        (lambda: gpt.ModelConfig.from_dict({"n_heads": 2}), ["'n_heads'", "'n_head'"]),
        (lambda: gpt.TrainConfig(batch_size=0), ["batch_size", "0"]),
        (lambda: gpt.ModelConfig.from_dict({"dropout": "much"}), ["un número", "'much'"]),
    ],
)
def test_the_errors_of_the_library_are_explained_in_spanish(spanish, mistake, parts):
    with pytest.raises(gpt.GPTError) as caught:
        mistake()
    said = language.explain(caught.value)
    assert not re.search(r"\b(must|There is|mean|so that|got)\b", said), said
    assert all(part in said for part in parts), said


def test_how_a_training_ended_is_explained_in_spanish(spanish):
    said = language.explain(
        "Stopped at step 400: the validation loss has not fallen for 5 estimates."
    )
    assert "400" in said and "validación" in said and "step" not in said


def test_a_component_is_given_only_what_differs_from_its_english(spanish):
    words = wire.words("token_strip.html", "token_strip.js")["words"]
    assert words["Point at a token to see its id."].startswith("Pasa el cursor")
    assert "PNG" not in words and "Click a row, or press Enter on it, to choose it" not in words


def page():
    import streamlit as st

    from explorer import language

    language.begin()
    st.text(language.say("Home"))


@pytest.mark.parametrize(
    ("linked", "said"), [(None, "Home"), ("es", "Inicio"), ("tlh", "Home"), ("", "Home")]
)
def test_the_address_chooses_the_language_and_an_unknown_one_is_english(linked, said):
    app = AppTest.from_function(page)
    if linked is not None:
        app.query_params[language.KEY] = linked
    assert app.run().text[0].value == said


# ---- the charts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((extract.ROOT / "explorer/charts").glob("*.py")))
def test_a_chart_names_every_field_that_is_seen(path):
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        where = f"{path.name}, line {call.lineno}: {ast.unparse(call)[:60]}"
        if call.func.attr in ("X", "Y", "Tooltip"):
            assert "title" in given, where  # else Vega shows the name of the column
        if call.func.attr == "encode":
            bare = [
                name for name in ("x", "y", "tooltip") if isinstance(given.get(name), ast.Constant)
            ]
            assert not bare, where
        for name in ("title", "description"):
            assert not isinstance(given.get(name), ast.JoinedStr), where
            text = given[name].value if isinstance(given.get(name), ast.Constant) else None
            assert text is None, where
