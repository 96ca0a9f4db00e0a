"""The runs of one page beside each other: their validation losses on one chart, and a table.

Runs on another text are left out: their losses cannot be compared. Those that read the same text in
other tokens are compared in bits per character.
"""

import math
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, differences, frames, state, workspace
from explorer.charts import compare
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels import text as texts
from explorer.panels import training
from explorer.panels.model import current_run
from explorer.panels.piece import piece
from explorer.runs import labels as run_labels
from explorer.runs import states
from explorer.runs.run import Run

POLL_SECONDS = 2.0
BITS = message("bits per character")
STATES = {  # of a run, for a person: the worker that writes them knows no languages
    states.CREATED: message("created"),
    states.QUEUED: message("queued"),
    states.TRAINING: message("training"),
    states.PAUSED: message("paused"),
    states.STOPPED: message("stopped"),
    states.SUSPENDED: message("suspended"),
    states.INTERRUPTED: message("interrupted"),
    states.FAILED: message("failed"),
    states.FINISHED: message("finished"),
}


def page_runs(lesson: Lesson, text: cache.Text, most: int = 200) -> list[Run]:
    """The runs of this page on this text that have begun, oldest first, among the `most` newest of
    the workspace."""
    return [
        entry.run
        for entry in reversed(workspace.entries(most))
        if entry.page == lesson.key and entry.sha256 == text.corpus.sha256
    ]


@piece
def compare_panel(lesson: Lesson, text: cache.Text) -> None:
    """Draw the page's runs, and let the learner choose which of them the page shows."""
    runs = page_runs(lesson, text)[-compare.MOST_RUNS :]
    if len(runs) < 2:
        st.caption(
            say(
                "Train twice with different settings: both runs then appear here on one chart,"
                " named by what differs."
            )
        )
        return
    specs = [run.spec() for run in runs]
    labels = differences.labels(specs)
    _choose(lesson, runs, _called(runs, labels))
    if len(runs) == compare.MOST_RUNS:
        number = len(page_runs(lesson, text, most=len(workspace.runs())))
        if number > len(runs):
            said = say(
                "Your newest {n} of {all} runs on this page and text.", n=len(runs), all=number
            )
            st.caption(said)
    polling = any(training.is_training(run) for run in runs)

    def body() -> None:
        _draw(lesson, text, runs, labels, specs)
        if any(training.is_training(run) for run in runs) != polling:
            st.rerun()

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()


def _called(runs: list[Run], labels: list[str]) -> list[str]:
    """The labels, each after the star and the name that the learner gave to the run."""
    own = [run_labels.read(run.folder) for run in runs]
    return [
        "★ " * known.star + f"{known.name} · " * bool(known.name) + label
        for known, label in zip(own, labels, strict=True)
    ]


def _choose(lesson: Lesson, runs: list[Run], labels: list[str]) -> None:
    """Which of the runs the whole page shows: its curves, its model, its buttons."""
    ids = [run.id for run in runs]
    now = current_run(lesson)
    key = f"{lesson.key}.show.{now.id if now else None}"
    st.selectbox(
        say("Run that this page shows"),
        ids,
        ids.index(now.id) if now and now.id in ids else None,
        format_func=lambda i: labels[ids.index(i)],
        key=key,
        placeholder=say("another run") if now else say("the untrained model"),
        on_change=lambda: state.set_run(lesson, st.session_state[key]),
        help=say("Go back to an earlier run: look into its model, continue it, write with it."),
    )


def _draw(
    lesson: Lesson, text: cache.Text, runs: list[Run], labels: list[str], specs: list[Any]
) -> None:
    readers = [cache.reader(str(run.folder)) for run in runs]
    for reader in readers:
        reader.update()
    now = current_run(lesson)
    shown = next((i for i, run in enumerate(runs) if now and run.id == now.id), None)
    evaluations = [frames.thin(reader.evaluations) for reader in readers]
    losses = frames.compared_runs(labels, evaluations, shown)
    if len(losses):
        losses, known, unit = comparable(losses, dict(zip(labels, specs, strict=True)), text)
        chart = compare.create_compare_chart(losses, frames.references(known), unit=say(unit))
        st.altair_chart(chart, width="stretch", key=f"{lesson.key}_compare")
        said = say("Validation loss of each run, measured; the run shown above is drawn thicker.")
        if compare.begins_above(losses):
            said += " " + say("The first estimate (step 0) lies above the picture.")
        st.caption(said + in_which(unit))
    names = differences.differing(specs)
    rows = [
        _row(run, label, spec, reader, names, text)
        for run, label, spec, reader in zip(runs, labels, specs, readers, strict=True)
    ]
    st.dataframe(rows, hide_index=True, key=f"{lesson.key}_runs", column_config=_columns())


def comparable(
    losses: pd.DataFrame, specs: dict[str, Any], text: cache.Text
) -> tuple[pd.DataFrame, dict[str, float], str]:
    """What can stand on one chart: losses, reference lines and the unit of both.

    losses: see `frames.compared_runs`; specs: of all runs by their labels. Nats where all read the
    same tokens; else bits per character, of the runs whose text is here.
    """
    described = list(specs.values())
    if len({differences.tokenizer_of(spec) for spec in described}) == 1:
        return losses, (texts.of_run(described[0], text) or text).references, message("nats")
    held = {label: texts.characters_per_token(spec, text) for label, spec in specs.items()}
    known = {label: parts for label, parts in held.items() if parts}
    return frames.in_bits(losses, known), {}, BITS


def in_which(unit: str) -> str:
    """Why a chart is not in nats; nothing where it is."""
    if unit != BITS:
        return ""
    return " " + say(
        "The runs read different tokens, so the losses are in bits per character: nats per token,"
        " divided by ln 2 and by the characters of a token."
    )


def _row(
    run: Run, label: str, spec: Any, reader: Any, names: list[str], text: cache.Text
) -> dict[str, Any]:
    """One line of the table: what differs, what it cost, what came of it."""
    settings = differences.settings_of(spec)
    V = (texts.of_run(spec, text) or text).vocab_size
    parts = gpt.parameters_by_component(gpt.ModelConfig.from_dict(spec["model"]), V)
    known = [e for e in reader.evaluations if e["val_loss"] is not None]
    last, step = (known[-1] if known else {}), reader.last_step or {}
    state = run.status()["state"]
    return {
        "run": label.partition(":")[0],
        **{name: differences.show(settings.get(name)) for name in names},
        "parameters": sum(parts.values()),
        "step": step.get("step", 0),
        "training loss": last.get("train_loss"),
        "validation loss": last.get("val_loss"),
        "best": min((e["val_loss"] for e in known), default=None),
        **_bits(spec, last.get("val_loss"), names, text),
        "tokens/s": reader.speed(),
        "state": say(STATES[state]),
    }


def _bits(spec: Any, loss: float | None, names: list[str], text: cache.Text) -> dict[str, Any]:
    """The loss in bits per character, where the tokens of the runs differ or are byte pairs."""
    if "tokenizer" not in names and differences.tokenizer_of(spec) == differences.CHARACTERS:
        return {}
    held = texts.characters_per_token(spec, text)
    bits = None if loss is None or held is None else loss / math.log(2) / held["validation"]
    return {"bits/character": bits}


def _columns() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    last = say("The last estimate, nats per token.")
    return {
        "run": text(say("run")),
        "parameters": number(say("parameters"), format="localized"),
        "step": number(say("step"), format="localized", help=say("Optimizer updates done.")),
        "training loss": number(say("training loss"), format="%.4f", help=last),
        "validation loss": number(say("validation loss"), format="%.4f", help=last),
        "best": number(
            say("best"), format="%.4f", help=say("The lowest validation loss of the run.")
        ),
        "bits/character": number(
            say("bits/character"),
            format="%.3f",
            help=say(
                "The validation loss divided by ln 2 and by the characters of a token: it can be"
                " compared, whatever the tokens are."
            ),
        ),
        "tokens/s": number(
            say("tokens/s"), format="compact", help=say("Measured: the median of all steps.")
        ),
        "state": text(say("state")),
    }
