"""What came of the run of a page: its end, its first estimate, and what the page changed."""

import math
from contextlib import suppress
from typing import Any

import streamlit as st

import gpt
from explorer import cache, differences, lessons
from explorer.amounts import nats, si
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels import text as texts
from explorer.panels.model import current_run
from explorer.panels.piece import piece
from explorer.runs import states
from explorer.runs.run import Run


def text_of(lesson: Lesson, text: cache.Text) -> cache.Text:
    """What this page's run learns from, in its own tokens; the chosen text while there is none."""
    run = current_run(lesson)
    return (texts.of_run(run.spec(), text) if run else None) or text


def knows_text(lesson: Lesson, text: cache.Text) -> bool:
    """Whether what this page's run learns from is here, so that its loss can be set beside it."""
    run = current_run(lesson)
    return run is None or texts.of_run(run.spec(), text) is not None


def finished(lesson: Lesson) -> dict[str, Any] | None:
    """The final event of this page's run (step, train_loss, val_loss, …), once it is complete."""
    run = current_run(lesson)
    return ended(run) if run else None


def graded(lesson: Lesson, text: cache.Text) -> dict[str, Any] | None:
    """`finished`, where the run's text is here: else nothing can be said of its loss but that."""
    known = knows_text(lesson, text)
    _say_unknown(known)
    return finished(lesson) if known else None


@piece
def _say_unknown(known: bool) -> None:
    if not known:
        st.info(
            say(
                "The text that this run learnt from is not here, so that no answer is graded by it."
                " Train anew to see yours graded."
            )
        )


def ended(run: Run) -> dict[str, Any] | None:
    """The final event of a run (step, train_loss, val_loss, …), once it is complete."""
    if run.status()["state"] != states.FINISHED:
        return None
    reader = cache.reader(str(run.folder))
    reader.update()
    end = reader.finished
    return end if end and end.get("val_loss") is not None else None


def first_evaluation(lesson: Lesson, text: cache.Text) -> dict[str, Any] | None:
    """The estimate of both losses before the first update of this page's run; None, too, where its
    text is not here."""
    run = current_run(lesson)
    reader = cache.reader(str(run.folder)) if run and knows_text(lesson, text) else None
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
    V = own.vocab_size
    if run and run.checkpoint_path:  # whose text may not be here
        with suppress(gpt.GPTError):  # a damaged model: said where it is used
            V = gpt.read_config(run.checkpoint_path)["vocab_size"]
    parameters = sum(gpt.parameters_by_component(model, V).values())
    reader = cache.reader(str(run.folder)) if run else None
    if reader is None or not reader.evaluations or not reader.last_step:
        return f"{parameters:,}", say("not trained yet"), "–"
    speed, loss = reader.speed(), reader.evaluations[-1]["val_loss"]
    if bits and loss is not None:
        held = texts.characters_per_token(run.spec(), text) if run else None
        loss = loss / math.log(2) / held["validation"] if held else None
    return f"{parameters:,}", nats(loss), si(speed) if speed else "–"
