"""The race to the loss of the laptop quick start: two recipes, one after the other, and a clock."""

import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, engine, machine, modern, state
from explorer.charts.gains import create_race_chart
from explorer.lessons import Lesson
from explorer.modern import Moment
from explorer.panels import question, training
from explorer.panels.modern import clock
from explorer.panels.variants import is_done, is_halted, variant_runs
from explorer.runs.store import Run

POLL_SECONDS = 1.0
SHAKESPEARE = "tinyshakespeare"
CHOICES = ("it does not get there sooner", "up to 3 times sooner", "3 to 6 times sooner",
           "over 6 times sooner")  # fmt: skip


def race_panel(lesson: Lesson, text: cache.Text) -> None:
    """The question, the buttons, the clock, the curves, and who was where when."""
    wanted = modern.racers()
    answer = question.ask_choice(
        lesson,
        "race",
        "The modern recipe has half the layers, less than a third of the parameters and an eighth"
        " of the steps. How much sooner is it at the loss of the quick start?",
        CHOICES,
    )
    runs = variant_runs(lesson, wanted, text)
    _buttons(lesson, wanted, runs, text)
    polling = _is_on(lesson, runs)

    def body() -> None:
        if polling and _next(lesson, wanted, runs, text):
            st.rerun()
        clocks = {name: clock(run) for name, run in runs.items()}
        target = target_of(text, runs, clocks)
        _clock(wanted, runs, clocks, target, text)
        _curves(lesson, clocks, target)
        _grade(answer, wanted, runs, clocks, target)
        if _is_on(lesson, runs) != polling:
            st.rerun()

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()


# --- its course ------------------------------------------------------------------------------


def _buttons(
    lesson: Lesson, wanted: Mapping[str, gpt.Preset], runs: Mapping[str, Run], text: cache.Text
) -> None:
    on = _is_on(lesson, runs)
    over = len(runs) == len(wanted) and all(is_done(run) for run in runs.values())
    probe = machine.probe()
    left = {name: p for name, p in wanted.items() if over or not _done(runs, name)}
    seconds = (
        sum(gpt.estimate_seconds(p, text.vocab_size, probe) for p in left.values()) if probe else 0
    )
    time = f" About {training.duration(seconds)}, measurements included." if seconds else ""
    with st.container(horizontal=True):
        st.button(
            "Race again" if over else "Go on with the race" if runs and not on else "Race",
            key=f"{lesson.key}_race",
            icon=":material/sports_score:",
            type="secondary" if over else "primary",
            disabled=on,
            help=f"{' and '.join(wanted)} train one after the other, so that each has the machine"
            f" to itself.{time}",
            on_click=_start,
            args=(lesson, over),
        )
        st.button(
            "Stop the race",
            key=f"{lesson.key}_stop_race",
            icon=":material/stop:",
            disabled=not on,
            help="What is trained is kept; the race can go on from there.",
            on_click=_stop,
            args=(lesson, [run.id for run in runs.values() if training.is_active(run)]),
        )


def _done(runs: Mapping[str, Run], name: str) -> bool:
    return name in runs and is_done(runs[name])


def _is_on(lesson: Lesson, runs: Mapping[str, Run]) -> bool:
    """Whether a racer trains, or this session has one to start yet."""
    waiting = bool(state.get(lesson, "racing"))
    return waiting or any(training.is_active(run) for run in runs.values())


def _start(lesson: Lesson, anew: bool) -> None:
    """Let the fragment start the racers; anew: all of them, though there are runs."""
    state.put(lesson, "racing", [*modern.racers()])
    state.put(lesson, "race_anew", [*modern.racers()] if anew else [])


def _stop(lesson: Lesson, run_ids: list[str]) -> None:
    state.put(lesson, "racing", [])
    for run_id in run_ids:
        engine.executor().command(run_id, "stop")


def _next(
    lesson: Lesson, wanted: Mapping[str, gpt.Preset], runs: Mapping[str, Run], text: cache.Text
) -> bool:
    """Start the racer whose turn it is, when no other trains -> whether one was started, or the
    race is over."""
    waiting: list[str] = state.get(lesson, "racing") or []
    if not waiting or any(training.is_active(run) for run in runs.values()):
        return False
    name, *rest = waiting
    anew: list[str] = state.get(lesson, "race_anew") or []
    state.put(lesson, "racing", rest)
    state.put(lesson, "race_anew", [other for other in anew if other != name])
    if name not in anew and _done(runs, name):
        return True
    earlier = runs.get(name)
    goes_on = earlier is not None and name not in anew and is_halted(earlier)
    run = earlier if goes_on else training.new_run(lesson, wanted[name], text)
    if run is not None:
        engine.executor().submit(run.id)
    return run is not None


# --- what it says ----------------------------------------------------------------------------


def target_of(
    text: cache.Text, runs: Mapping[str, Run], clocks: Mapping[str, list[Moment]]
) -> float | None:
    """The loss to reach: the listed one on Tiny Shakespeare, elsewhere that with which the quick
    start ended; None before that is known."""
    if text.corpus.name == SHAKESPEARE and text.unit == "character":
        return modern.TARGET
    quick = gpt.PRESETS[modern.QUICK].title
    return clocks[quick][-1].loss if _done(runs, quick) and clocks[quick] else None


def _clock(
    wanted: Mapping[str, gpt.Preset],
    runs: Mapping[str, Run],
    clocks: Mapping[str, list[Moment]],
    target: float | None,
    text: cache.Text,
) -> None:
    """Seconds of training, loss, and when the target was reached, of both; and the ratio."""
    columns = st.columns(len(wanted) + 1, gap="medium", border=True)
    for column, (name, preset) in zip(columns, wanted.items(), strict=False):
        with column:
            _racer(name, preset, runs.get(name), clocks.get(name, []), target, text)
    ratio = times_sooner(wanted, runs, clocks, target)
    with columns[-1]:
        st.metric(
            "Times sooner",
            "–" if ratio is None else f"{'over ' * ratio[1]}{ratio[0]:.1f}",
            help="Seconds of training of the quick start until the target, divided by those of the"
            " modern recipe.",
        )
        words = "known when the quick start has ended" if target is None else f"{target:.2f} nats"
        st.caption(
            f"Target: {words}. The clock counts training alone: no estimates, no loading. Both are"
            f" measured on {modern.WINDOWS} windows.{_own_end(wanted, runs, clocks, ratio)}"
        )


def _own_end(
    wanted: Mapping[str, gpt.Preset],
    runs: Mapping[str, Run],
    clocks: Mapping[str, list[Moment]],
    ratio: tuple[float, bool] | None,
) -> str:
    """Where the quick start did not get to the target: the race to where it did."""
    quick = gpt.PRESETS[modern.QUICK].title
    if ratio is None or not ratio[1]:
        return ""
    end = clocks[quick][-1].loss
    own = times_sooner(wanted, runs, clocks, end)
    sooner = f" There the other was {own[0]:.1f} times sooner." if own else ""
    return f" {quick} did not reach it: it ended at {end:.3f}.{sooner}"


def _racer(
    name: str,
    preset: gpt.Preset,
    run: Run | None,
    moments: list[Moment],
    target: float | None,
    text: cache.Text,
) -> None:
    last = None
    if run is not None:
        last = cache.reader(str(run.folder)).last_step
    reached = modern.first_below(moments, target) if target is not None else None
    st.metric(
        f"{name}: seconds of training",
        f"{last['seconds']:.1f}" if last else "–",
        help="As the training process counts them.",
    )
    st.metric(
        f"{name}: validation loss",
        f"{moments[-1].loss:.4f}" if moments else "–",
        help="The last estimate, nats a token.",
    )
    size = sum(gpt.parameters_by_component(preset.model, text.vocab_size).values())
    at = "not started"
    if run is not None:
        step = f"step {last['step'] if last else 0:,} of {preset.train.max_steps:,}"
        at = f"{training.WORDS[run.status()['state']]} {step.capitalize()}."
    there = f" At the target after **{reached:.1f} s**." if reached is not None else ""
    st.caption(f"{size:,} parameters. {at.capitalize() if run is None else at}{there}")


def times_sooner(
    wanted: Mapping[str, gpt.Preset],
    runs: Mapping[str, Run],
    clocks: Mapping[str, list[Moment]],
    target: float | None,
) -> tuple[float, bool] | None:
    """The ratio of the seconds until the target, the quick start's by the modern recipe's, and
    whether it is more than that (the quick start ended above the target). None: not known, or
    the modern recipe did not get there."""
    modern_name, quick = wanted
    if target is None or not all(_done(runs, name) for name in wanted):
        return None
    sooner = modern.first_below(clocks[modern_name], target)
    later = modern.first_below(clocks[quick], target)
    if not sooner:
        return None
    return (later or clocks[quick][-1].seconds) / sooner, later is None


def _curves(lesson: Lesson, clocks: Mapping[str, list[Moment]], target: float | None) -> None:
    rows = [
        {"run": name, "seconds": moment.seconds, "validation": moment.loss}
        for name, moments in clocks.items()
        for moment in moments
    ]
    if not rows:
        return
    chart = create_race_chart(pd.DataFrame(rows), target)
    st.altair_chart(chart, width="stretch", key=f"{lesson.key}_race_chart")


def _grade(
    answer: question.Answer,
    wanted: Mapping[str, gpt.Preset],
    runs: Mapping[str, Run],
    clocks: Mapping[str, list[Moment]],
    target: float | None,
) -> None:
    if target is None or not all(_done(runs, name) for name in wanted):
        question.grade_choice(answer, None, "", press="Race")
        return
    found = times_sooner(wanted, runs, clocks, target)
    ratio = found[0] if found else 0.0
    right = CHOICES[0] if ratio <= 1 else CHOICES[1] if ratio <= 3 else CHOICES[2]
    if ratio > 6:
        right = CHOICES[3]
    modern_name, quick = wanted
    ends = {name: clocks[name][-1] for name in wanted}
    question.grade_choice(
        answer,
        right,
        f"{modern_name} ended at {ends[modern_name].loss:.3f} after"
        f" {ends[modern_name].seconds:.1f} s, {quick} at {ends[quick].loss:.3f} after"
        f" {ends[quick].seconds:.1f} s. One seed and this machine: another gives other seconds.",
    )


def facts(lesson: Lesson, text: cache.Text) -> list[tuple[str, str, str]]:
    """Rows (what, the quick start, the modern recipe), as far as they have raced."""
    wanted = modern.racers()
    runs = variant_runs(lesson, wanted, text)
    clocks = {name: clock(run) for name, run in runs.items() if is_done(run)}
    columns = []
    for name, preset in reversed(wanted.items()):
        size = sum(gpt.parameters_by_component(preset.model, text.vocab_size).values())
        last = clocks[name][-1] if clocks.get(name) else Moment(0, math.nan, math.nan)
        raced = bool(clocks.get(name))
        columns.append(
            (
                f"{size:,}",
                f"{preset.train.max_steps:,}",
                f"{last.loss:.4f}" if raced else "has not raced yet",
                f"{last.seconds:.1f}" if raced else "–",
            )
        )
    names = ("parameters", "steps", "validation loss (nats)", "seconds of training")
    return list(zip(names, *columns, strict=True))
