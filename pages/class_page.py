"""The class: how to join, and for the teacher the board of all runs. Only on a shared server."""

import logging

import streamlit as st

from explorer import engine, server_log, workspace
from explorer.classroom import rules
from explorer.language import explain, say
from explorer.panels import lesson, text
from explorer.panels.classroom import assign, board, join, order
from explorer.panels.mistakes import mistakes_notice
from gpt.errors import GPTError

SAID = "class_key_said"


def show_key() -> None:
    """Take the key from its box: a right one makes this workspace a teacher's."""
    root, tried = engine.store().root, st.session_state.pop("class_key", "")
    try:
        if rules.is_teachers_key(root, tried):
            rules.make_teacher(root, workspace.mine().id)
        else:
            server_log.note("class.wrong_key", logging.WARNING, workspace=workspace.mine().id)
            st.session_state[SAID] = say("This is not the teacher's key.")
    except GPTError as error:
        st.session_state[SAID] = explain(error)


def step_down() -> None:
    """Give the board back: this browser is a learner's again."""
    rules.make_teacher(engine.store().root, workspace.mine().id, yes=False)


lesson.open_page("class_page")
lesson.idea(
    say("Everybody trains on this server, in a workspace of their own. Runs wait their turn.")
)
lesson.section(say("Join"))
join.join_panel()


def for_the_teacher() -> None:
    """The box for the key."""
    lesson.section(say("For the teacher"))
    st.text_input(
        say("Teacher's key"),
        type="password",
        key="class_key",
        on_change=show_key,
        help=say("Whoever started the server finds it in the file class/teacher.key of its runs."),
    )
    if said := st.session_state.pop(SAID, None):
        st.error(said)


def the_board() -> None:
    """All that the key opens."""
    mistakes_notice()
    lesson.section(say("The whole class"))
    places = st.columns(3)
    with places[0]:
        order.freeze_panel()
    with places[1]:
        order.archive_panel()
    places[2].button(
        say("Leave the board"),
        key="class_leave",
        icon=":material/logout:",
        on_click=step_down,
        help=say("This browser becomes a learner's again; the key opens the board anew."),
    )
    lesson.section(say("Who is best, judged alike"))
    verdicts = order.judge_panel(text.current())
    lesson.section(say("The board"))
    board.board_panel(verdicts)
    lesson.section(say("Tasks to hand out"))
    assign.tasks_panel()


if workspace.is_teacher():
    the_board()
else:
    for_the_teacher()
