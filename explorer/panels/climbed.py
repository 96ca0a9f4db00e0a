"""How the climb of the ladder stands: the rungs with their runs, and the pictures of them."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, frames, ladder, workspace
from explorer.charts import compare
from explorer.charts.ladder import create_ladder_chart
from explorer.ladder import Rung
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.panels import choice
from explorer.panels.compare import STATES
from explorer.panels.picture import picture
from explorer.runs import states
from explorer.runs.reader import RunReader
from explorer.runs.run import Run

AGAINST = {
    message("steps"): "step",
    message("seconds"): "seconds",
    message("compute"): "compute",
}


@dataclass(frozen=True)
class Climbed:
    """A rung with its run, if there is one, and what that run says so far."""

    rung: Rung
    number: int
    run: Run | None = None
    reader: RunReader | None = None
    state: str | None = None
    reason: str = ""

    @property
    def label(self) -> str:
        return f"{self.number} {say(self.rung.title)}"

    @property
    def active(self) -> bool:
        return self.state in states.ACTIVE

    @property
    def done(self) -> bool:
        return self.state == states.FINISHED

    @property
    def loss(self) -> float | None:
        """The validation loss at the end of the run."""
        end = self.reader.finished if self.reader and self.done else None
        return end.get("val_loss") if end else None


def look(rungs: list[Rung], text: cache.Text) -> list[Climbed]:
    """Every rung with the run that stands for it on this text."""
    entries = workspace.entries()
    found = []
    for number, rung in enumerate(rungs, 1):
        entry = ladder.find(rung, entries, text.corpus.sha256, text.tokens)
        if entry is None:
            found.append(Climbed(rung, number))
            continue
        status, reader = entry.run.status(), cache.reader(str(entry.run.folder))
        reader.update()
        about = (status["state"], status.get("reason") or "")
        found.append(Climbed(rung, number, entry.run, reader, *about))
    return found


# --- pictures --------------------------------------------------------------------------------


def curves_panel(lesson: Lesson, found: list[Climbed], text: cache.Text) -> None:
    """The validation losses of all rungs on one chart."""
    begun = {
        one.label: (one.reader, one.rung.preset)
        for one in found
        if one.reader and one.reader.evaluations
    }
    if not begun:
        known = ", ".join(f"{say(name)} {loss:.3f}" for name, loss in text.references.items())
        st.caption(
            say("The losses to beat on this text: {losses} (computed from the text).", losses=known)
        )
        return
    against = _choose_axis(lesson)
    evaluations = [frames.thin(reader.evaluations) for reader, _ in begun.values()]
    losses = frames.compared_runs(list(begun), evaluations, None)
    if against != "step":
        losses = frames.with_costs(
            losses,
            {label: reader.curve(400) for label, (reader, _) in begun.items()},
            {label: _flops(preset, text) for label, (_, preset) in begun.items()},
        )
    chart = compare.create_compare_chart(losses, frames.references(text.references), against)
    picture(chart, f"{lesson.key}_curves", "the ladder")
    now = losses.groupby("run", sort=False)["validation"].last()
    ends = "; ".join(f"{run} {loss:.3f}" for run, loss in now.items())
    st.caption(
        say(
            "Validation loss of each rung, measured on the last tenth of the text; now: {losses}."
            " What lies above the picture is the first estimate.",
            losses=ends,
        )
    )


def _choose_axis(lesson: Lesson) -> str:
    """One of the values of AGAINST."""
    chosen = choice.choose(
        say("Loss against"),
        list(AGAINST),
        key=f"{lesson.key}_against",
        help=say("Equal steps, equal time on this machine, or equal arithmetic (FLOPs, derived)."),
    )
    return AGAINST[chosen]


def _flops(preset: gpt.Preset, text: cache.Text) -> float:
    return gpt.flops_per_iteration(preset.model, text.vocab_size, preset.train.batch_size)


def steps_panel(lesson: Lesson, steps: list[ladder.Step], text: cache.Text) -> None:
    """What each idea gained, as a flight of steps and as a sentence."""
    whole = frames.ladder_steps(steps)
    if whole.empty:
        return
    zoom = st.toggle(
        say("Without the first step"),
        key=f"{lesson.key}_zoom",
        bind="query-params",
        help=say(
            "The first step, from knowing nothing to the bigram, dwarfs the others. Leave it out"
            " to see them larger."
        ),
    )
    shown = whole[whole["order"] > 0] if zoom else whole
    if len(shown):
        chart = create_ladder_chart(shown, frames.references(text.references, curves=False))
        picture(chart, f"{lesson.key}_steps_chart", "what each idea gains")
    st.markdown(ladder.in_words(steps))
    st.caption(
        say(
            "From the end of the rung before to the end of this rung (measured). The tutorial's"
            " rungs are measured on the same windows of the text; the laptop GPT reads longer ones."
            " Every rung keeps its own learning rate. The bigram's is ten times larger: a short"
            " climb favours it."
        )
    )


# --- table -----------------------------------------------------------------------------------


def rungs_table(
    lesson: Lesson, found: list[Climbed], steps: list[ladder.Step], text: cache.Text
) -> None:
    """What each rung cost, and what came of it."""
    rows = [_row(one, step, text.vocab_size) for one, step in zip(found, steps, strict=True)]
    st.dataframe(
        pd.DataFrame(rows),
        placeholder="",
        hide_index=True,
        key=f"{lesson.key}_rungs",
        column_config=_columns(),
    )


def _row(one: Climbed, step: ladder.Step, V: int) -> dict[str, Any]:
    last: dict[str, Any] = (one.reader.last_step if one.reader else None) or {}
    seconds = last.get("seconds")
    parts = gpt.parameters_by_component(one.rung.preset.model, V)
    state = say(STATES[one.state]) if one.state else say("not trained yet")
    if one.state == states.FAILED:
        state = f"{state}: {explain(one.reason, markdown=False)}"
    return {
        "rung": one.label,
        "what it adds": say(one.rung.idea),
        "parameters": sum(parts.values()),
        "step": last.get("step", 0),
        "tokens/s": one.reader.speed() if one.reader else None,
        "minutes": seconds / 60 if seconds else None,
        "loss": one.loss,
        "gain": step.gain,
        "state": state,
    }


def _columns() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        "rung": text(say("rung")),
        "what it adds": text(say("what it adds")),
        "parameters": number(
            say("parameters"), format="localized", help=say("Derived from the settings.")
        ),
        "step": number(say("step"), format="localized", help=say("Optimizer updates done.")),
        "tokens/s": number(
            say("tokens/s"),
            format="compact",
            help=say("Tokens learnt from in a second: the median of all steps, measured."),
        ),
        "minutes": number(
            say("minutes"),
            format="%.2f",
            help=say("Of training alone, without the estimates of the losses."),
        ),
        "loss": number(
            say("loss"),
            format="%.4f",
            help=say("Of validation, at the end of the run, nats per token."),
        ),
        "gain": number(
            say("gain"),
            format="%.4f",
            help=say("Loss of the rung before minus loss of this rung."),
        ),
        "state": text(say("state")),
    }
