"""What each idea gains: all trained in the background, measured alike, and put into words."""

import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

import gpt
from explorer import amounts, cache, modern, workspace
from explorer.charts.gains import create_gains_chart
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.modern import FIVE, TOGETHER, Gain, Moment
from explorer.panels import outcome, question, training
from explorer.panels.choice import choose
from explorer.panels.variants import is_done, train_variants, variant_runs
from explorer.runs.run import Run

POLL_SECONDS = 2.0
STEPS = (60, 120, 240, 480)
MEASURED = 40  # batches of the validation text, the same for every run
SAME_STEPS, SAME_SECONDS = message("equal steps"), message("equal seconds")


def ask_best(lesson: Lesson) -> question.Answer:
    """Which idea gains most? Asked before the runs."""
    return question.ask_choice(
        lesson,
        "best",
        say(
            "Each idea by itself, for the same number of steps: which one lowers the loss of the"
            " tutorial's parts most?"
        ),
        [idea.name for idea in modern.IDEAS],
    )


def ablation_panel(lesson: Lesson, text: cache.Text, answer: question.Answer) -> None:
    """The steps, the button, how far the runs are, and what they say; grades `answer`."""
    steps = _choose_steps(lesson)
    wanted = modern.variants(steps)
    with st.container(horizontal=True):
        train_variants(lesson, wanted, text, threads=1)  # as two train at once, all alike
        runs = variant_runs(lesson, wanted, text)
        _stop_button(lesson, runs)
    polling = any(training.is_active(run) for run in runs.values())

    def body() -> None:
        _progress(runs, wanted)
        _results(lesson, wanted, runs, text, answer)
        if any(training.is_active(run) for run in runs.values()) != polling:
            st.rerun()

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()


def _stop_button(lesson: Lesson, runs: Mapping[str, Run]) -> None:
    active = [run.id for run in runs.values() if training.is_active(run)]

    def stop() -> None:
        for run_id in reversed(active):  # those that wait, before one of them gets its turn
            workspace.command(run_id, "stop")

    st.button(
        say("Stop"),
        key=f"{lesson.key}_stop_variants",
        icon=":material/stop:",
        disabled=not active,
        help=say("What is trained is kept; Train goes on from there."),
        on_click=stop,
    )


def _choose_steps(lesson: Lesson) -> int:
    chosen = st.segmented_control(
        say("Steps of every run"),
        STEPS,
        default=STEPS[min(2, len(STEPS) - 1)],
        key=f"{lesson.key}_steps",
        bind="query-params",
        help=say("Every run has as many. What gains most in few steps need not gain most in many."),
    )
    return chosen or STEPS[min(2, len(STEPS) - 1)]


def _progress(runs: Mapping[str, Run], wanted: Mapping[str, gpt.Preset]) -> None:
    """How many are finished, and which train now."""
    active = {name: run for name, run in runs.items() if training.is_active(run)}
    if not active:
        return
    done = sum(is_done(run) for run in runs.values())
    now = []
    for name, run in active.items():
        if at := int(run.status().get("step") or 0):
            now.append(say("{name} (step {step:,})", name=say(name), step=at))
    st.progress(
        done / len(wanted),
        say(
            "{done} of {n} are finished. Now: {now}.",
            done=done,
            n=len(wanted),
            now=", ".join(now) or say("getting ready"),
        ),
    )


# --- what came of them -----------------------------------------------------------------------


def _results(
    lesson: Lesson,
    wanted: Mapping[str, gpt.Preset],
    runs: Mapping[str, Run],
    text: cache.Text,
    answer: question.Answer,
) -> None:
    done = {name: run for name, run in runs.items() if outcome.ended(run)}
    clocks = {name: clock(run) for name, run in done.items()}
    with st.spinner(say("Measuring all finished runs on the same windows…")):
        losses = {name: _loss(run, wanted[name], text) for name, run in done.items()}
    figures = {
        name: (losses[name], _speed(clocks[name], wanted[name]), _size(run, text))
        for name, run in done.items()
    }
    found = modern.gains({name: f for name, f in figures.items() if math.isfinite(f[0])})
    alone = [gain for gain in found if gain.name in {idea.name for idea in modern.IDEAS}]
    if not alone:
        st.caption(say("What each idea gained stands here as soon as the first runs are finished."))
        question.grade_choice(answer, None, "", press="Train")
        return
    reading = _choose_reading(lesson)
    if reading == SAME_STEPS:
        _show(lesson, found, _same_steps_words(text, wanted, found))
    else:
        seconds = min(moments[-1].seconds for moments in clocks.values())
        timed = _at(seconds, figures, clocks)
        _show(lesson, timed, _same_seconds_words(seconds, found))
    _table(lesson, found, clocks)
    _say(found)
    _grade(answer, alone)


def _choose_reading(lesson: Lesson) -> str:
    return choose(
        say("Compared at"),
        (SAME_STEPS, SAME_SECONDS),
        key=f"{lesson.key}_reading",
        help=say(
            "Some ideas make a step slower. Equal steps ask what a step is worth, equal"
            " seconds what a second is worth on this machine."
        ),
    )


def clock(run: Run) -> list[Moment]:
    """The estimates of a run, each with the seconds of training until then."""
    reader = cache.reader(str(run.folder))
    reader.update()
    curve = reader.curve(1_000_000)
    return modern.moments(reader.evaluations, list(curve["step"]), list(curve["seconds"]))


def _loss(run: Run, preset: gpt.Preset, text: cache.Text) -> float:
    """The loss of a finished run on the same windows for every run: no luck of the draw."""
    import torch

    def compute() -> float:
        folder = run.checkpoint_path
        if folder is None:
            return math.nan
        model, _, _ = cache.checkpoint(str(folder), cache.changed_in(str(folder)))
        train = preset.with_settings({"eval_iters": MEASURED}).train
        return gpt.estimate_loss(model, torch.from_numpy(text.val_ids), train)

    found: float = cache.measured("loss on the same windows", run.id, (), compute)
    return found


def _speed(moments: list[Moment], preset: gpt.Preset) -> float:
    """Tokens a second over the whole training."""
    seconds = moments[-1].seconds if moments else 0.0
    tokens = preset.train.max_steps * preset.train.batch_size * preset.model.block_size
    return tokens / seconds if seconds else math.nan


def _size(run: Run, text: cache.Text) -> int:
    model = gpt.ModelConfig.from_dict(run.spec()["model"])
    return sum(gpt.parameters_by_component(model, text.vocab_size).values())


def _at(
    seconds: float,
    figures: Mapping[str, tuple[float, float, int]],
    clocks: Mapping[str, list[Moment]],
) -> list[Gain]:
    """What the ideas had gained after so many seconds of training."""
    then = {name: modern.loss_at(clocks[name], seconds) for name in figures}
    known = {name: loss for name, loss in then.items() if loss is not None}
    return modern.gains({name: (loss, *figures[name][1:]) for name, loss in known.items()})


def _show(lesson: Lesson, found: list[Gain], words: str) -> None:
    """The gains as bars, with the band of luck."""
    rows = [
        {
            "name": say(gain.name),
            "gain": gain.gain,
            "loss": gain.loss,
            "clear": gain.clear,
        }
        for gain in found
        if gain.name not in modern.NAMES.values()
    ]
    if not rows:
        return
    chart = create_gains_chart(pd.DataFrame(rows), found[0].noise)
    st.altair_chart(chart, width="stretch", key=f"{lesson.key}_gains")
    st.caption(words)


def _same_steps_words(text: cache.Text, wanted: Mapping[str, gpt.Preset], found: list[Gain]) -> str:
    preset = next(iter(wanted.values()))
    measured = say(
        "Measured after {steps} steps, on the same {windows} windows of the validation text for"
        " every run, against the mean of the tutorial's parts.",
        steps=preset.train.max_steps,
        windows=modern.windows_read(preset.with_settings({"eval_iters": MEASURED})),
    )
    if math.isnan(found[0].noise):
        luck = say(
            "How much is luck shows when the tutorial's parts have been trained from more seeds."
        )
    else:
        luck = say(
            "The grey band is luck: twice the standard deviation ({noise:.4f}) of the tutorial's"
            " parts over {seeds} seeds, which tell it only roughly; every idea was run once. Pale"
            " bars lie inside it.",
            noise=found[0].noise,
            seeds=sum(gain.name in modern.NAMES.values() for gain in found),
        )
    return f"{measured} {luck}"


def _same_seconds_words(seconds: float, found: list[Gain]) -> str:
    names = set(modern.NAMES.values())
    speeds = [gain.tokens_per_second for gain in found if gain.name in names]
    return say(
        "Measured after {seconds:.1f} seconds of training, when the quickest run was ready: each"
        " run's own estimates, on a straight line between two of them (fewer windows, and others"
        " for other seeds: a wider band). An idea that costs time is further behind here; a falling"
        " learning rate is cut off before its end. Other work on this machine disturbs it: the"
        " tutorial's parts, always the same work, ran at {slowest} to {quickest} tokens a second.",
        seconds=seconds,
        slowest=amounts.si(min(speeds)),
        quickest=amounts.si(max(speeds)),
    )


def _table(lesson: Lesson, found: list[Gain], clocks: Mapping[str, list[Moment]]) -> None:
    number = st.column_config.NumberColumn
    rows = [
        {
            message("run"): say(gain.name),
            message("loss"): gain.loss,
            message("gain"): gain.gain,
            message("± luck"): 2 * gain.noise,
            message("clear"): say("yes") if gain.clear else say("no"),
            message("tokens/s"): gain.tokens_per_second,
            message("parameters"): gain.parameters,
            message("seconds"): clocks[gain.name][-1].seconds,
        }
        for gain in found
    ]
    st.dataframe(
        pd.DataFrame(rows).rename(columns=say),
        height="content",
        hide_index=True,
        key=f"{lesson.key}_ablation",
        column_config={
            say("run"): st.column_config.TextColumn(width=210),
            say("loss"): number(
                format="%.4f",
                help=say("At the end, nats a token, on the same windows for every run."),
            ),
            say("gain"): number(
                format="%+.4f", help=say("Nats below the mean of the tutorial's parts.")
            ),
            say("± luck"): number(format="%.4f", help=say("Twice the spread between the seeds.")),
            say("clear"): st.column_config.TextColumn(
                help=say("Whether the gain is larger than the luck.")
            ),
            say("tokens/s"): number(
                format="compact", help=say("Over the whole training, measured.")
            ),
            say("parameters"): number(format="localized"),
            say("seconds"): number(format="%.1f", help=say("Of training; estimates not counted.")),
        },
    )


def _say(found: list[Gain]) -> None:
    """The same in sentences, nothing claimed that luck could have done."""
    st.markdown(say("After equal steps, against the mean of the tutorial's parts:"))
    alone = [g for g in found if g.name in {idea.name for idea in modern.IDEAS}]
    better = sorted((g for g in alone if g.clear and g.gain > 0), key=lambda g: -g.gain)
    worse = [g for g in alone if g.clear and g.gain < 0]
    unclear = [g for g in alone if not g.clear]
    if better:
        st.markdown(say("- Clearly better: {ideas}.", ideas=_with_gains(better)))
    if worse:
        st.markdown(say("- Clearly worse: {ideas}.", ideas=_with_gains(worse)))
    if unclear:
        st.markdown(
            say(
                "- Not told from luck: {ideas}. That does not say that they do nothing: it says"
                " that these runs cannot tell.",
                ideas=", ".join(say(g.name) for g in unclear),
            )
        )
    together = next((g for g in found if g.name == TOGETHER), None)
    parts = [g for g in alone if g.name in FIVE]
    if together and len(parts) == len(FIVE):
        st.markdown(
            say(
                "- The five of `gpt_modern` together gain {together:+.3f}; alone they gain"
                " {alone:+.3f} in sum. Gains need not add up: two ideas may cure the same ill, or"
                " one may need the other.",
                together=together.gain,
                alone=sum(g.gain for g in parts),
            )
        )


def _with_gains(found: list[Gain]) -> str:
    return ", ".join(f"{say(gain.name)} ({gain.gain:+.3f})" for gain in found)


def _grade(answer: question.Answer, alone: list[Gain]) -> None:
    """Once every idea has been trained: which gained most, and whether that was luck."""
    if len(alone) < len(modern.IDEAS):
        question.grade_choice(answer, None, "", press="Train")
        return
    first, second = sorted(alone, key=lambda gain: -gain.gain)[:2]
    values = {"gain": first.gain, "other": say(second.name), "less": second.gain}
    if math.isnan(first.noise):
        reason = say(
            "It gained {gain:.3f} nats, {other} {less:.3f}; how much of that is luck, one seed of"
            " the tutorial's parts cannot tell.",
            **values,
        )
    elif first.gain - second.gain <= 2 * first.noise:
        reason = say(
            "It gained {gain:.3f} nats, {other} {less:.3f}: another seed could turn these two"
            " around.",
            **values,
        )
    else:
        reason = say("It gained {gain:.3f} nats, {other} {less:.3f}, clearly less.", **values)
    question.grade_choice(answer, first.name, reason)
