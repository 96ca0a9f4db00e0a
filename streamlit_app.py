"""The router: page settings, navigation from the lesson registry, the title, the text chooser.

It draws the title itself, before the page's own file is read: that file imports pandas, Altair and
torch, and a cold server should show something at once.
"""

import streamlit as st

from explorer import engine, language, lessons
from explorer.language import say

st.set_page_config(page_icon="explorer/assets/icon.png", layout="wide")
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
    from explorer.panels import glossary, question, speech, text

    text.choose()
    glossary.glossary_panel()
    speech.choose()
    question.recall()


def remember_answers() -> None:
    from explorer.panels import question

    question.remember()


chosen = st.navigation(
    {
        "": [page(lessons.HOME)],
        say("From text to a GPT"): [page(lesson) for lesson in lessons.LESSONS],
    },
    expanded=True,  # of more than ten pages Streamlit would hide the last
)
st.title(lessons.BY_KEY[chosen.url_path or "home"].headline, anchor=False)
engine.start()  # torch and the training processes, behind the page
draw_sidebar()
chosen.run()
remember_answers()
