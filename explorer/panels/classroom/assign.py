"""Tasks, where a teacher makes them and hands them out; see task.py for where they are met."""

import json
from typing import Any

import streamlit as st

import gpt
from explorer import cache, engine, language, lessons, workspace
from explorer.classroom import tasks
from explorer.classroom.rules import ClassError
from explorer.classroom.tasks import Task
from explorer.controls import CONTROLS
from explorer.language import explain, say
from explorer.panels import text as texts
from explorer.panels.classroom.join import join_address
from explorer.panels.classroom.task import ADDRESS

_SAID = "class_task_said"


def tasks_panel() -> None:
    """The tasks of this server with their links, and a form and an upload for another."""
    for task in tasks.every(engine.store().root):
        with st.container(border=True):
            st.text(f"{task.title}  ·  {task.lesson.heading}")
            st.code(_link(task), language=None)
            with st.container(horizontal=True):
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
                st.button(
                    say("Delete the task"),
                    key=f"class_task_delete_{task.code}",
                    icon=":material/delete:",
                    on_click=_delete,
                    args=(task.code,),
                    help=say("Its link then opens the page alone. Runs made for it stay."),
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
    said = st.session_state.pop(_SAID, None)
    if said:
        ok, sentence = said
        (st.success if ok else st.error)(sentence)


def _link(task: Task) -> str:
    """What opens a task, in the language of this page."""
    path = f"{task.page}?{ADDRESS}={task.code}"
    spoken = language.chosen()
    return join_address(path if spoken == language.ENGLISH else f"{path}&{language.KEY}={spoken}")


def _delete(code: str) -> None:
    if workspace.is_teacher():  # else a button of a moment ago, before the board was left
        with workspace.telling():
            tasks.delete(engine.store().root, code)


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
    pages = [lesson.key for lesson in lessons.LESSONS if lesson.preset]
    choices = texts.options()
    for key, options, now in (
        ("class_text", list(choices), st.session_state["text"]),
        ("class_tokens", list(texts.TOKENS), st.session_state["tokenizer"]),
    ):  # at first those that the teacher sees, and the judge reads
        st.session_state.setdefault(key, now if now in options else options[0])
    places = iter(st.columns(2) + st.columns(2))
    page = next(places).selectbox(
        say("Page"),
        pages,
        format_func=lambda key: lessons.BY_KEY[key].heading,
        key="class_page",
        help=say("Where the task is done."),
    )
    next(places).selectbox(
        say("Start from"),
        tasks.presets_of(page),
        format_func=lambda name: say(gpt.PRESETS[name].title),
        key=f"class_preset_{page}",
        help=say("The model and its training, where the settings below say nothing else."),
    )
    next(places).selectbox(
        say("Text"),
        list(choices),
        format_func=lambda name: choices[name],
        key="class_text",
        help=say(
            "The same for all: only then losses can be compared. A text of your own is listed here"
            " once you use it on page 1; whoever has the link of its task can read it."
        ),
    )
    next(places).selectbox(
        say("Tokens"),
        list(texts.TOKENS),
        format_func=texts.tokens_title,
        key="class_tokens",
        help=say("What the text is cut into; losses of other tokens cannot be compared."),
    )
    st.multiselect(
        say("Open controls"),
        tasks.can_open(page),
        format_func=_control,
        key=f"class_open_{page}",
        placeholder=say("none"),
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


def _control(name: str) -> str:
    """What a control is called, and the name that it has in a lesson file."""
    label = {"text": say("Text"), "tokens": say("Tokens")}.get(name)
    return f"{label or say(CONTROLS[name].label)} · {name}"


def _made() -> None:
    """Read the form; every mistake is one sentence."""
    get = st.session_state.get
    page, goal = get("class_page"), get("class_goal")
    checks = [] if goal is None else [{"measure": "validation loss", "at_most": goal}]
    told: dict[str, Any] = {"title": get("class_title") or "", "words": get("class_words") or ""}
    told |= {"page": page, "preset": get(f"class_preset_{page}"), "checks": checks}
    told |= {"text": get("class_text"), "tokens": get("class_tokens")}
    if name := texts.own_texts().get(told["text"]):
        told["text_name"] = name
    told |= {"open": list(get(f"class_open_{page}") or [])}
    try:
        settings = read_settings(get("class_settings") or "")
        if not told["title"]:
            raise ClassError("A task needs a title.")
        task = tasks.from_json(json.dumps(told | {"settings": settings}))
        _check_length(task)
        _keep(task)
    except gpt.GPTError as error:
        st.session_state[_SAID] = (False, explain(error))


def _check_length(task: Task) -> None:
    """Raise TextError where a text is too short for its tokens: no run could be about both."""
    if task.text_name:
        kind, _, size = task.tokens.partition("-")
        cache.text(task.text_name, task.text, kind, int(size) if size else None)


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
