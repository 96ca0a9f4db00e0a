"""What each idea gains: all trained in the background, measured alike, and put into words."""

import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, engine, modern
from explorer.charts.gains import create_gains_chart
from explorer.lessons import Lesson
from explorer.modern import FIVE, SEEDS, TOGETHER, Gain, Moment
from explorer.panels import question, training
from explorer.panels.variants import is_done, train_variants, variant_runs
from explorer.runs.store import Run

POLL_SECONDS = 2.0
STEPS = (60, 120, 240, 480)
MEASURED = 40  # batches of the validation text, the same for every run
SAME_STEPS, SAME_SECONDS = "equal steps", "equal seconds"


def ask_best(lesson: Lesson) -> question.Answer:
    """Which idea gains most? Asked before the runs."""
    return question.ask_choice(
        lesson,
        "best",
        "Each idea by itself, for the same number of steps: which one lowers the loss of the"
        " tutorial's parts most?",
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
            engine.executor().command(run_id, "stop")

    st.button(
        "Stop",
        key=f"{lesson.key}_stop_variants",
        icon=":material/stop:",
        disabled=not active,
        help="What is trained is kept; Train goes on from there.",
        on_click=stop,
    )


def _choose_steps(lesson: Lesson) -> int:
    chosen = st.segmented_control(
        "Steps of every run",
        STEPS,
        default=STEPS[min(2, len(STEPS) - 1)],
        key=f"{lesson.key}_steps",
        bind="query-params",
        help="Every run has as many. What gains most in few steps need not gain most in many.",
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
            now.append(f"{name} (step {at:,})")
    st.progress(
        done / len(wanted),
        f"{done} of {len(wanted)} are finished. Now: {', '.join(now) or 'getting ready'}.",
    )


# --- what came of them -----------------------------------------------------------------------


def _results(
    lesson: Lesson,
    wanted: Mapping[str, gpt.Preset],
    runs: Mapping[str, Run],
    text: cache.Text,
    answer: question.Answer,
) -> None:
    done = {name: run for name, run in runs.items() if training.ended(run)}
    clocks = {name: clock(run) for name, run in done.items()}
    with st.spinner("Measuring all finished runs on the same windows…"):
        losses = {name: _loss(run, wanted[name], text) for name, run in done.items()}
    figures = {
        name: (losses[name], _speed(clocks[name], wanted[name]), _size(run, text))
        for name, run in done.items()
    }
    found = modern.gains({name: f for name, f in figures.items() if math.isfinite(f[0])})
    alone = [gain for gain in found if gain.name in {idea.name for idea in modern.IDEAS}]
    if not alone:
        st.caption("What each idea gained stands here as soon as the first runs are finished.")
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
    return (
        st.segmented_control(
            "Compared at",
            (SAME_STEPS, SAME_SECONDS),
            default=SAME_STEPS,
            key=f"{lesson.key}_reading",
            bind="query-params",
            help="Some ideas make a step slower. Equal steps ask what a step is worth, equal"
            " seconds what a second is worth on this machine.",
        )
        or SAME_STEPS
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
        {"name": gain.name, "gain": gain.gain, "loss": gain.loss, "clear": gain.clear}
        for gain in found
        if gain.name not in {modern.named(seed) for seed in SEEDS}
    ]
    if not rows:
        return
    chart = create_gains_chart(pd.DataFrame(rows), found[0].noise)
    st.altair_chart(chart, width="stretch", key=f"{lesson.key}_gains")
    st.caption(words)


def _same_steps_words(text: cache.Text, wanted: Mapping[str, gpt.Preset], found: list[Gain]) -> str:
    preset = next(iter(wanted.values()))
    windows = MEASURED * preset.train.batch_size
    band = (
        f" The grey band is luck: twice the standard deviation ({found[0].noise:.4f}) of the"
        f" tutorial's parts over {len(SEEDS)} seeds. Three seeds tell it only roughly; every idea"
        " was run once. Pale bars lie inside it."
        if not math.isnan(found[0].noise)
        else " How much is luck shows when the tutorial's parts have been trained from more seeds."
    )
    return (
        f"Measured after {preset.train.max_steps} steps, on the same {windows} windows of the"
        f" validation text for every run, against the mean of the tutorial's parts.{band}"
    )


def _same_seconds_words(seconds: float, found: list[Gain]) -> str:
    names = {modern.named(seed) for seed in SEEDS}
    speeds = [gain.tokens_per_second for gain in found if gain.name in names]
    return (
        f"Measured after {seconds:.1f} seconds of training, when the quickest run was ready: each"
        " run's own estimates, on a straight line between two of them (fewer windows, and others"
        " for other seeds: a wider band). An idea that costs time is further behind here; a falling"
        " learning rate is cut off before its end. Other work on this machine disturbs it: the"
        f" tutorial's parts, always the same work, ran at {training.si(min(speeds))} to"
        f" {training.si(max(speeds))} tokens a second."
    )


def _table(lesson: Lesson, found: list[Gain], clocks: Mapping[str, list[Moment]]) -> None:
    number = st.column_config.NumberColumn
    rows = [
        {
            "run": gain.name,
            "loss": gain.loss,
            "gain": gain.gain,
            "± luck": 2 * gain.noise,
            "clear": "yes" if gain.clear else "no",
            "tokens/s": gain.tokens_per_second,
            "parameters": gain.parameters,
            "seconds": clocks[gain.name][-1].seconds,
        }
        for gain in found
    ]
    st.dataframe(
        rows,
        height="content",
        hide_index=True,
        key=f"{lesson.key}_ablation",
        column_config={
            "run": st.column_config.TextColumn(width=210),
            "loss": number(
                format="%.4f", help="At the end, nats a token, on the same windows for every run."
            ),
            "gain": number(format="%+.4f", help="Nats below the mean of the tutorial's parts."),
            "± luck": number(format="%.4f", help="Twice the spread between the seeds."),
            "clear": st.column_config.TextColumn(help="Whether the gain is larger than the luck."),
            "tokens/s": number(format="compact", help="Over the whole training, measured."),
            "parameters": number(format="localized"),
            "seconds": number(format="%.1f", help="Of training; estimates not counted."),
        },
    )


def _say(found: list[Gain]) -> None:
    """The same in sentences, nothing claimed that luck could have done."""
    st.markdown("After equal steps, against the mean of the tutorial's parts:")
    alone = [g for g in found if g.name in {idea.name for idea in modern.IDEAS}]
    better = sorted((g for g in alone if g.clear and g.gain > 0), key=lambda g: -g.gain)
    worse = [g for g in alone if g.clear and g.gain < 0]
    unclear = [g for g in alone if not g.clear]
    if better:
        st.markdown(f"- Clearly better: {', '.join(f'{g.name} ({g.gain:+.3f})' for g in better)}.")
    if worse:
        st.markdown(f"- Clearly worse: {', '.join(f'{g.name} ({g.gain:+.3f})' for g in worse)}.")
    if unclear:
        names = ", ".join(g.name for g in unclear)
        st.markdown(
            f"- Not told from luck: {names}. That does not say that they do nothing: it says that"
            " these runs cannot tell."
        )
    together = next((g for g in found if g.name == TOGETHER), None)
    parts = [g for g in alone if g.name in FIVE]
    if together and len(parts) == len(FIVE):
        st.markdown(
            f"- The five of `gpt_modern` together gain {together.gain:+.3f}; alone they gain"
            f" {sum(g.gain for g in parts):+.3f} in sum. Gains need not add up: two ideas may cure"
            " the same ill, or one may need the other."
        )


def _grade(answer: question.Answer, alone: list[Gain]) -> None:
    """Once every idea has been trained: which gained most, and whether that was luck."""
    if len(alone) < len(modern.IDEAS):
        question.grade_choice(answer, None, "", press="Train")
        return
    first, second = sorted(alone, key=lambda gain: -gain.gain)[:2]
    near = first.gain - second.gain <= 2 * first.noise
    question.grade_choice(
        answer,
        first.name,
        f"It gained {first.gain:.3f} nats, {second.name} {second.gain:.3f}"
        + (": another seed could turn these two around." if near else ", clearly less."),
    )
