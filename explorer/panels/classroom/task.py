"""A task, where a learner meets it: the page that its link opens, its words, how far it is."""

import contextlib
import math

import streamlit as st

import gpt
from explorer import cache, engine, state
from explorer.classroom import tasks
from explorer.classroom.tasks import Task
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels.model import current_run
from explorer.runs import states
from explorer.runs.run import Run

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


def current_task(lesson: Lesson) -> Task | None:
    """The task that this session does on this page."""
    code = st.session_state.get(_CODE)  # only a link sets it
    task = tasks.load(engine.store().root, code) if code else None
    # By its number: a page may give a part of its controls keys of their own.
    return task if task and task.lesson.number == lesson.number else None


def is_doing() -> bool:
    """Whether this session does a task at all; on which page is the matter of `current_task`."""
    return _CODE in st.session_state


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
    run = current_run(lesson)
    known = measures(run) if run else {}
    for check in task.checks:
        holds = check.holds(known.get(check.measure))
        sign = {None: "radio_button_unchecked", True: "check_circle", False: "pending"}[holds]
        st.markdown(f":material/{sign}: {_goal(check)}")


def _goal(check: tasks.Check) -> str:
    """What a check asks for; of two limits both."""
    what, goals = say(tasks.MEASURES[check.measure]), []
    if check.at_least > -math.inf:
        goals.append(say("{what}: at least {limit:g}", what=what, limit=check.at_least))
    if check.at_most < math.inf:
        goals.append(say("{what}: at most {limit:g}", what=what, limit=check.at_most))
    return " · ".join(goals)


def measures(run: Run) -> dict[str, float]:
    """What is known of a run for the checks; only what its training measured."""
    reader = cache.reader(str(run.folder))
    reader.update()
    known = [e for e in reader.evaluations if e.get("val_loss") is not None]
    found: dict[str, float] = {"steps": float((reader.last_step or {}).get("step", 0))}
    if known:
        found["validation loss"] = min(float(e["val_loss"]) for e in known)
        found["training loss"] = float(known[-1]["train_loss"])
    if run.checkpoint_path is not None:
        with contextlib.suppress(gpt.GPTError):  # a damaged model: said where it is used
            read = gpt.read_config(run.checkpoint_path)
            preset = gpt.Preset.from_dict(read["preset"])
            parts = gpt.parameters_by_component(preset.model, read["vocab_size"])
            found["parameters"] = float(sum(parts.values()))
    return found
