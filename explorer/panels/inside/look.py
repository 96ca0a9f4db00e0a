"""The frame of page 9: the step of the run, the text, the selection, and one view at a time.

Only the view that is shown is computed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

import gpt
from explorer import cache, state
from explorer.lessons import Lesson
from explorer.panels.inside import reading
from explorer.panels.inside.reading import Reading
from explorer.panels.model import Shown
from explorer.runs.store import Run

POLL_SECONDS = 2.0
VIEW = "view"

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
    left, right = st.columns([3, 2], gap="large")
    with left:
        text = reading.ask_text(lesson, shown())
    with right:
        step = _choose_step(lesson, folder)

    def body() -> None:
        model = at_step(folder, step, shown())
        found = reading.read(lesson, model, text, folder)
        if found.said:
            st.caption(found.said)
        if len(found.ids) < 2:
            st.info("Type at least two characters that this model knows.")
            return
        found = reading.select(found)
        name = _choose_view(lesson, list(views))
        st.caption(f"Model: {model.label}. {len(found.ids)} tokens are read.")
        views[name](found)

    st.fragment(body, run_every=POLL_SECONDS if live and step is None else None)()


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
            raise gpt.CheckpointError("some of its weights are no longer numbers")
    except (OSError, gpt.GPTError) as error:
        if not quiet:
            st.warning(
                f"The snapshot of step {step:,} cannot be shown ({error}); here is the last."
            )
        return newest
    name = newest.label.rsplit(", ", 1)[0]
    return Shown(model, newest.tokenizer, step, f"{name}, at step {step:,}", key)


def _of(model: Shown, folder: Path | None) -> Path | None:
    """`folder`, unless another model takes the place of the one in it, which cannot be read."""
    return folder if folder is not None and model.key.startswith(str(folder)) else None


def _choose_step(lesson: Lesson, folder: Path | None) -> int | None:
    """A slider over the snapshots; None is the end of the training, or its newest state."""
    steps = [step for step, _ in Run(folder).snapshots()] if folder else []
    key = f"{lesson.key}_step"
    if len(steps) < 2:
        state.put(lesson, "step", None)
        return None
    known = st.session_state.get(key, state.get(lesson, "step", st.query_params.get(key)))
    names = {str(step): step for step in steps}
    st.session_state[key] = names.get(str(known), "newest")
    chosen = st.select_slider(
        "Step of the training",
        [*steps, "newest"],
        key=key,
        format_func=lambda s: s if isinstance(s, str) else f"{s:,}",
        help="The same text with the weights of an earlier step; every view follows. “newest” is"
        " the trained model.",
    )
    step = chosen if isinstance(chosen, int) else None
    state.put(lesson, "step", step)
    state.set_address(key, None if step is None else str(step))
    return step


def _choose_view(lesson: Lesson, names: list[str]) -> str:
    key = f"{lesson.key}_{VIEW}"
    known = st.session_state.get(key, state.get(lesson, VIEW, st.query_params.get(key)))
    st.session_state[key] = known if known in names else names[0]
    chosen = st.segmented_control(
        "View",
        names,
        key=key,
        label_visibility="collapsed",
        required=True,
        help="Every view follows the position and the head chosen above.",
    )
    state.put(lesson, VIEW, chosen)
    state.set_address(key, None if chosen == names[0] else chosen)
    return chosen or names[0]
