"""The training panel: what a run will cost, its controls, its live loss, its sample.

The page reads, a worker process trains. While a run is waiting or training, one fragment polls the
run's folder; it stops polling when the run stops, so a page at rest asks the server for nothing.
"""

import math
import time
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import gpt
from explorer import (
    cache,
    differences,
    engine,
    frames,
    lessons,
    machine,
    notices,
    state,
    turns,
    workspace,
)
from explorer.charts import draw
from explorer.charts.details import create_details_chart
from explorer.charts.loss import create_loss_chart
from explorer.components.glyphs import visible
from explorer.language import count, explain, message, say
from explorer.lessons import Lesson
from explorer.panels import text as texts
from explorer.panels.exact_match import exact_match_panel
from explorer.panels.model import current_run
from explorer.runs import store
from explorer.runs.reader import RunReader
from explorer.runs.store import Run, RunError

POLL_SECONDS = 0.7
QUEUE_SECONDS = 2.0  # between looks at a run that only waits: in a class most of them do
FIRST_POINT_SECONDS = 0.5  # longest wait for a new run's first loss before its panel is drawn
ACTIVE = (store.QUEUED, store.TRAINING, store.SUSPENDED)
OPEN_END = (store.PAUSED, store.STOPPED, store.INTERRUPTED)
WORDS = {
    store.CREATED: message("Not begun yet."),
    store.QUEUED: message("Waiting for its turn."),
    store.TRAINING: message("Training."),
    store.SUSPENDED: message("Saved when the server stopped; it goes on by itself."),
    store.PAUSED: message("Paused. Everything is saved."),
    store.STOPPED: message("Stopped. It can go on from here."),
    store.INTERRUPTED: message("Interrupted."),
    store.FAILED: message("Ended with an error."),
    store.FINISHED: message("Finished."),
}
ASKED = {
    "pause": message("(pause asked for…)"),
    "stop": message("(stop asked for…)"),
    "step": message("(step asked for…)"),
}


def is_active(run: Run | None) -> bool:
    """Whether the run waits or trains, so that its page should keep looking."""
    return run is not None and run.status()["state"] in ACTIVE


def is_training(run: Run | None) -> bool:
    """Whether the run has a slot, so that what its page shows of it changes by the second."""
    return run is not None and _pace(run, run.status()["state"]) == POLL_SECONDS


def _pace(run: Run | None, kind: str | None) -> float | None:
    """Seconds between two looks at a run in state `kind`; None: nothing to look for."""
    if run is None or kind not in ACTIVE:
        return None
    has_slot = kind == store.TRAINING or engine.executor().position(run.id) == 0
    return POLL_SECONDS if has_slot else QUEUE_SECONDS


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
    _costs(preset, text)
    shown = current_run(lesson)
    pace = _pace(shown, shown.status()["state"] if shown else None)

    def live() -> None:
        run = current_run(lesson)
        if pace == POLL_SECONDS and run is not None:
            _wait_for_first_point(run)
        status = run.status() if run else None
        _buttons(lesson, preset, text, run, status, device)
        if run is not None and status is not None:
            _progress(lesson, run, status, text, details)
        else:
            _losses_to_beat(lesson, text)
        # Judged by what was drawn: a single step may be over before this line is reached.
        if _pace(run, status["state"] if status else None) != pace:
            st.rerun()  # the whole page: polling begins or ends, the pictures follow

    st.fragment(live, run_every=pace)()


def _wait_for_first_point(run: Run) -> None:
    """Give a run that has just begun a moment, so that its first loss is in the first picture."""
    reader = cache.reader(str(run.folder))
    until = time.monotonic() + FIRST_POINT_SECONDS
    while not reader.evaluations and time.monotonic() < until:
        time.sleep(0.02)
        reader.update()


# --- before the run --------------------------------------------------------------------------


def _costs(preset: gpt.Preset, text: cache.Text) -> None:
    """What the run will cost, before it starts."""
    V, config = text.vocab_size, preset.train
    parameters = sum(gpt.parameters_by_component(preset.model, V).values())
    flops = gpt.flops_per_iteration(preset.model, V, config.batch_size)
    memory = gpt.peak_memory(preset.model, V, config.batch_size)
    speed = machine.probe()
    time = say("being measured…")
    if speed is not None:
        time = say("about {time}", time=duration(gpt.estimate_seconds(preset, V, speed)))
    st.caption(
        say(
            "This run: **{parameters:,}** parameters · **{flops}FLOPs** a step · **{memory}B**"
            " memory · **{steps:,}** steps · on this machine **{time}** (derived, before the run)",
            parameters=parameters,
            flops=si(flops),
            memory=si(memory),
            steps=config.max_steps,
            time=time,
        )
    )


def si(value: float) -> str:
    """A number with an SI prefix: 1230000 → "1.2 M"."""
    for power, prefix in ((15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{value / 10**power:.3g} {prefix}"
    return f"{value:.3g} "


def duration(seconds: float) -> str:
    """Seconds as one number, as exact as an estimate is: 100 s, 5 min, 3 h, 2 days."""
    for size, unit in ((86400, message("days")), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {say(unit)}"
    return f"{seconds:.0f} s"


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
    with st.container(horizontal=True):
        if kind in ACTIVE:
            _button(say("Pause"), "pause", lesson, say("Save everything and wait."), run)
            _button(say("Stop"), "stop", lesson, say("Save everything and end here."), run)
        elif kind in OPEN_END or kind == store.CREATED:
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
        if kind not in ACTIVE:
            _new_run_buttons((lesson, preset, text, device), run is None, kind not in OPEN_END)


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
) -> Run | None:
    """A run of this page that has not begun; None, and a sentence, when it cannot be written.

    threads: of its training, 0: as many as are free. learner: the queue is fair between learners;
    runs without one count as one learner each.
    """
    if problem := workspace.problem():
        workspace.trouble(problem)
        return None
    spec = gpt.describe_run(preset, text.corpus, device, text.told) | {"page": lesson.key}
    if threads:
        spec["threads"] = threads
    if learner := workspace.mine().id or learner:
        spec["learner"] = learner
    if text.corpus.name not in gpt.CORPORA:
        spec["corpus"] |= {"path": f"texts/{text.corpus.sha256}.txt"}
    try:
        return engine.store().create(spec)
    except RunError as error:
        workspace.trouble(str(error))
        return None
    except OSError as error:
        st.error(
            say(
                "The run cannot be written: {reason}. Free some disk space.",
                reason=error.strerror or error,
            )
        )
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
    if is_active(shown) and shown is not None and workspace.may_change(shown):
        return
    run = new_run(lesson, preset, text, device)
    if run is None:
        return
    state.set_run(lesson, run.id)
    if command == "step":
        workspace.command(run.id, "step")
    else:
        workspace.submit(run.id)


# --- while it runs ---------------------------------------------------------------------------


def _losses_to_beat(lesson: Lesson, text: cache.Text) -> None:
    """The loss chart before there is a run; drawn early, it is loaded when the first point comes.

    ln V is left out: what an untrained model scores is for the learner to predict.
    """
    st.caption(say("The losses to beat on this text; your run will be drawn among them."))
    nothing = frames.loss_curve({"step": np.array([]), "loss": np.array([])}, [])
    to_beat = {n: x for n, x in text.references.items() if x < gpt.uniform_loss(text.vocab_size)}
    _draw_losses(lesson, nothing, to_beat)


def _draw_losses(lesson: Lesson, losses: pd.DataFrame, references: dict[str, float]) -> None:
    draw(create_loss_chart, losses, frames.references(references), key=f"{lesson.key}_loss")


def _progress(
    lesson: Lesson, run: Run, status: dict[str, Any], text: cache.Text, details: bool
) -> None:
    reader = cache.reader(str(run.folder))
    reader.update()
    spec = run.spec()
    _say_state(run, status)
    _say_retried(reader)
    _numbers(reader, spec, details, text)
    curve = reader.curve(400)
    if not len(curve["step"]) and not reader.evaluations:
        return
    known = (texts.of_run(spec, text) or text).references
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _draw_losses(lesson, frames.loss_curve(curve, reader.evaluations), known)
        task = spec["corpus"]["name"]
        exact_match_panel(task, reader.evaluations, f"{lesson.key}_exact_match")
    with right:
        _sample(reader)
    for sentence in notices.notices(
        reader.evaluations, max(known.values()), spec["train"]["learning_rate"]
    ):
        st.warning(sentence, icon=":material/insights:")
    if details and len(curve["step"]) > 1:
        draw(create_details_chart, frames.training_details(curve), key=f"{run.id}_details")


def _say_state(run: Run, status: dict[str, Any]) -> None:
    kind, reason = status["state"], status.get("reason") or ""
    words = f"**{say(WORDS[kind])}** {explain(reason)}"
    if kind == store.QUEUED:
        ahead = engine.executor().position(run.id)
        if ahead and engine.executor().slots:
            words += " " + count(
                ahead,
                "{n} run before it; your place is kept.",
                "{n} runs before it; your place is kept.",
            )
            wait = turns.wait_of(run.id)
            if wait is not None:
                words += " " + say("Its turn comes in about {time}.", time=duration(wait))
        elif ahead == 0:
            words = say("**Starting.** The training process is getting ready.")
    if asked := status.get("asked"):
        words += " " + say(ASKED[asked])
    if status.get("evaluating"):
        done, total = status["evaluating"]
        words += " " + say("Measuring both losses, batch {n} of {all}.", n=done, all=total)
    if kind in (store.FAILED, store.INTERRUPTED):
        st.error(words, icon=":material/error:")
    else:
        st.markdown(words)
    if kind in ACTIVE and (trouble := engine.executor().trouble):
        say_trouble(trouble)


def say_trouble(trouble: str) -> None:
    """Why nothing trains at the moment, by no fault of a run's."""
    rest = say("Nothing is lost: runs keep their place, and go on when it is back.")
    st.warning(f"{explain(trouble)} {rest}", icon=":material/cloud_off:")


def _say_retried(reader: RunReader) -> None:
    """That the run lost its process and went on by itself, if that was the last trouble it had."""
    told = [note for note in reader.notes if note["note"] in (store.RETRIED, store.INTERRUPTED)]
    if told and told[-1]["note"] == store.RETRIED:
        said = say(
            "At step {step:,}: {reason} The run goes on by itself from what was saved.",
            step=told[-1].get("step", 0),
            reason=explain(told[-1].get("reason", "")),
        )
        st.caption(f":material/history: {said}")


def _numbers(reader: RunReader, spec: dict[str, Any], details: bool, text: cache.Text) -> None:
    """Step, losses, speed and time left, as measured; with details, or where a token is more than
    a character, also bits per character."""
    details = details or differences.tokenizer_of(spec) != differences.CHARACTERS
    last, evaluations = reader.last_step, reader.evaluations
    total = spec["train"]["max_steps"]
    step = last["step"] if last else 0
    measured = evaluations[-1] if evaluations else None
    columns = st.columns(6 if details else 5)
    columns[0].metric(
        say("Step of {total:,}", total=total),
        f"{step:,}",
        help=say("Optimizer updates done."),
    )
    columns[1].metric(
        say("Training loss"),
        _nats(measured["train_loss"] if measured else None),
        help=say("Estimated on batches of the first 90 % of the text, nats per token."),
    )
    columns[2].metric(
        say("Validation loss"),
        _nats(measured["val_loss"] if measured else None),
        help=say(
            "Estimated on the last 10 %, which the model never trains on; nats per token. Divide"
            " by ln 2, and by the characters of a token, for bits per character."
        ),
    )
    speed = last["tokens_per_second"] if last else None
    columns[3].metric(
        say("Tokens a second"),
        si(speed) if speed else "–",
        help=say("Tokens the model learnt from in a second of training."),
    )
    left = "–"
    if last and step < total and last.get("seconds") and not reader.finished:
        left = duration(turns.at_its_speed(reader, spec))
    columns[4].metric(
        say("Time left"), left, help=say("At the speed so far, measurements included.")
    )
    if details:
        _bits(columns[5], measured["val_loss"] if measured else None, spec, text)
    st.progress(min(1.0, step / total), width="stretch")


def _bits(place: Any, loss: float | None, spec: dict[str, Any], text: cache.Text) -> None:
    """The validation loss in bits per character, the same measure for all kinds of tokens."""
    held = texts.characters_per_token(spec, text)
    said = "–"
    if held and loss is not None:
        said = f"{loss / math.log(2) / held['validation']:.3f}"
    help = say(
        "Validation loss divided by ln 2: how many bits a compressor built on this model would"
        " need per character of unseen text."
    )
    if held and held["validation"] != 1:
        help = say(
            "Validation loss divided by ln 2 and by the {n:.2f} characters of a token: how many"
            " bits a compressor built on this model would need per character of unseen text.",
            n=held["validation"],
        )
    place.metric(say("Bits/character"), said, help=help)


def _nats(loss: float | None) -> str:
    return "–" if loss is None else f"{loss:.4f}"


def text_of(lesson: Lesson, text: cache.Text) -> cache.Text:
    """What this page's run learns from, in its own tokens; the chosen text while there is none."""
    run = current_run(lesson)
    return (texts.of_run(run.spec(), text) if run else None) or text


def _sample(reader: RunReader) -> None:
    """What the model writes at its newest snapshot: always the same prompt and the same draws."""
    if not reader.samples:
        st.caption(say("The first sample appears in a moment."))
        return
    newest = reader.samples[-1]
    st.caption(
        say(
            "Sample after step {step:,}: continues “{prompt}”, the same random draws each time",
            step=newest["step"],
            prompt=visible_prompt(newest["prompt"]),
        )
    )
    st.code(newest["text"], language=None, wrap_lines=True, height=270)


def visible_prompt(prompt: str) -> str:
    return "".join(visible(character) for character in prompt)


# --- after the run ---------------------------------------------------------------------------


def finished(lesson: Lesson) -> dict[str, Any] | None:
    """The final event of this page's run (step, train_loss, val_loss, …), once it is complete."""
    run = current_run(lesson)
    return ended(run) if run else None


def ended(run: Run) -> dict[str, Any] | None:
    """The final event of a run (step, train_loss, val_loss, …), once it is complete."""
    if run.status()["state"] != store.FINISHED:
        return None
    reader = cache.reader(str(run.folder))
    reader.update()
    end = reader.finished
    return end if end and end.get("val_loss") is not None else None


def first_evaluation(lesson: Lesson) -> dict[str, Any] | None:
    """The estimate of both losses before the first update of this page's run."""
    run = current_run(lesson)
    reader = cache.reader(str(run.folder)) if run else None
    if reader is None:
        return None
    reader.update()
    first = reader.evaluations[0] if reader.evaluations else None
    return first if first and first["step"] == 0 and first["val_loss"] is not None else None


def comparison(lesson: Lesson, preset: gpt.Preset, text: cache.Text) -> list[tuple[str, str, str]]:
    """Rows (what, before, now): parameters, validation loss, tokens/s of the last rung and this."""
    earlier = lessons.before(lesson)
    runs = [current_run(page) for page in (earlier, lesson) if page]
    # Nats per token can only be compared where the tokens are the same.
    bits = any(differences.tokenizer_of(r.spec()) != differences.CHARACTERS for r in runs if r)
    before = ("–", "–", "–")
    if earlier:
        before = _facts(earlier, gpt.PRESETS[earlier.preset], text, bits)
    now = _facts(lesson, preset, text, bits)
    loss = say("validation loss (bits per character)") if bits else say("validation loss (nats)")
    names = (say("parameters"), loss, say("tokens a second"))
    return list(zip(names, before, now, strict=True))


def _facts(
    lesson: Lesson, preset: gpt.Preset, text: cache.Text, bits: bool
) -> tuple[str, str, str]:
    run = current_run(lesson)
    own = text_of(lesson, text)
    model = gpt.ModelConfig.from_dict(run.spec()["model"]) if run else preset.model
    parameters = sum(gpt.parameters_by_component(model, own.vocab_size).values())
    reader = cache.reader(str(run.folder)) if run else None
    if reader is None or not reader.evaluations or not reader.last_step:
        return f"{parameters:,}", say("not trained yet"), "–"
    speed, loss = reader.last_step["tokens_per_second"], reader.evaluations[-1]["val_loss"]
    if bits and loss is not None:
        loss /= math.log(2) * own.characters_per_token["validation"]
    return f"{parameters:,}", _nats(loss), si(speed)
