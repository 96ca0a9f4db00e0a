"""The laboratory's bench: a preset to start from, every setting, and what they will cost."""

import dataclasses
from functools import partial

import streamlit as st

import gpt
from explorer import cache, differences, frames, machine
from explorer.amounts import duration, si
from explorer.charts import draw
from explorer.charts.parameters import create_parameters_chart
from explorer.classroom.tasks import Task
from explorer.controls import GROUPS
from explorer.language import message, say
from explorer.lessons import LABORATORY, Lesson
from explorer.panels import settings
from explorer.panels.choice import choose
from explorer.panels.classroom.task import current_task

STEPS, MINUTES = message("steps"), message("minutes")
FITS = message("**{steps:,} steps** fit into {minutes:g} minutes (estimate {time}).")
FITS_ONE = message("**{steps:,} steps** fit into {minutes:g} minute (estimate {time}).")


def choose_preset(lesson: Lesson, text: cache.Text, device: str = "auto") -> gpt.Preset:
    """Everything about a run on `device`: the preset, how long, and every other setting."""
    left, middle, right = st.columns([2, 1, 2], vertical_alignment="top")
    task = current_task(lesson)
    with left:
        preset = gpt.PRESETS[_pick(lesson) if task is None else _given(task)]
    # Each preset has controls of its own, so that its defaults are theirs.
    bench = dataclasses.replace(lesson, key=f"{lesson.key}_{preset.name}")
    mode = (
        STEPS
        if task
        else choose(
            say("How long"),
            [STEPS, MINUTES],
            place=middle,
            key=f"{lesson.key}_length_in",
            help=say("Say how many steps, or how many minutes you have: the steps then follow."),
        )
    )
    with right:
        if mode == MINUTES:
            minutes = _minutes(lesson)
        else:
            preset = settings.choose(bench, preset, ["max_steps"], columns=1)
    for tab, names in zip(st.tabs([say(name) for name in GROUPS]), GROUPS.values(), strict=True):
        with tab:
            preset = settings.choose(bench, preset, names, columns=3 if len(names) > 4 else 4)
    return _within(preset, text, minutes, device) if mode == MINUTES else preset


def _pick(lesson: Lesson) -> str:
    name = choose(
        say("Start from"),
        LABORATORY,
        box=True,
        shown=lambda n: say(gpt.PRESETS[n].title),
        key=f"{lesson.key}_preset",
        on_change=partial(_forget, lesson),
        help=say("A complete recipe. Choosing one sets all controls below to its values."),
    )
    st.caption(say(gpt.PRESETS[name].summary))
    return name


def _given(task: Task) -> str:
    """The recipe that a task begins with; it is not the learner's to pick."""
    st.markdown(say("Start from") + f": **{say(gpt.PRESETS[task.begins_from].title)}**")
    st.caption(say(gpt.PRESETS[task.begins_from].summary))
    return task.begins_from


def _forget(lesson: Lesson) -> None:
    """A preset was picked: what was set before is gone (and leaves the address by itself)."""
    for name in LABORATORY:
        mine = f"{lesson.key}_{name}_"
        for key in [k for k in st.session_state if str(k).startswith(mine)]:
            del st.session_state[key]


def _minutes(lesson: Lesson) -> float:
    return st.number_input(
        say("I have … minutes"),
        0.5,
        1440.0,
        5.0,
        0.5,
        key=f"{lesson.key}_minutes",
        bind="query-params",
        help=say(
            "The number of steps, and the size if it must be, are chosen so that the estimate for"
            " this machine fits."
        ),
    )


def _within(preset: gpt.Preset, text: cache.Text, minutes: float, device: str) -> gpt.Preset:
    """The recipe that fits into the time, with what had to change said in words; unchanged where
    the speed is not known."""
    probe = machine.probe()
    if probe is None:
        st.info(say("This machine's speed is being measured; the plan follows in a moment."))
        return preset
    if not machine.measured_on(probe, device):
        st.info(
            say(
                "How fast this device trains was not measured: the steps are the recipe's, however"
                " long they take."
            )
        )
        return preset
    plan = gpt.fit_to_time(preset, text.vocab_size, probe, 60 * minutes)
    steps = plan.preset.train.max_steps
    said = say(
        FITS_ONE if minutes == 1 else FITS,
        steps=steps,
        minutes=minutes,
        time=duration(plan.seconds),
    )
    show = differences.show
    changed = [
        f"`{n}` {show(a)} → {show(b)}" for n, (a, b) in plan.changed.items() if n != "max_steps"
    ]
    if changed:
        said += " " + say("For that: {changes}.", changes=", ".join(changed))
    if plan.seconds > 60 * minutes:
        st.warning(
            say("Even the smallest model needs longer: {time}.", time=duration(plan.seconds))
        )
    st.info(said, icon=":material/timer:")
    return plan.preset


def choose_device(lesson: Lesson) -> str:
    """Where to train, when there is a choice."""
    found = gpt.available_devices()
    if len(found) == 1:
        return "auto"
    return st.selectbox(
        say("Train on"),
        list(found),
        index=list(found).index("cuda") if "cuda" in found else 0,
        format_func=lambda name: f"{name}: {found[name]}",
        key=f"{lesson.key}_device",
        help=say("What this machine can train on."),
    )


def costs_panel(lesson: Lesson, preset: gpt.Preset, text: cache.Text, device: str) -> None:
    """Before the run on `device`: where the parameters are, what a step and all of it will cost."""
    V, train, model = text.vocab_size, preset.train, preset.model
    parts = gpt.parameters_by_component(model, V)
    flops = gpt.flops_per_iteration(model, V, train.batch_size)
    passes = train.max_steps * train.batch_size * model.block_size / len(text.train_ids)
    left, right = st.columns(2, gap="large")
    with left:
        table = frames.parameters(parts)
        most = int(table["parameters"].max())
        draw(
            create_parameters_chart,
            table,
            key=f"{lesson.key}_parts",
            bars=len(table),
            most=most,
        )
        st.caption(
            say("{n:,} parameters, counted from the settings (derived).", n=sum(parts.values()))
        )
    memory = gpt.peak_memory(model, V, train.batch_size)
    facts = {
        say("Time on this machine, evaluations included"): machine.takes(preset, V, device),
        say("One step: 6·N per token + 12·L·H·D·T for attention"): f"{si(flops)}FLOPs",
        say("All steps"): f"{si(flops * train.max_steps)}FLOPs",
        say("Memory: weights, gradients, the optimizer's moments, activations"): f"{si(memory)}B",
        say("Passes over the training text"): f"{passes:,.0f}" if passes >= 10 else f"{passes:.2g}",
        say("First loss, near ln V"): f"{gpt.uniform_loss(V):.3f}",
    }
    with right:
        st.table(
            {say("Before the run"): list(facts), say("derived"): list(facts.values())},
            border="horizontal",
            hide_index=True,
        )
