"""Tasks: made and handed out on the class page, met on the page that they are for."""

import json
from typing import Any

import streamlit as st

import gpt
from explorer import cache, engine, lessons, state, workspace
from explorer.classroom import tasks
from explorer.classroom.rules import ClassError
from explorer.classroom.tasks import Task
from explorer.language import explain, say
from explorer.lessons import Lesson
from explorer.panels import text as texts
from explorer.panels.classroom.join import join_address
from explorer.panels.model import current_run
from explorer.runs.store import Run

ADDRESS = "task"  # the code of the task, in the link that a teacher hands out
_CODE = "task"  # of the session
_SAID = "class_task_said"


# --- the teacher makes one -------------------------------------------------------------------


def tasks_panel() -> None:
    """The tasks of this server with their links, and a form and an upload for another."""
    for task in tasks.every(engine.store().root):
        with st.container(border=True):
            st.text(f"{task.title}  ·  {task.lesson.heading}")
            st.code(join_address(f"{task.page}?{ADDRESS}={task.code}"), language=None)
            st.download_button(
                say("Lesson file"),
                task.to_json(),
                f"task-{task.code}.json",
                "application/json",
                key=f"class_task_{task.code}",
                icon=":material/download:",
                on_click="ignore",
                help=say("For another server: its teacher uploads it below."),
            )
    with st.expander(say("Make a task"), icon=":material/assignment_add:"):
        _form()
    with st.expander(say("Upload a lesson file"), icon=":material/upload_file:"):
        st.file_uploader(
            say("Lesson file (JSON)"),
            type=["json"],
            key="class_task_file",
            on_change=_uploaded,
            help=say("As another teacher saved it: at most {n:,} bytes.", n=tasks.LARGEST),
        )
    said = st.session_state.get(_SAID)
    if said:
        ok, sentence = said
        (st.success if ok else st.error)(sentence)


def _form() -> None:
    st.text_input(
        say("Title"), key="class_title", max_chars=80, help=say("What the task is called.")
    )
    st.text_area(
        say("What to do"),
        key="class_words",
        max_chars=4000,
        help=say("Shown above the page of the task, as plain text."),
    )
    left, middle, right = st.columns(3)
    pages = [lesson.key for lesson in lessons.LESSONS if lesson.preset]
    page = left.selectbox(
        say("Page"),
        pages,
        format_func=lambda key: lessons.BY_KEY[key].heading,
        key="class_page",
        help=say("Where the task is done."),
    )
    middle.selectbox(
        say("Text"),
        tasks.TEXTS,
        format_func=lambda name: texts.TITLES.get(name, name),
        key="class_text",
        help=say("The same for all: only then losses can be compared."),
    )
    preset = gpt.PRESETS[str(lessons.BY_KEY[page].preset)]
    names = [*preset.model.to_dict(), *preset.train.to_dict()]
    right.multiselect(
        say("Open controls"),
        names,
        key="class_open",
        help=say("What learners may change; all other controls are locked."),
    )
    st.text_input(
        say("Settings"),
        key="class_settings",
        placeholder="max_steps=1000 learning_rate=0.001",
        help=say(
            "Where the task begins, if not as the page does: name=value, with spaces between."
        ),
    )
    st.number_input(
        say("Validation loss to reach (nats)"),
        0.0,
        20.0,
        None,
        key="class_goal",
        help=say("A run that gets there has passed; leave it empty for none."),
    )
    st.button(
        say("Make the link"),
        key="class_make",
        type="primary",
        on_click=_made,
        help=say("Keeps the task on this server and gives a link to hand out."),
    )


def _made() -> None:
    """Read the form; every mistake is one sentence."""
    get = st.session_state.get
    goal = get("class_goal")
    checks = [] if goal is None else [{"measure": "validation loss", "at_most": goal}]
    told: dict[str, Any] = {"title": get("class_title") or "", "words": get("class_words") or ""}
    told |= {"page": get("class_page"), "text": get("class_text"), "checks": checks}
    told |= {"tokens": "character", "open": list(get("class_open") or [])}
    try:
        settings = read_settings(get("class_settings") or "")
        if not told["title"]:
            raise ClassError("A task needs a title.")
        _keep(tasks.from_json(json.dumps(told | {"settings": settings})))
    except gpt.GPTError as error:
        st.session_state[_SAID] = (False, explain(error))


def read_settings(line: str) -> dict[str, str]:
    """ "max_steps=500 dropout=0.1" → {"max_steps": "500", "dropout": "0.1"}; raises ClassError."""
    found = {}
    for part in line.split():
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise ClassError(f"A setting looks like max_steps=500, got {part[:40]!r}.")
        found[name] = value
    return found


def _uploaded() -> None:
    file = st.session_state.get("class_task_file")
    if file is None:
        return
    try:
        _keep(tasks.from_json(file.getvalue()))
    except gpt.GPTError as error:
        st.session_state[_SAID] = (False, explain(error))


def _keep(task: Task) -> None:
    if not workspace.is_teacher():  # a form of a moment ago, before the board was left
        return
    try:
        tasks.save(engine.store().root, task)
    except OSError:  # of a full disk mostly
        st.session_state[_SAID] = (False, say(workspace.NOT_WRITTEN))
    else:
        st.session_state[_SAID] = (True, say("The task is kept; its link stands above."))


# --- a learner meets it ----------------------------------------------------------------------


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


def current(lesson: Lesson) -> Task | None:
    """The task that this session does on this page."""
    code = st.session_state.get(_CODE)  # only a link sets it
    task = tasks.load(engine.store().root, code) if code else None
    # By its number: a page may give a part of its controls keys of their own.
    return task if task and task.lesson.number == lesson.number else None


def is_doing() -> bool:
    """Whether this session does a task at all; on which page is `current`'s matter."""
    return _CODE in st.session_state


def banner(lesson: Lesson) -> None:
    """What is to be done on this page, and how far it is; nothing without a task."""
    task = current(lesson)
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
        st.fragment(lambda: _checks(lesson, task), run_every=2.0 if task.checks else None)()


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
    what = say(tasks.MEASURES[check.measure])
    if check.at_most < float("inf"):
        return say("{what}: at most {limit:g}", what=what, limit=check.at_most)
    return say("{what}: at least {limit:g}", what=what, limit=check.at_least)


def measures(run: Run) -> dict[str, float]:
    """What is known of a run for the checks; only what its training measured."""
    reader = cache.reader(str(run.folder))
    reader.update()
    known = [e for e in reader.evaluations if e.get("val_loss") is not None]
    found: dict[str, float] = {"steps": float((reader.last_step or {}).get("step", 0))}
    if known:
        found["validation loss"] = min(float(e["val_loss"]) for e in known)
        found["training loss"] = float(known[-1]["train_loss"])
    config = run.checkpoint_path
    if config is not None:
        read = gpt.read_config(config)
        preset = gpt.Preset.from_dict(read["preset"])
        parts = gpt.parameters_by_component(preset.model, read["vocab_size"])
        found["parameters"] = float(sum(parts.values()))
    return found
