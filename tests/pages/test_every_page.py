"""What holds on every page: it draws without an error, explains its controls, and leads onwards."""

from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from explorer import engine, lessons, state
from explorer.panels import lesson

ROOT = Path(__file__).parents[2]
CONTROLS = ("text_input", "text_area", "number_input", "slider", "select_slider", "selectbox")


@pytest.fixture(scope="module")
def visited():
    """Every page once, in one session, as a learner walks through them."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    app.run()
    pages = {"home": app}
    found = {"home": _seen(app)}
    for one in lessons.LESSONS:
        app.switch_page(one.file).run()
        pages[one.key] = app
        found[one.key] = _seen(app)
    yield found
    engine.executor().close()


def _seen(app: AppTest) -> dict:
    controls = [widget for kind in CONTROLS for widget in getattr(app, kind)]
    return {
        "errors": [e.value for e in app.exception] + [e.value for e in app.error],
        "titles": [t.value for t in app.title],
        "captions": [c.value for c in app.caption],
        "sections": [s.value for s in app.subheader],
        "unexplained": [w.label for w in [*controls, *app.button, *app.toggle] if not w.help],
        "unlabelled": [w.key for w in controls if not w.label],
    }


@pytest.mark.parametrize("key", list(lessons.BY_KEY))
def test_it_draws_without_an_error(visited, key):
    assert visited[key]["errors"] == []
    assert len(visited[key]["titles"]) == 1


@pytest.mark.parametrize("key", list(lessons.BY_KEY))
def test_every_control_says_what_it_does(visited, key):
    assert visited[key]["unexplained"] == []
    assert visited[key]["unlabelled"] == []


@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.key)
def test_every_lesson_has_its_parts(visited, lesson):
    sections = " ".join(visited[lesson.key]["sections"])
    for part in ("Touch it", "Predict", "The code", "What changed"):
        assert part in sections, f"{lesson.key} has no part {part!r}"


def test_the_map_on_home_shows_every_lesson(visited):
    """It once showed two rows of four, and a ninth page would have been lost."""
    assert all(lesson.idea in visited["home"]["captions"] for lesson in lessons.LESSONS)


def test_a_page_that_streamlit_opened_by_itself_goes_through_the_router(monkeypatch):
    """The first session of a server settles it for all, also for those that have begun already."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)

    class GoneThrough(Exception):
        pass

    def rerun():
        raise GoneThrough

    monkeypatch.setattr(lesson.st, "rerun", rerun)
    monkeypatch.setattr(state.st, "session_state", {})
    with pytest.raises(GoneThrough):
        lesson.open_page("bigram")
    state.pass_on()
    lesson._go_through_the_router()
    with pytest.raises(GoneThrough):  # of another drawing the router has to speak again
        lesson._go_through_the_router()
