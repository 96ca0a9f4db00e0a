"""The toy tasks: texts that follow one rule, each in a line, with an example and a button."""

import streamlit as st

from explorer.lessons import Lesson
from explorer.panels import text
from explorer.panels.exact_match import example
from gpt.toys import TOYS


def toys_panel(lesson: Lesson) -> None:
    """Draw the list; a click makes a task's text that of all pages."""
    with st.expander("Learn a toy task instead", icon=":material/extension:"):
        st.caption(
            "Texts that follow one rule, made here from a seed. What can be foreseen in them is"
            " known exactly, so training also tells how many held-out problems are answered rightly"
            " (exact match), and attention has something crisp to show."
        )
        for name, toy in TOYS.items():
            what, use = st.columns([4, 1], vertical_alignment="center")
            what.markdown(f"**{text.TITLES[name]}**: {toy.summary}, as in {example(name)}")
            use.button(
                "Use it",
                key=f"{lesson.key}_toy_{name}",
                disabled=st.session_state.get("text") == name,
                on_click=text.choose_toy,
                args=(name,),
                help="Every page learns from it from now on; the chooser on the left has it too.",
            )
