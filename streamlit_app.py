"""The router: page settings, the text chooser, and the navigation made from the lesson registry."""

import streamlit as st

from explorer import engine, lessons
from explorer.panels import text

st.set_page_config(page_icon="explorer/assets/icon.png", layout="wide")
engine.start()  # torch and the training processes, behind the page


def page(lesson: lessons.Lesson) -> st.Page:
    home = lesson is lessons.HOME
    return st.Page(
        lesson.file,
        title=lesson.heading,
        icon=lesson.icon,
        default=home,
        url_path=None if home else lesson.key,
    )


navigation = st.navigation(
    {"": [page(lessons.HOME)], "From text to a GPT": [page(lesson) for lesson in lessons.LESSONS]}
)
text.choose()
navigation.run()
