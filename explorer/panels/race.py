"""The race to the loss of the laptop quick start: two recipes, one after the other, and a clock."""

import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

import gpt
from explorer import amounts, cache, modern, remaining, state, workspace
from explorer.charts.gains import create_race_chart
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.modern import Moment
from explorer.panels import progress, question, training
from explorer.panels import text as texts
from explorer.panels.modern import clock
from explorer.panels.variants import is_done, is_halted, variant_runs
from explorer.runs.run import Run

POLL_SECONDS = 1.0
CHOICES = (
    message("it does not get there sooner"),
    message("up to 3 times sooner"),
    message("3 to 6 times sooner"),
    message("over 6 times sooner"),
)


def race_panel(lesson: Lesson, text: cache.Text) -> None:
    """The question, the buttons, the clock, the curves, and who was where when."""
    wanted = modern.racers()
    answer = question.ask_choice(
        lesson,
        "race",
        say(
            "The modern recipe has half the layers, less than a third of the parameters and an"
            " eighth of the steps. How much sooner is it at the loss of the quick start?"
        ),
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
    anew = list(wanted) if over else state.get(lesson, "race_anew") or []
    left = [(preset, None if name in anew else runs.get(name)) for name, preset in wanted.items()]
    seconds = remaining.series_left(left, text.vocab_size)
    first, second = wanted
    about = say(
        "{first} and {second} train one after the other, so that each has the machine to itself.",
        first=say(first),
        second=say(second),
    )
    if seconds:
        time = amounts.duration(seconds)
        about += " " + say("About {time}, measurements included.", time=time)
    label = say("Go on with the race") if runs and not on else say("Race")
    with st.container(horizontal=True):
        st.button(
            say("Race again") if over else label,
            key=f"{lesson.key}_race",
            icon=":material/sports_score:",
            type="secondary" if over else "primary",
            disabled=on,
            help=about,
            on_click=_start,
            args=(lesson, over),
        )
        st.button(
            say("Stop the race"),
            key=f"{lesson.key}_stop_race",
            icon=":material/stop:",
            disabled=not on,
            help=say("What is trained is kept; the race can go on from there."),
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
        workspace.command(run_id, "stop")


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
        workspace.submit(run.id)
    return run is not None


# --- what it says ----------------------------------------------------------------------------


def target_of(
    text: cache.Text, runs: Mapping[str, Run], clocks: Mapping[str, list[Moment]]
) -> float | None:
    """The loss to reach: the listed one on Tiny Shakespeare, elsewhere that with which the quick
    start ended; None before that is known."""
    if texts.is_tutorials(text):
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
            say("Times sooner"),
            _times(ratio),
            help=say(
                "Seconds of training of the quick start until the target, divided by those of the"
                " modern recipe."
            ),
        )
        words = say("known when the quick start has ended")
        if target is not None:
            words = say("{loss:.2f} nats", loss=target)
        said = say(
            "Target: {target}. The clock counts training alone: no estimates, no loading. Both are"
            " measured on {windows} windows.",
            target=words,
            windows=modern.windows_read(next(iter(wanted.values()))),
        )
        st.caption(said + _own_end(wanted, runs, clocks, target))


def _times(ratio: tuple[float, bool] | None) -> str:
    if ratio is None:
        return "–"
    return say("over {times:.1f}", times=ratio[0]) if ratio[1] else f"{ratio[0]:.1f}"


def _own_end(
    wanted: Mapping[str, gpt.Preset],
    runs: Mapping[str, Run],
    clocks: Mapping[str, list[Moment]],
    target: float | None,
) -> str:
    """Where the quick start did not get to the target: the race to where it did."""
    _, quick = wanted
    if target is None or not all(_done(runs, name) for name in wanted):
        return ""
    end = within_reach(clocks[quick], target)
    if end == target:
        return ""
    own = times_sooner(wanted, runs, clocks, end)
    said = say("{name} did not reach it: it ended at {loss:.3f}.", name=say(quick), loss=end)
    if own:
        said += " " + say("There the other was {times:.1f} times sooner.", times=own[0])
    return f" {said}"


def within_reach(found: list[Moment], target: float) -> float:
    """The target; of a run that did not get there, the loss with which it ended."""
    return target if modern.first_below(found, target) is not None else found[-1].loss


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
        say("{name}: seconds of training", name=say(name)),
        f"{last['seconds']:.1f}" if last else "–",
        help=say("As the training process counts them."),
    )
    st.metric(
        say("{name}: validation loss", name=say(name)),
        f"{moments[-1].loss:.4f}" if moments else "–",
        help=say("The last estimate, nats a token."),
    )
    size = sum(gpt.parameters_by_component(preset.model, text.vocab_size).values())
    said = [say("{n:,} parameters.", n=size)]
    if run is None:
        said.append(say("Not started."))
    else:
        step, steps = last["step"] if last else 0, preset.train.max_steps
        said.append(say(progress.WORDS[run.status()["state"]]))
        said.append(say("Step {step:,} of {steps:,}.", step=step, steps=steps))
    if reached is not None:
        said.append(say("At the target after **{seconds:.1f} s**.", seconds=reached))
    st.caption(" ".join(said))


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
        {"run": say(name), "seconds": moment.seconds, "validation": moment.loss}
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
        question.grade_choice(answer, None, "", press=message("Race"))
        return
    modern_name, quick = wanted
    # To a target that it missed, its seconds are not known, only that they are more.
    found = times_sooner(wanted, runs, clocks, within_reach(clocks[quick], target))
    ratio = found[0] if found else 0.0
    right = CHOICES[0] if ratio <= 1 else CHOICES[1] if ratio <= 3 else CHOICES[2]
    if ratio > 6:
        right = CHOICES[3]
    ends = {name: clocks[name][-1] for name in wanted}
    question.grade_choice(
        answer,
        right,
        say(
            "{modern} ended at {loss:.3f} after {seconds:.1f} s, {quick} at {other_loss:.3f} after"
            " {other_seconds:.1f} s. One seed and this machine: another gives other seconds.",
            modern=say(modern_name),
            loss=ends[modern_name].loss,
            seconds=ends[modern_name].seconds,
            quick=say(quick),
            other_loss=ends[quick].loss,
            other_seconds=ends[quick].seconds,
        ),
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
                f"{last.loss:.4f}" if raced else say("has not raced yet"),
                f"{last.seconds:.1f}" if raced else "–",
            )
        )
    names = (
        say("parameters"),
        say("steps"),
        say("validation loss (nats)"),
        say("seconds of training"),
    )
    return list(zip(names, *columns, strict=True))
