"""How the run of a page goes: in words, in numbers, its losses, its sample. Drawn at each look."""

import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import gpt
from explorer import cache, differences, engine, frames, notices, remaining, turns
from explorer.amounts import duration, nats, si
from explorer.charts import draw
from explorer.charts.details import create_details_chart
from explorer.charts.loss import create_loss_chart
from explorer.components.glyphs import visible
from explorer.language import count, explain, message, say
from explorer.lessons import Lesson
from explorer.panels import text as texts
from explorer.panels.exact_match import exact_match_panel
from explorer.runs import states
from explorer.runs.reader import RunReader
from explorer.runs.run import Run

RECENT = 100  # steps that the speed is the median of
WORDS = {
    states.CREATED: message("Not begun yet."),
    states.QUEUED: message("Waiting for its turn."),
    states.TRAINING: message("Training."),
    states.SUSPENDED: message("Saved when the server stopped; it goes on by itself."),
    states.PAUSED: message("Paused. Everything is saved."),
    states.STOPPED: message("Stopped. It can go on from here."),
    states.INTERRUPTED: message("Interrupted."),
    states.FAILED: message("Ended with an error."),
    states.FINISHED: message("Finished."),
}
ASKED = {
    "pause": message("(pause asked for…)"),
    "stop": message("(stop asked for…)"),
    "step": message("(step asked for…)"),
}


def losses_to_beat(lesson: Lesson, text: cache.Text) -> None:
    """The loss chart before there is a run; drawn early, it is loaded when the first point comes.

    ln V is left out: what an untrained model scores is for the learner to predict.
    """
    st.caption(say("The losses to beat on this text; your run will be drawn among them."))
    nothing = frames.loss_curve({"step": np.array([]), "loss": np.array([])}, [])
    to_beat = {n: x for n, x in text.references.items() if x < gpt.uniform_loss(text.vocab_size)}
    _draw_losses(lesson, nothing, to_beat)


def _draw_losses(lesson: Lesson, losses: pd.DataFrame, references: dict[str, float]) -> None:
    draw(create_loss_chart, losses, frames.references(references), key=f"{lesson.key}_loss")


def progress(
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
    own = texts.of_run(spec, text)  # None: its text is not here, so nothing of it can be told
    known = own.references if own else {}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _draw_losses(lesson, frames.loss_curve(curve, reader.evaluations), known)
        task = spec["corpus"]["name"]
        exact_match_panel(task, reader.evaluations, f"{lesson.key}_exact_match")
    with right:
        _sample(reader)
    nothing = known.get("knows nothing (ln V)", math.inf)  # not the largest: that may be another
    for sentence in notices.notices(reader.evaluations, nothing, spec["train"]["learning_rate"]):
        st.warning(sentence, icon=":material/insights:")
    if details and len(curve["step"]) > 1:
        draw(create_details_chart, frames.training_details(curve), key=f"{run.id}_details")


def _say_state(run: Run, status: dict[str, Any]) -> None:
    kind, reason = status["state"], status.get("reason") or ""
    words = f"**{say(WORDS[kind])}** {explain(reason)}"
    if kind == states.QUEUED:
        place = engine.executor().position(run.id)
        if place and engine.executor().slots:
            words += " " + (
                say("It is next.")
                if place == 1
                else count(
                    place - 1,
                    "{n} other waits before it; your place is kept.",
                    "{n} others wait before it; your place is kept.",
                )
            )
            wait = turns.wait_of(run.id)
            if wait is not None:
                words += " " + say("Its turn comes in about {time}.", time=duration(wait))
        elif place == 0:
            words = say("**Starting.** The training process is getting ready.")
    if asked := status.get("asked"):
        words += " " + say(ASKED[asked])
    if kind == states.TRAINING and status.get("evaluating"):
        done, total = status["evaluating"]
        words += " " + say("Measuring both losses, batch {n} of {all}.", n=done, all=total)
    if kind in (states.FAILED, states.INTERRUPTED):
        st.error(words, icon=":material/error:")
    else:
        st.markdown(words)
    if kind in states.ACTIVE and (trouble := engine.executor().trouble):
        say_trouble(trouble)


def say_trouble(trouble: str) -> None:
    """Why nothing trains at the moment, by no fault of a run's."""
    rest = say("Nothing is lost: runs keep their place, and go on when it is back.")
    st.warning(f"{explain(trouble)} {rest}", icon=":material/cloud_off:")


def _say_retried(reader: RunReader) -> None:
    """That the run lost its process and went on by itself, if that was the last trouble it had."""
    told = [note for note in reader.notes if note["note"] in (states.RETRIED, states.INTERRUPTED)]
    if told and told[-1]["note"] == states.RETRIED:
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
    columns = st.columns(6 if details else 5, vertical_alignment="bottom")  # a label may take two
    columns[0].metric(
        say("Step of {total:,}", total=total),
        f"{step:,}",
        help=say("Optimizer updates done."),
    )
    columns[1].metric(
        say("Training loss"),
        nats(measured["train_loss"] if measured else None),
        help=say("Estimated on batches of the first 90 % of the text, nats per token."),
    )
    columns[2].metric(
        say("Validation loss"),
        nats(measured["val_loss"] if measured else None),
        help=say(
            "Estimated on the last 10 %, which the model never trains on; nats per token. Divide"
            " by ln 2, and by the characters of a token, for bits per character."
        ),
    )
    speed = reader.speed(RECENT)
    columns[3].metric(
        say("Tokens a second"),
        si(speed) if speed else "–",
        help=say(
            "Tokens the model learnt from in a second of training: the median of the last {n}"
            " steps.",
            n=RECENT,
        ),
    )
    left = "–"
    if last and step < total and last.get("seconds") and not reader.finished:
        left = duration(remaining.at_its_speed(reader, spec))
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
