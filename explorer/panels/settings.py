"""Controls for the fields of a preset, each with its meaning and what to expect.

Every control is bound to the address, so that a reload or a link brings its value back.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

import gpt
from explorer.controls import CONTROLS
from explorer.language import explain, say
from explorer.lessons import Lesson
from explorer.panels.classroom.task import current_task


def choose(
    lesson: Lesson, preset: gpt.Preset, names: Sequence[str], columns: int = 3
) -> gpt.Preset:
    """Draw a control for each field and return the preset with what was chosen.

    An impossible combination is said in one sentence, and the preset is returned unchanged. A task
    of the class (see `classroom/tasks.py`) says where they stand at first and which are locked.
    """
    task = current_task(lesson)
    if task is not None:
        preset = preset.with_settings(task.given(names))
    before = preset.model.to_dict() | preset.train.to_dict()
    places = st.columns(columns)
    chosen = {}
    for number, name in enumerate(names):
        with places[number % columns]:
            locked = task is not None and task.is_locked(name)
            drawn = _draw(f"{lesson.key}_{name}", name, before[name], locked)
            chosen[name] = before[name] if locked else drawn  # whatever a browser says of it
    try:
        return preset.with_settings(chosen)
    except gpt.ConfigError as error:
        st.error(
            say("{error} Until then the preset's own settings are used.", error=explain(error))
        )
        return preset


def _draw(key: str, name: str, value: Any, locked: bool = False) -> Any:
    control = CONTROLS[name]
    label, help = say(control.label), f"`{name}`: {say(control.help)}"
    about: dict[str, Any] = {"key": key, "help": help, "bind": "query-params"}
    if locked:  # another control, which no address and no earlier choice reaches
        about = {"key": f"{key}_locked_{value}", "help": help, "disabled": True}
    if name == "seed":
        return st.number_input(label, 0, 2**31 - 1, value, **about)
    if control.values is None:
        return st.toggle(label, value, **about)
    options = control.values
    if value not in options:
        options = (*options, value)
        if not isinstance(value, str):
            options = tuple(sorted(options))
    show = str if isinstance(value, str) else _number
    if isinstance(value, str):
        return st.selectbox(label, options, options.index(value), format_func=show, **about)
    return st.select_slider(label, options, value, format_func=show, **about)


def _number(value: float) -> str:
    """As it stands in the address too, so without separators: ?bigram_max_steps=3000."""
    return str(value) if isinstance(value, int) else f"{value:g}"
