"""The toy tasks: texts that follow one rule, each in a line, with an example and a button."""

import streamlit as st

from explorer.language import say
from explorer.lessons import Lesson
from explorer.literal import literal
from explorer.panels import text
from explorer.panels.classroom.task import keeper_of
from explorer.panels.exact_match import example
from gpt.toys import TOYS


def toys_panel(lesson: Lesson) -> None:
    """Draw the list; a click makes a task's text that of all pages."""
    with st.expander(say("Learn a toy task instead"), icon=":material/extension:"):
        st.caption(
            say(
                "Texts that follow one rule, made here from a seed. What can be foreseen in them"
                " is known exactly, so training also tells how many held-out problems are answered"
                " rightly (exact match), and attention has something crisp to show."
            )
        )
        kept = keeper_of("text")
        help = say("Every page learns from it from now on; the chooser on the left has it too.")
        for name, toy in TOYS.items():
            what, use = st.columns([4, 1], vertical_alignment="center")
            what.markdown(
                say(
                    "**{task}**: {summary}, as in {example}",
                    task=text.titled(name),
                    summary=say(toy.summary),
                    example=example(name),
                )
            )
            use.button(
                say("Use it"),
                key=f"{lesson.key}_toy_{name}",
                disabled=kept is not None or st.session_state.get("text") == name,
                on_click=text.choose_toy,
                args=(name,),
                help=literal(text.keeps(kept)) if kept else help,
            )
