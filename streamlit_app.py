"""The router: page settings, navigation from the lesson registry, the title, the text chooser.

It draws the title itself, before the page's own file is read: that file imports pandas, Altair and
torch, and a cold server should show something at once.
"""

import base64
from pathlib import Path

import streamlit as st

from explorer import classroom, engine, language, lessons, reruns, state
from explorer.language import say
from explorer.runs.run import RunError

# As an address that holds it: of a file, Streamlit would decode the picture at every rerun.
icon = base64.b64encode(Path("explorer/assets/icon.png").read_bytes()).decode()
st.set_page_config(page_icon=f"data:image/png;base64,{icon}", layout="wide")
# Streamlit cuts what is longer than its column with dots; in another language many labels are.
st.html("<style>.stMarkdownEllipsis, .stMarkdownEllipsis p { white-space: normal; }</style>")
language.begin()


def page(lesson: lessons.Lesson) -> st.Page:
    home = lesson is lessons.HOME
    return st.Page(
        lesson.file,
        title=lesson.heading,
        icon=lesson.icon,
        default=home,
        url_path=None if home else lesson.key,
    )


def draw_sidebar() -> None:
    # They bring pandas along: not before the title is drawn.
    from explorer.panels import glossary, question, speech, text, workspace
    from explorer.panels.classroom import task

    task.begin()
    text.choose()
    glossary.glossary_panel()
    workspace.workspace_panel()
    speech.choose()
    question.recall()


def admitted() -> bool:
    """Settle whose session it is; False, and a button, while an account has to sign in."""
    if not classroom.is_open():
        return True
    from explorer import workspace
    from explorer.panels.workspace import sign_in_panel

    limit()  # of who has not signed in, too
    if workspace.must_sign_in():
        sign_in_panel()
        return False
    workspace.begin()
    return True


def start() -> bool:
    """Load torch and the training processes behind the page; False, and one sentence, if nothing
    can be trained or kept here."""
    try:
        engine.start()
    except RunError as error:
        st.error(language.explain(error), icon=":material/error:")
        return False
    return True


def limit() -> None:
    """What whoever speaks Streamlit's protocol by hand may do to a server of many."""
    from streamlit import runtime

    if runtime.exists():  # not where the script runs without a server
        from explorer import messages, uploads

        uploads.limit()
        messages.guard()


def say_trouble() -> None:
    from explorer import workspace

    workspace.say_trouble()


def remember_answers() -> None:
    from explorer.panels import question

    question.remember()


sections = {
    "": [page(lessons.HOME)],
    say("From text to a GPT"): [page(lesson) for lesson in lessons.LESSONS],
}
if classroom.is_open():
    sections[say("Together")] = [page(lessons.CLASS)]
chosen = st.navigation(sections, expanded=True)  # of more than ten Streamlit would hide the last
titles = {lesson.key: lesson.headline for lesson in [*lessons.BY_KEY.values(), lessons.CLASS]}
st.title(titles[chosen.url_path or "home"], anchor=False)
reruns.hear_out()
if start() and admitted():
    draw_sidebar()
    say_trouble()
    state.pass_on()
    chosen.run()
    remember_answers()
