"""The frame of page 9: the step of the run, the text, the selection, and one view at a time.

Only the view that is shown is computed.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

import gpt
from explorer import cache, state
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.panels import text as texts
from explorer.panels import writer
from explorer.panels.inside import reading
from explorer.panels.inside.link import link_panel
from explorer.panels.inside.reading import Reading
from explorer.panels.inside.tokens import token_text
from explorer.panels.model import Shown
from explorer.runs.run import Run

POLL_SECONDS = 2.0
PLAY_SECONDS = 1.0  # a step of the training, when they are played
VIEW = "view"
NEWEST = message("newest")
NOT_NUMBERS = message("some of its weights are no longer numbers")

View = Callable[[Reading], None]


def look_panel(
    lesson: Lesson,
    shown: Callable[[], Shown],
    folder: Path | None,
    views: Mapping[str, View],
    live: bool,
) -> None:
    """The text box and the choosers; below them the chosen one of `views`.

    folder: where the snapshots of the shown model lie. live: it is still being trained.
    """
    folder = _of(shown(), folder)
    text = reading.ask_text(lesson, shown())
    second = _choose_second(lesson, folder)
    playing = bool(state.get(lesson, "playing"))

    def body() -> None:
        if playing and not _next_step(lesson, folder):
            st.rerun()  # the last step is shown: no more ticks
        step = _choose_step(lesson, folder)
        _play_button(lesson, folder)
        found = reading.read(lesson, at_step(folder, step, shown()), text, folder)
        other = second(text) if second else None
        if other is not None:
            found, other = _same_tokens(found, other)
        if found.said:
            st.caption(found.said)
        if len(found.ids) < 2:
            st.info(
                say("Type a longer text: it must have at least two tokens that this model knows.")
            )
            return
        found = reading.select(found, token_text)
        fits = other is not None and found.tokens == other.tokens
        if other is not None and fits:
            other = reading.beside(found, other)
            st.caption(say("The same text in the second model, {model}:", model=other.shown.label))
            token_text(other, other.position)
        name = _choose_view(lesson, list(views))
        if other is None:
            _say_model(found)
            views[name](found)
        elif fits:
            _side_by_side(views[name], found, other)
        else:
            st.info(
                say("These two models do not read this text as the same tokens: choose another.")
            )
        link_panel(lesson)

    watched = live and state.get(lesson, "step") is None
    every = PLAY_SECONDS if playing else POLL_SECONDS if watched else None
    st.fragment(body, run_every=every)()


def _side_by_side(view: View, left: Reading, right: Reading) -> None:
    for column, one in zip(st.columns(2, gap="medium"), (left, right), strict=True):
        with column:
            _say_model(one)
            view(replace(one, narrow=True))


def _say_model(one: Reading) -> None:
    st.caption(say("Model: {model}. {n} tokens are read.", model=one.shown.label, n=len(one.ids)))


def _choose_second(lesson: Lesson, folder: Path | None) -> Callable[[str], Reading] | None:
    """The choosers of a second model or step; returns what reads a text with it, None: no second.

    It remembers its model, step and switches under a name of its own.
    """
    key = f"{lesson.key}_two"
    if key not in st.session_state:
        st.session_state[key] = "1" in (str(state.get(lesson, "two")), st.query_params.get(key))
    two = st.toggle(
        say("Compare with a second model or step"),
        key=key,
        help=say("The same text, position and head in two models, side by side."),
    )
    state.put(lesson, "two", int(two))
    state.set_address(key, "1" if two else None)
    if not two:
        return None
    twin = replace(lesson, key=f"{lesson.key}_second")
    left, right = st.columns(2, gap="medium")
    with left:
        shown = writer.choose(
            twin,
            gpt.PRESETS["gpt_mini"],
            texts.current(),
            say("Second model"),
            address=f"{twin.key}_of",
            first=state.get(lesson, "writer"),
        )
    folder = _of(shown(), writer.chosen_folder(twin))
    with right:
        step = _choose_step(twin, folder, say("Its step"))

    return lambda text: reading.read(twin, at_step(folder, step, shown()), text, folder)


def _same_tokens(one: Reading, other: Reading) -> tuple[Reading, Reading]:
    """Both with as many tokens as the smaller context holds."""
    most = min(len(one.ids), len(other.ids))
    cut = [replace(r, ids=r.ids[-most:], tokens=r.tokens[-most:]) for r in (one, other)]
    return cut[0], cut[1]


def _play_button(lesson: Lesson, folder: Path | None) -> None:
    """Plays the steps of the training one after the other, from the shown one or the first."""
    if len(_steps(folder)) < 2:
        return
    playing = state.get(lesson, "playing")
    pressed = st.button(
        say("Stop") if playing else say("Play the training"),
        key=f"{lesson.key}_play",
        icon=":material/stop:" if playing else ":material/play_arrow:",
        help=say("Shows the steps of the training one after the other, in every view."),
    )
    if pressed:
        state.put(lesson, "playing", not playing)
        st.rerun()


def _next_step(lesson: Lesson, folder: Path | None) -> bool:
    """Move on to the next step of the training; False at its end, where playing stops."""
    steps, at = _steps(folder), state.get(lesson, "step")
    later = [step for step in steps if at is not None and step > at]
    goes_on = at is None or bool(later)
    if goes_on and steps:
        step = later[0] if later else steps[0]
        state.put(lesson, "step", step)
        st.session_state[f"{lesson.key}_step"] = step
    else:
        state.put(lesson, "playing", False)
    return goes_on and bool(steps)


def _steps(folder: Path | None) -> list[int]:
    return [step for step, _ in Run(folder).snapshots()] if folder else []


def current(lesson: Lesson, shown: Callable[[], Shown], folder: Path | None) -> Reading | None:
    """The reading that `look_panel` shows, without its widgets; None while it cannot be read."""
    folder = _of(shown(), folder)
    model = at_step(folder, state.get(lesson, "step"), shown(), quiet=True)
    found = reading.read(lesson, model, str(state.get(lesson, "text") or ""), folder)
    return found if len(found.ids) >= 2 else None


def at_step(folder: Path | None, step: int | None, newest: Shown, quiet: bool = False) -> Shown:
    """The model at snapshot `step` of the run or shipped model in `folder`, else `newest`."""
    path = dict(Run(folder).snapshots()).get(step) if folder and step is not None else None
    if folder is None or path is None or step is None:
        return newest
    try:
        key = f"{path}@{cache.changed(path)}"
        model = cache.snapshot(str(folder), str(path), cache.changed(path))
        if not cache.is_finite(model, key):
            raise gpt.CheckpointError(NOT_NUMBERS)
    except (OSError, gpt.GPTError) as error:
        if not quiet:
            st.warning(
                say(
                    "The snapshot of step {step:,} cannot be shown ({error}); here is the last.",
                    step=step,
                    error=explain(error),
                )
            )
        return newest
    name = newest.label.rsplit(", ", 1)[0]
    label = say("{model}, at step {step:,}", model=name, step=step)
    return Shown(model, newest.tokenizer, step, label, key)


def _of(model: Shown, folder: Path | None) -> Path | None:
    """`folder`, unless another model takes the place of the one in it, which cannot be read."""
    return folder if folder is not None and model.key.startswith(str(folder)) else None


def _choose_step(lesson: Lesson, folder: Path | None, label: str | None = None) -> int | None:
    """A slider over the snapshots; None is the end of the training, or its newest state."""
    steps = _steps(folder)
    key = f"{lesson.key}_step"
    if len(steps) < 2:
        state.put(lesson, "step", None)
        return None
    known = st.session_state.get(key, st.query_params.get(key, state.get(lesson, "step")))
    names = {str(step): step for step in steps}
    st.session_state[key] = names.get(str(known), NEWEST)
    chosen = st.select_slider(
        label or say("Step of the training"),
        [*steps, NEWEST],
        key=key,
        format_func=lambda s: say(s) if isinstance(s, str) else f"{s:,}",
        help=say(
            "The same text with the weights of an earlier step; every view follows. “newest” is"
            " the trained model."
        ),
    )
    step = chosen if isinstance(chosen, int) else None
    state.put(lesson, "step", step)
    state.set_address(key, None if step is None else str(step))
    return step


def _choose_view(lesson: Lesson, names: list[str]) -> str:
    key = f"{lesson.key}_{VIEW}"
    known = st.session_state.get(key, st.query_params.get(key, state.get(lesson, VIEW)))
    st.session_state[key] = known if known in names else names[0]
    chosen = st.segmented_control(
        say("View"),
        names,
        format_func=say,
        key=key,
        label_visibility="collapsed",
        required=True,
        help=say("Every view follows the position and the head chosen above."),
    )
    state.put(lesson, VIEW, chosen)
    state.set_address(key, None if chosen == names[0] else chosen)
    return chosen or names[0]
