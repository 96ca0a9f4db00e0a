"""A size that the sweep did not train: predicted with an interval, then trained, then graded."""

import math
from collections.abc import Sequence

import streamlit as st

import gpt
from explorer import cache, scaling, workspace
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels import sweep as sweeps
from explorer.panels.sweep import Sweep
from explorer.runs import states
from gpt.scaling import WIDTHS

POLL_SECONDS = 2.0
FOUND = {  # above the prediction, inside its interval
    (True, True): message(
        "Measured: **{loss:.3f}**, {off:.3f} nats above the prediction, inside the interval."
    ),
    (False, True): message(
        "Measured: **{loss:.3f}**, {off:.3f} nats below the prediction, inside the interval."
    ),
    (True, False): message(
        "Measured: **{loss:.3f}**, {off:.3f} nats above the prediction, outside the interval."
    ),
    (False, False): message(
        "Measured: **{loss:.3f}**, {off:.3f} nats below the prediction, outside the interval."
    ),
}
BEYOND = 4.0  # a size may be so many times smaller or larger than all that were trained


def unseen_panel(lesson: Lesson, text: cache.Text, sweep: Sweep, law: scaling.Law | str) -> None:
    """Choose a size, read the prediction, train it, and see whether the law kept its word."""
    if isinstance(law, str):
        st.caption(say("No prediction yet. {reason}", reason=law))
        return
    options = untrained_sizes(sweep, text.vocab_size)
    width = st.selectbox(
        say("A size that the sweep did not train"),
        [run.preset.model.n_embd for run in options],
        _inmost(sweep, options),
        format_func=lambda n: next(
            sweeps.size_of(run) for run in options if run.preset.model.n_embd == n
        ),
        key=f"{lesson.key}_unseen",
        help=say(
            "Under the largest budget. The law has never seen it: its own run is never part of"
            " the fit."
        ),
    )
    chosen = next(run for run in options if run.preset.model.n_embd == width)
    predicted = law.predict(chosen.parameters, chosen.tokens)
    said = say(
        "Predicted before it is trained: **{value:.3f}** nats, 95 % between **{low:.3f}** and"
        " **{high:.3f}**, after {n:,} tokens ({times:.1f} times the text).",
        value=predicted.value,
        low=predicted.low,
        high=predicted.high,
        n=chosen.tokens,
        times=chosen.epochs(len(text.train_ids)),
    )
    if not _is_inside(sweep, chosen):
        said += " " + say("It lies **outside** of what was measured.")
    st.markdown(said)
    polling = sweeps.look_up(lesson, text, [chosen]).is_active

    def live() -> None:
        workspace.say_trouble()
        found = sweeps.look_up(lesson, text, [chosen])
        _train(lesson, text, found)
        _grade(predicted, found)
        if found.is_active != polling:
            st.rerun()

    st.fragment(live, run_every=POLL_SECONDS if polling else None)()


def untrained_sizes(sweep: Sweep, vocab_size: int) -> list[gpt.SizedRun]:
    """The sizes of the family that the largest budget of the sweep leaves out."""
    top = sweep.top
    trained = {run.preset.model.n_embd for run in top}
    low = top[0].parameters / BEYOND
    high = top[-1].parameters * BEYOND
    found = []
    for width in WIDTHS:
        if width in trained:
            continue
        try:
            run = gpt.run_under_budget(width, top[0].budget, vocab_size)
        except gpt.ConfigError:  # too large for so few FLOPs, as are all that follow
            break
        if low <= run.parameters <= high:
            found.append(run)
    return found


def _inmost(sweep: Sweep, options: Sequence[gpt.SizedRun]) -> int:
    """Which option lies most in the middle of the sizes that were trained."""
    middle = math.sqrt(sweep.top[0].parameters * sweep.top[-1].parameters)
    far = [abs(math.log(run.parameters / middle)) for run in options]
    return far.index(min(far))


def _is_inside(sweep: Sweep, chosen: gpt.SizedRun) -> bool:
    sizes = [run.parameters for run in sweep.top]
    return min(sizes) <= chosen.parameters <= max(sizes)


def _train(lesson: Lesson, text: cache.Text, found: Sweep) -> None:
    state, run = found.states[0], found.runs[0]
    preset = found.planned[0].preset
    label = say("It is trained") if state == states.FINISHED else say("Train it")
    st.button(
        say("It trains…") if found.is_active else label,
        key=f"{lesson.key}_train_unseen",
        icon=":material/play_arrow:",
        disabled=found.is_active or state == states.FINISHED,
        help=say(
            "In the background, {time}. The prediction above stands.",
            time=sweeps.about(found, text),
        )
        if state != states.FINISHED
        else None,
        on_click=sweeps.start,
        args=(lesson, text, found),
    )
    if found.is_active and run is not None:
        step = run.recorded()["step"]
        st.progress(min(1.0, step / preset.train.max_steps), text=say("step {step:,}", step=step))


def _grade(predicted: scaling.Interval, found: Sweep) -> None:
    """Inside the interval or not, and what that means."""
    measured = found.losses[0]
    if measured is None:
        return
    off = measured - predicted.value
    inside = measured in predicted
    said = say(FOUND[off > 0, inside], loss=measured, off=abs(off))
    if inside:
        why = say(
            "A law fitted to other sizes told the end of a run that nobody had trained.",
        )
        st.success(f"{said} {why}", icon=":material/check:")
    else:
        why = say(
            "One run in twenty may fall outside by chance. Otherwise the law leaves something out"
            " that counts here: the learning rate may suit this size better or worse than the"
            " others, its depth may have changed by a layer, or it lies beyond what was measured."
        )
        st.warning(f"{said} {why}", icon=":material/close:")
