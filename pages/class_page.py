"""The class: how to join, and for the teacher the board of all runs. Only on a shared server."""

import logging

import streamlit as st

from explorer import engine, server_log, workspace
from explorer.classroom import rules
from explorer.language import say
from explorer.panels import lesson, text
from explorer.panels.classroom import assign, board, join, order
from explorer.panels.mistakes import mistakes_notice

SAID = "class_key_said"
JOINING = "class_joining"  # of the session: whether the board was opened before anybody trained


def show_key() -> None:
    """Take the key from its box: a right one makes this workspace a teacher's."""
    root, tried = engine.store().root, st.session_state.pop("class_key", "")
    if not tried.strip():  # the box, as it goes away
        return
    with workspace.telling():
        if rules.is_teachers_key(root, tried):
            rules.make_teacher(root, workspace.mine().id)
        else:
            who = workspace.mine().id
            server_log.note_seldom("class.wrong_key", logging.WARNING, workspace=who)
            st.session_state[SAID] = say("This is not the teacher's key.")


def step_down() -> None:
    """Give the board back: this browser is a learner's again."""
    with workspace.telling():
        rules.make_teacher(engine.store().root, workspace.mine().id, yes=False)


lesson.open_page("class_page")
lesson.idea(
    say("Everybody trains on this server, in a workspace of their own. Runs wait their turn.")
)


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
    """All that the key opens; the join link is shut away where there are runs."""
    mistakes_notice()
    begun = board.has_begun()
    open_at_first = st.session_state.setdefault(JOINING, not begun)  # not shut while they come in
    with st.expander(say("Join"), icon=":material/qr_code_2:", expanded=open_at_first):
        join.join_panel()
    lesson.section(say("The whole class"))
    with st.container(horizontal=True):
        order.freeze_panel()
        if begun:
            order.archive_panel(text.current())
        st.button(
            say("Leave the board"),
            key="class_leave",
            icon=":material/logout:",
            on_click=step_down,
            help=say("This browser becomes a learner's again; the key opens the board anew."),
        )
    order.say_frozen()
    the_table = st.container()
    verdicts = {}
    if begun:
        lesson.section(say("Who is best, judged alike"))
        verdicts = order.judge_panel(text.current())
    with the_table:
        board.board_panel(verdicts, begun)
    lesson.section(say("Tasks to hand out"))
    assign.tasks_panel()


if workspace.is_teacher():
    the_board()
else:
    lesson.section(say("Join"))
    join.join_panel()
    for_the_teacher()
