"""A task, where a learner meets it: the page that its link opens, its words, how far it is."""

import math

import streamlit as st

from explorer import cache, engine, state, workspace
from explorer.classroom import checks, tasks
from explorer.classroom.tasks import Task
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels.model import current_run
from explorer.runs import states

ADDRESS = "task"  # the code of the task, in the link that a teacher hands out
_CODE = "task"  # of the session
POLL_SECONDS = 2.0


def begin() -> None:
    """Take up the task of a link. Called by the router before the text is chosen."""
    code = st.query_params.get(ADDRESS)
    if code is None or code == st.session_state.get(_CODE):
        return
    task = tasks.load(engine.store().root, code)
    if task is None:
        state.set_address(ADDRESS, None)
        return
    st.session_state[_CODE] = code
    st.session_state["text"], st.session_state["tokenizer"] = task.text, task.tokens


def any_task() -> Task | None:
    """The task that this session does, on whatever page; it settles the text of all of them."""
    code = st.session_state.get(_CODE)  # only a link sets it
    return tasks.load(engine.store().root, code) if code else None


def current_task(lesson: Lesson) -> Task | None:
    """The task that this session does on this page."""
    task = any_task()
    # By its number: a page may give a part of its controls keys of their own.
    return task if task and task.lesson.number == lesson.number else None


def code_for(lesson: Lesson, text: cache.Text) -> str:
    """What marks a run of this page that begins now as one of the task; "" where it is none."""
    task = current_task(lesson)
    return task.code if task and task.is_about(text.corpus, text.tokens) else ""


def keeper_of(name: str) -> Task | None:
    """The task that keeps the "text" or the "tokens" as they are; None: they are free."""
    task = any_task()
    return task if task and task.is_locked(name) else None


def banner(lesson: Lesson) -> None:
    """What is to be done on this page, and how far it is; nothing without a task."""
    task = current_task(lesson)
    if task is None:
        return
    state.set_address(ADDRESS, task.code)
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.markdown(say(":material/assignment: **Your task**"))
        left.text(task.title)
        right.button(
            say("Leave the task"),
            key="task_leave",
            on_click=_leave,
            help=say("Opens all controls again. Your runs stay."),
        )
        if task.words:
            st.text(task.words)
        polling = bool(task.checks) and _trains(lesson)

        def body() -> None:
            _checks(lesson, task)
            if polling and not _trains(lesson):
                st.rerun()  # the last look is drawn, and nothing is asked for any more

        st.fragment(body, run_every=POLL_SECONDS if polling else None)()


def _trains(lesson: Lesson) -> bool:
    """Whether the page's run waits or trains. (When it begins, the whole page is drawn anew.)"""
    run = current_run(lesson)
    return run is not None and run.status()["state"] in states.ACTIVE


def _leave() -> None:
    st.session_state.pop(_CODE, None)
    state.set_address(ADDRESS, None)


def _checks(lesson: Lesson, task: Task) -> None:
    """What is to be reached, each with what the page's run has; and what of it does not count."""
    run = current_run(lesson)
    if run is not None and not workspace.is_mine(run):
        run = None
    known = checks.measured(run, task) if run else {}
    for check in task.checks:
        value = known.get(check.measure)
        said = f":material/{_sign(check.holds(value), _trains(lesson))}: {_goal(check)}"
        if value is not None:
            said += " · " + say("this run: {value}", value=_figure(check.measure, value))
        st.markdown(said)
    if run is not None and (reason := checks.reason_against(task, run.spec())):
        st.caption(say(reason))


def _sign(holds: bool | None, trains: bool) -> str:
    """An icon: reached, not reached, or not known yet."""
    if holds is None:
        return "radio_button_unchecked"
    return "check_circle" if holds else "pending" if trains else "cancel"


def _figure(measure: str, value: float) -> str:
    """A measure as it is shown: a loss in four digits, a number of things whole."""
    return f"{value:.4f}" if "loss" in measure else f"{value:,.0f}"


def _goal(check: tasks.Check) -> str:
    """What a check asks for; of two limits both."""
    what, goals = say(tasks.MEASURES[check.measure]), []
    if check.at_least > -math.inf:
        goals.append(say("{what}: at least {limit}", what=what, limit=_limit(check.at_least)))
    if check.at_most < math.inf:
        goals.append(say("{what}: at most {limit}", what=what, limit=_limit(check.at_most)))
    return " · ".join(goals)


def _limit(value: float) -> str:
    """A limit as its teacher wrote it: 2.45, 1,000,000."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.10g}"
