"""Climb the ladder: one press trains every rung that is missing, and one chart shows them all.

Which runs belong to the climb is read off the runs themselves (their settings, text and seed), so
it is the same after a reload, in another tab, and for runs that other pages began.
"""

import threading
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, engine, frames, history, ladder, machine
from explorer.charts import compare
from explorer.charts.ladder import create_ladder_chart
from explorer.ladder import Rung
from explorer.lessons import Lesson
from explorer.panels import question, training
from explorer.panels.compare import thin
from explorer.panels.picture import picture
from explorer.panels.samples import Author, author, samples_panel
from explorer.runs import store
from explorer.runs.reader import RunReader
from explorer.runs.store import Run

POLL_SECONDS = 2.0
TUTORIAL, EQUAL = "the tutorial's", "the same for all"
AGAINST = {"steps": "step", "seconds": "seconds", "compute": "compute"}
REASON = (
    "Blocks change several things at once, which page 6 takes apart. Gains of a hundredth are"
    " within the luck of the first weights: climb again with another seed."
)

_climbing = threading.Lock()  # two clicks at one moment: the second finds the runs of the first


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
        return f"{self.number} {self.rung.title}"

    @property
    def active(self) -> bool:
        return self.state in training.ACTIVE

    @property
    def done(self) -> bool:
        return self.state == store.FINISHED

    @property
    def loss(self) -> float | None:
        """The validation loss at the end of the run."""
        end = self.reader.finished if self.reader and self.done else None
        return end.get("val_loss") if end else None


def choose(lesson: Lesson) -> list[Rung]:
    """The controls of the climb; returns its rungs."""
    places = st.columns([2, 1, 1, 2], vertical_alignment="bottom")
    with places[0]:
        mode = st.segmented_control(
            "Steps",
            [TUTORIAL, EQUAL],
            default=TUTORIAL,
            required=True,
            key=f"{lesson.key}_mode",
            bind="query-params",
            help="The tutorial trains the bigram for 3,000 steps and the others for 5,000. The same"
            " number for all compares the ideas at equal steps.",
        )
    with places[1]:
        steps = st.number_input(
            "Steps of each",
            10,
            20_000,
            1000,
            key=f"{lesson.key}_steps",
            bind="query-params",
            disabled=mode != EQUAL,
            help="Optimizer updates of every rung, when it is the same number for all.",
        )
    with places[2]:
        seed = st.number_input(
            "Seed",
            0,
            2**31 - 1,
            1337,
            key=f"{lesson.key}_seed",
            bind="query-params",
            help="Decides the first weights and the batches, the same for every rung.",
        )
    with places[3]:
        laptop = st.toggle(
            "With the laptop GPT on top",
            key=f"{lesson.key}_laptop",
            bind="query-params",
            help="A longer last rung: more layers, width and context, and a better recipe. It"
            " changes more than one idea.",
        )
    return ladder.rungs(int(seed), int(steps) if mode == EQUAL else None, bool(laptop))


def look(rungs: list[Rung], text: cache.Text) -> list[Climbed]:
    """Every rung with the run that stands for it on this text."""
    entries = history.entries(engine.store())
    found = []
    for number, rung in enumerate(rungs, 1):
        entry = ladder.find(rung, entries, text.corpus.sha256)
        if entry is None:
            found.append(Climbed(rung, number))
            continue
        status, reader = entry.run.status(), cache.reader(str(entry.run.folder))
        reader.update()
        about = (status["state"], status.get("reason") or "")
        found.append(Climbed(rung, number, entry.run, reader, *about))
    return found


def climb_panel(lesson: Lesson, rungs: list[Rung], text: cache.Text, answer: str | None) -> None:
    """The button, the charts, the table; grades `answer`, the title of the rung that gains most."""
    polling = any(one.active for one in look(rungs, text))

    def body() -> None:
        found = look(rungs, text)
        _buttons(lesson, found, text)
        _curves(lesson, found, text)
        steps = ladder.steps(
            [one.rung.title for one in found],
            [one.loss for one in found],
            text.references["knows nothing (ln V)"],
        )
        _steps(lesson, steps, text)
        best = ladder.greatest([s for s in steps if s.title != ladder.LAPTOP.title])
        question.grade_choice(answer, best.title if best else None, REASON, press="Climb")
        if any(one.run for one in found):
            st.dataframe(
                _table(found, steps, text),
                hide_index=True,
                key=f"{lesson.key}_rungs",
                column_config=_columns(),
            )
        if any(one.active for one in found) != polling:
            st.rerun()

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()


# --- buttons ---------------------------------------------------------------------------------


def _buttons(lesson: Lesson, found: list[Climbed], text: cache.Text) -> None:
    missing = [one for one in found if not one.active and not one.done]
    active = [one for one in found if one.active]
    with st.container(horizontal=True):
        st.button(
            _press(found, missing),
            key=f"{lesson.key}_climb",
            type="primary",
            icon=":material/stairs:",
            disabled=not missing,
            on_click=_climb,
            args=(lesson, [one.rung for one in found], text),
            help="Trains the rungs that are missing, in the background; a run that has exactly"
            " these settings, text and seed is taken, whichever page began it.",
        )
        if len(active) > 1:
            _stop_button(f"{lesson.key}_stop", "Stop all", active)
        for one in active:
            _stop_button(f"{lesson.key}_stop_{one.number}", f"Stop {one.rung.title}", [one])
    _say_time(missing, active, text)


def _press(found: list[Climbed], missing: list[Climbed]) -> str:
    if not missing:
        return "All rungs are trained" if all(one.done for one in found) else "Climbing…"
    if len(missing) == len(found):
        return "Climb the ladder"
    return f"Climb: {len(missing)} rung{'s' * (len(missing) > 1)} missing"


def _stop_button(key: str, label: str, active: list[Climbed]) -> None:
    st.button(
        label,
        key=key,
        icon=":material/stop:",
        on_click=_stop,
        args=([one.run.id for one in active if one.run],),
        help="Saves everything and ends here; the next climb goes on from there.",
    )


def _stop(run_ids: list[str]) -> None:
    for run_id in reversed(run_ids):  # those that wait first, so that none begins meanwhile
        engine.executor().command(run_id, "stop")


def _say_time(missing: list[Climbed], active: list[Climbed], text: cache.Text) -> None:
    probe = machine.probe()
    if active:
        waiting = sum(one.state == store.QUEUED for one in active)
        st.caption(
            f"{len(active) - waiting} in training, {waiting} waiting. They go on when you leave the"
            " page."
        )
    elif missing and probe is not None:
        seconds = sum(
            gpt.estimate_seconds(one.rung.preset, text.vocab_size, probe) for one in missing
        )
        st.caption(
            f"Missing: {', '.join(one.rung.title for one in missing)}; about"
            f" {training.duration(seconds)} in all on this machine (derived)."
        )


def _climb(lesson: Lesson, rungs: list[Rung], text: cache.Text) -> None:
    """Hand over what is missing, lowest rung first; go on with what was left."""
    with _climbing:
        for one in look(rungs, text):
            if one.active or one.done:
                continue
            if one.run is not None and one.state != store.FAILED:
                engine.executor().command(one.run.id, "continue")
                continue
            run = training.new_run(lesson, one.rung.preset, text)
            if run is None:
                return
            engine.executor().submit(run.id)


# --- pictures --------------------------------------------------------------------------------


def _curves(lesson: Lesson, found: list[Climbed], text: cache.Text) -> None:
    """The validation losses of all rungs on one chart."""
    begun = {
        one.label: (one.reader, one.rung.preset)
        for one in found
        if one.reader and one.reader.evaluations
    }
    if not begun:
        known = ", ".join(f"{name} {loss:.3f}" for name, loss in text.references.items())
        st.caption(f"The losses to beat on this text: {known} (computed from the text).")
        return
    against = AGAINST[
        st.segmented_control(
            "Loss against",
            list(AGAINST),
            default="steps",
            required=True,
            key=f"{lesson.key}_against",
            bind="query-params",
            help="Equal steps, equal time on this machine, or equal arithmetic (FLOPs, derived).",
        )
    ]
    evaluations = [thin(reader.evaluations) for reader, _ in begun.values()]
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
        f"Validation loss of each rung, measured on the last tenth of the text; now: {ends}."
        " What lies above the picture is the first estimate."
    )


def _flops(preset: gpt.Preset, text: cache.Text) -> float:
    return gpt.flops_per_iteration(preset.model, text.vocab_size, preset.train.batch_size)


def _steps(lesson: Lesson, steps: list[ladder.Step], text: cache.Text) -> None:
    """What each idea gained, as a flight of steps and as a sentence."""
    whole = frames.ladder_steps(steps)
    if whole.empty:
        return
    zoom = st.toggle(
        "Without the first step",
        key=f"{lesson.key}_zoom",
        bind="query-params",
        help="The first step, from knowing nothing to the bigram, dwarfs the others. Leave it out"
        " to see them larger.",
    )
    shown = whole[whole["order"] > 0] if zoom else whole
    if len(shown):
        chart = create_ladder_chart(shown, frames.references(text.references))
        picture(chart, f"{lesson.key}_steps_chart", "what each idea gains")
    st.markdown(ladder.in_words(steps))
    st.caption(
        "From the end of the rung before to the end of this rung (measured). The tutorial's rungs"
        " are measured on the same windows of the text; the laptop GPT reads longer ones. Every"
        " rung keeps its own learning rate. The bigram's is ten times larger: a short climb"
        " favours it."
    )


# --- table -----------------------------------------------------------------------------------


def _table(found: list[Climbed], steps: list[ladder.Step], text: cache.Text) -> pd.DataFrame:
    return pd.DataFrame(
        [_row(one, step, text.vocab_size) for one, step in zip(found, steps, strict=True)]
    )


def _row(one: Climbed, step: ladder.Step, V: int) -> dict[str, Any]:
    last: dict[str, Any] = (one.reader.last_step if one.reader else None) or {}
    seconds = last.get("seconds")
    parts = gpt.parameters_by_component(one.rung.preset.model, V)
    state = one.state or "not trained yet"
    return {
        "rung": one.label,
        "what it adds": one.rung.idea,
        "parameters": sum(parts.values()),
        "step": last.get("step", 0),
        "tokens/s": last.get("tokens_per_second"),
        "minutes": seconds / 60 if seconds else None,
        "loss": one.loss,
        "gain": step.gain,
        "state": f"{state}: {one.reason}" if state == store.FAILED else state,
    }


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "parameters": number(format="localized", help="Derived from the settings."),
        "step": number(format="localized", help="Optimizer updates done."),
        "tokens/s": number(
            format="compact", help="Tokens learnt from in a second, measured at the end."
        ),
        "minutes": number(
            format="%.2f", help="Of training alone, without the estimates of the losses."
        ),
        "loss": number(format="%.4f", help="Of validation, at the end of the run, nats per token."),
        "gain": number(format="%.4f", help="Loss of the rung before minus loss of this rung."),
    }


# --- samples ---------------------------------------------------------------------------------


def rung_samples(lesson: Lesson, rungs: list[Rung], text: cache.Text) -> None:
    """What every finished rung writes after one prompt."""
    polling = any(one.active for one in look(rungs, text))

    def body() -> None:
        samples_panel(lesson, [_author(one) for one in look(rungs, text)], "rungs")

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()


def _author(one: Climbed) -> Author:
    if one.run is None or not one.done:
        return Author(one.label, None, "In training." if one.active else "Not trained yet.")
    return author(one.label, one.run.folder / "checkpoint")
