"""The training panel: what a run will cost, its controls, and how it goes (see progress.py).

The page reads, a worker process trains. While a run is waiting or training, one fragment polls the
run's folder; it stops polling when the run stops, so a page at rest asks the server for nothing.
"""

import time
from typing import Any

import streamlit as st

import gpt
from explorer import cache, classroom, engine, machine, state, workspace
from explorer.amounts import si
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels.classroom.task import code_for
from explorer.panels.model import current_run
from explorer.panels.progress import losses_to_beat, progress
from explorer.runs import states
from explorer.runs.run import Run

NO_ROOM = message(
    "This run needs about {memory}B of memory, and {room}B are free here: choose fewer or narrower"
    " layers, a shorter context or a smaller batch."
)
NO_ROOM_ON_GPU = message(
    "This run needs about {memory}B of memory, and the graphics processor has {room}B: choose fewer"
    " or narrower layers, a shorter context or a smaller batch."
)
TOO_LARGE = message(
    "This run needs about {memory}B of memory, and no run on this server may take more than"
    " {room}B: choose fewer or narrower layers, a shorter context or a smaller batch."
)
POLL_SECONDS = 0.7
NEXT_SECONDS = 2.0  # between looks at the run whose turn comes next
QUEUE_SECONDS = 5.0  # and at one behind it: in a class most of them are
FIRST_POINT_SECONDS = 0.5  # longest wait for a new run's first loss before its panel is drawn


def is_active(run: Run | None) -> bool:
    """Whether the run waits or trains, so that its page should keep looking."""
    return run is not None and run.status()["state"] in states.ACTIVE


def is_training(run: Run | None) -> bool:
    """Whether the run has a slot, so that what its page shows of it changes by the second."""
    return run is not None and _pace(run, run.status()["state"]) == POLL_SECONDS


def _pace(run: Run | None, kind: str | None) -> float | None:
    """Seconds between two looks at a run in state `kind`; None: nothing to look for."""
    if run is None or kind not in states.ACTIVE:
        return None
    place = 0 if kind == states.TRAINING else engine.executor().position(run.id)
    if place == 0:
        return POLL_SECONDS
    return QUEUE_SECONDS if place and place > 1 else NEXT_SECONDS


def training_panel(
    lesson: Lesson,
    preset: gpt.Preset,
    text: cache.Text,
    details: bool = False,
    device: str = "auto",
) -> None:
    """Draw the panel for this page's run. `preset` is what a new run would train, on `device`.

    details: also show bits per character, learning rate, gradient norm and speed.
    """
    _costs(preset, text, device)
    shown = current_run(lesson)
    pace = _pace(shown, shown.status()["state"] if shown else None)
    had_model = shown is not None and shown.checkpoint_path is not None

    def live() -> None:
        workspace.say_trouble()
        run = current_run(lesson)
        if pace == POLL_SECONDS and run is not None:
            _wait_for_first_point(run)
        status = run.status() if run else None
        _buttons(lesson, preset, text, run, status, device)
        if run is not None and status is not None:
            progress(lesson, run, status, text, details)
        else:
            losses_to_beat(lesson, text)
        # Judged by what was drawn: a single step may be over before this line is reached.
        moved_on = _pace(run, status["state"] if status else None) != pace
        if moved_on or (run is not None and run.checkpoint_path and not had_model):
            st.rerun()  # the whole page: its pictures follow, and what can be taken home

    st.fragment(live, run_every=pace)()


def _wait_for_first_point(run: Run) -> None:
    """Give a run that has just begun a moment, so that its first loss is in the first picture."""
    reader = cache.reader(str(run.folder))
    until = time.monotonic() + FIRST_POINT_SECONDS
    while not reader.evaluations and time.monotonic() < until:
        time.sleep(0.02)
        reader.update()


# --- before the run --------------------------------------------------------------------------


def _costs(preset: gpt.Preset, text: cache.Text, device: str) -> None:
    """What the run will cost, before it starts; and if that is more than there is."""
    V, config = text.vocab_size, preset.train
    parameters = sum(gpt.parameters_by_component(preset.model, V).values())
    flops = gpt.flops_per_iteration(preset.model, V, config.batch_size)
    memory = gpt.peak_memory(preset.model, V, config.batch_size)
    st.caption(
        say(
            "This run: **{parameters:,}** parameters · **{flops}FLOPs** a step · **{memory}B**"
            " memory · **{steps:,}** steps · on this machine **{time}** (derived, before the run)",
            parameters=parameters,
            flops=si(flops),
            memory=si(memory),
            steps=config.max_steps,
            time=machine.takes(preset, V, device),
        )
    )
    if refusal := _too_large(preset, text, device):
        st.warning(refusal)
        return
    for said, room in (
        (NO_ROOM, machine.free_memory(device)),
        (NO_ROOM_ON_GPU, machine.graphics_memory(device)),
    ):
        if room is not None and memory > room:
            st.warning(say(said, memory=si(memory), room=si(room)))


def _too_large(preset: gpt.Preset, text: cache.Text, device: str) -> str | None:
    """Why a class server does not begin this run, in one sentence; None: it does. It would take the
    memory that the server, or another's training, works with."""
    room = machine.room_in_class(device) if classroom.is_open() else None
    memory = gpt.peak_memory(preset.model, text.vocab_size, preset.train.batch_size)
    if room is None or memory <= room:
        return None
    return say(TOO_LARGE, memory=si(memory), room=si(room))


# --- controls --------------------------------------------------------------------------------


def _buttons(
    lesson: Lesson,
    preset: gpt.Preset,
    text: cache.Text,
    run: Run | None,
    status: Any,
    device: str,
) -> None:
    """The controls that make sense in the run's present state."""
    kind = status["state"] if status else None
    if run is not None and not workspace.may_change(run):
        st.caption(say(workspace.NOT_YOURS))
        kind = None
    elif kind == states.TRAINING and status.get("by"):
        st.caption(say("The command line trains this run: it is ended there, with Ctrl-C."))
        kind = None
    with st.container(horizontal=True):
        if kind == states.QUEUED and _pace(run, kind) != POLL_SECONDS:
            words = say("Gives its place away. It can go on later, from where it is.")
            _button(say("Leave the queue"), "stop", lesson, words, run)
        elif kind in states.ACTIVE:
            _button(say("Pause"), "pause", lesson, say("Save everything and wait."), run)
            _button(say("Stop"), "stop", lesson, say("Save everything and end here."), run)
        elif kind in states.OPEN_END or kind == states.CREATED:
            _button(
                say("Continue"),
                "continue",
                lesson,
                say("Go on to the identical next step."),
                run,
                True,
            )
            _button(
                say("One step"), "step", lesson, say("One optimizer update, then pause again."), run
            )
        if kind not in states.ACTIVE:
            _new_run_buttons(
                (lesson, preset, text, device), run is None, kind not in states.OPEN_END
            )


def _new_run_buttons(begin: tuple[Any, ...], first: bool, primary: bool) -> None:
    """What begins a run; begin: what `_begin` is told, but for the command."""
    key = begin[0].key
    st.button(
        say("Train") if first else say("Train anew"),
        key=f"{key}_train",
        type="primary" if primary else "secondary",
        icon=":material/play_arrow:",
        help=say("Start a new run with the settings above."),
        on_click=_begin,
        args=(*begin, "continue"),
    )
    if first:
        st.button(
            say("One step"),
            key=f"{key}_first_step",
            icon=":material/skip_next:",
            help=say("Start a new run, make one update, then pause."),
            on_click=_begin,
            args=(*begin, "step"),
        )


def new_run(
    lesson: Lesson,
    preset: gpt.Preset,
    text: cache.Text,
    device: str = "auto",
    threads: int = 0,
    learner: str = "",
    task: str = "",
) -> Run | None:
    """A run of this page that has not begun; None, and a sentence, when it may not or cannot be.

    threads: of its training, 0: as many as are free. learner: the queue is fair between learners;
    runs without one count as one learner each. task: the code of the one that it is made for.
    """
    if problem := workspace.problem() or _too_large(preset, text, device):
        workspace.trouble(problem)
        return None
    spec = gpt.describe_run(preset, text.corpus, device, text.told) | {"page": lesson.key}
    if threads:
        spec["threads"] = threads
    if learner := workspace.mine().id or learner:
        spec["learner"] = learner
    if task:
        spec["task"] = task
    with workspace.telling():
        if text.corpus.name not in gpt.CORPORA:  # kept again: it may have been cleaned away
            spec["corpus"] |= {"path": engine.store().save_text(text.corpus.text)["path"]}
        return engine.store().create(spec)
    return None


ICONS = {"pause": "pause", "stop": "stop", "continue": "play_arrow", "step": "skip_next"}


def _button(
    label: str, command: Any, lesson: Lesson, help: str, run: Run | None, primary: bool = False
) -> None:
    assert run is not None, "only a run can be steered"
    st.button(
        label,
        key=f"{lesson.key}_{command}",
        type="primary" if primary else "secondary",
        icon=f":material/{ICONS[command]}:",
        help=help,
        on_click=workspace.command,
        args=(run.id, command),
    )


def _begin(lesson: Lesson, preset: gpt.Preset, text: cache.Text, device: str, command: Any) -> None:
    """Make a run and hand it over; a second click of a double click finds it and does nothing."""
    shown = current_run(lesson)
    by_us = shown is not None and workspace.may_change(shown) and not shown.status().get("by")
    if by_us and is_active(shown):
        return
    run = new_run(lesson, preset, text, device, task=code_for(lesson, text))
    if run is None:
        return
    state.set_run(lesson, run.id)
    if command == "step":
        workspace.command(run.id, "step")
    else:
        workspace.submit(run.id)
