"""A sweep over sizes: its plan, its runs in the background, and what came of each of them."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import amounts, cache, differences, machine, remaining, scaling, workspace
from explorer.language import count, explain, message, say
from explorer.lessons import Lesson
from explorer.panels import training
from explorer.runs import states
from explorer.runs.run import Run

MINUTES = (1, 2, 5, 15, 60)
COUNTS = (4, 5, 6, 7)
STATES = {
    states.CREATED: message("{n} not begun"),
    states.QUEUED: message("{n} waiting"),
    states.TRAINING: message("{n} training"),
    states.SUSPENDED: message("{n} suspended"),
    states.PAUSED: message("{n} paused"),
    states.STOPPED: message("{n} stopped"),
    states.INTERRUPTED: message("{n} interrupted"),
    states.FAILED: message("{n} failed"),
    states.FINISHED: message("{n} finished"),
}


@dataclass(frozen=True)
class Sweep:
    """What is to be trained, in order, and what each of it became (None: not begun)."""

    planned: Sequence[gpt.SizedRun]
    runs: Sequence[Run | None]
    states: Sequence[str]
    losses: Sequence[float | None]  # validation losses of the finished ones

    @property
    def top(self) -> Sequence[gpt.SizedRun]:
        """The runs of the largest budget."""
        return [run for run in self.planned if run.budget == self.planned[-1].budget]

    @property
    def is_active(self) -> bool:
        return any(state in states.ACTIVE for state in self.states)

    @property
    def is_complete(self) -> bool:
        return all(state == states.FINISHED for state in self.states)

    def points(self) -> list[scaling.Point]:
        """The finished runs, as the fit wants them."""
        return [
            scaling.Point(run.parameters, run.tokens, run.flops, run.budget, loss)
            for run, loss in zip(self.planned, self.losses, strict=True)
            if loss is not None
        ]

    def table(self, text: cache.Text) -> pd.DataFrame:
        """Columns size, budget, parameters, inner, tokens, epochs, rate, flops, state, loss."""
        rows = [
            {
                "size": size_of(run),
                "budget": budget_of(run.budget),
                "parameters": run.parameters,
                "inner": gpt.inner_parameters(run.preset.model, text.vocab_size),
                "tokens": run.tokens,
                "epochs": run.epochs(len(text.train_ids)),
                "rate": run.preset.train.learning_rate,
                "flops": run.flops,
                "state": say(state),  # marked in charts/scaling.py
                "loss": loss,
            }
            for run, state, loss in zip(self.planned, self.states, self.losses, strict=True)
        ]
        return pd.DataFrame(rows).astype({"loss": float})


def size_of(run: gpt.SizedRun) -> str:
    """ "24k parameters (1 layer, width 40)" """
    model, thousands = run.preset.model, run.parameters / 1e3
    return count(
        model.n_layer,
        "{thousands}k parameters ({n} layer, width {width})",
        "{thousands}k parameters ({n} layers, width {width})",
        thousands=f"{thousands:.3g}" if thousands < 999.5 else f"{thousands:,.0f}",
        width=model.n_embd,
    )


def name_of(run: gpt.SizedRun) -> str:
    """The size in no language: answers are kept by it."""
    return f"n_embd={run.preset.model.n_embd}"


def budget_of(flops: float) -> str:
    return say("{flops:.2g} FLOPs a run", flops=flops)


def choose(lesson: Lesson, text: cache.Text) -> list[gpt.SizedRun]:
    """Controls for time and sizes -> the planned runs; the smallest sweep when none fits."""
    left, right = st.columns(2, gap="large")
    minutes = left.select_slider(
        say("Minutes for the whole sweep"),
        MINUTES,
        5,
        key=f"{lesson.key}_minutes",
        bind="query-params",
        help=say(
            "On this machine, by its measured speed, if nothing else trains. More minutes: larger"
            " budgets, a longer stretch of the law."
        ),
    )
    sizes = right.select_slider(
        say("Sizes under each budget"),
        COUNTS,
        5,
        key=f"{lesson.key}_count",
        bind="query-params",
        help=say(
            "More sizes: the lowest place of each curve is known better, but each is trained"
            " for less time."
        ),
    )
    V, probe = text.vocab_size, machine.probe()
    if probe is None:
        st.caption(
            say("The speed of this machine is being measured; until then: the smallest sweep.")
        )
        return gpt.smallest_sweep(sizes, V)
    try:
        return list(_plan(minutes * 60.0, sizes, V, json.dumps(dict(probe.seconds))))
    except gpt.ConfigError as error:
        smallest = gpt.smallest_sweep(sizes, V)
        seconds = sum(gpt.estimate_seconds(run.preset, V, probe) for run in smallest)
        st.warning(
            say(
                "{error} Shown is the smallest one, about {time}.",
                error=explain(error),
                time=amounts.duration(seconds),
            )
        )
        return smallest


@functools.lru_cache(maxsize=64)
def _plan(seconds: float, count: int, vocab_size: int, speeds: str) -> Sequence[gpt.SizedRun]:
    """The plan takes tenths of a second to find; `speeds` stands for the machine."""
    probe = machine.probe()
    assert probe is not None and speeds, "asked after the machine was measured"
    return gpt.sweep_within(seconds, count, vocab_size, probe)


def look_up(lesson: Lesson, text: cache.Text, planned: Sequence[gpt.SizedRun]) -> Sweep:
    """What became of the planned runs: the newest run with the same settings on the same text."""
    known: dict[str, Run] = {}
    for entry in workspace.entries(most=1000):
        if entry.page == lesson.key and entry.sha256 == text.corpus.sha256:
            known.setdefault(_settings(differences.settings_of(entry.spec)), entry.run)
    tokens = {"tokenizer": text.tokens}
    runs = [known.get(_settings(tokens | _of(run.preset))) for run in planned]
    statuses: list[dict[str, Any]] = [
        run.status() if run else {"state": states.CREATED} for run in runs
    ]
    losses = [s.get("val_loss") if s["state"] == states.FINISHED else None for s in statuses]
    return Sweep(planned, runs, [status["state"] for status in statuses], losses)


def _of(preset: gpt.Preset) -> dict[str, Any]:
    return preset.model.to_dict() | preset.train.to_dict()


def _settings(settings: Mapping[str, Any]) -> str:
    return json.dumps(dict(settings), sort_keys=True)


def buttons(lesson: Lesson, text: cache.Text, sweep: Sweep) -> None:
    """Start what is missing, or stop what runs."""
    if sweep.is_active:
        st.button(
            say("Stop the sweep"),
            key=f"{lesson.key}_stop",
            icon=":material/stop:",
            help=say("Every run is saved; the sweep goes on from here when you want it to."),
            on_click=stop,
            args=(sweep,),
        )
        return
    missing = sum(state != states.FINISHED for state in sweep.states)
    begun = any(run is not None for run in sweep.runs)
    st.button(
        _label(missing, begun),
        key=f"{lesson.key}_start",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not missing,
        help=say(
            "In the background, {time} if nothing else trains. You may leave the page. What was"
            " trained with these settings before is not trained again.",
            time=about(sweep, text),
        )
        if missing
        else None,
        on_click=start,
        args=(lesson, text, sweep),
    )


def about(sweep: Sweep, text: cache.Text) -> str:
    """How long the rest of it takes, as far as this is known."""
    presets = [planned.preset for planned in sweep.planned]
    seconds = remaining.series_left(zip(presets, sweep.runs, strict=True), text.vocab_size)
    if seconds is None:
        return say("for a time that is not measured yet")
    return say("about {time}", time=amounts.duration(seconds))


def _label(missing: int, begun: bool) -> str:
    if not missing:
        return say("All done")
    if begun:
        return count(missing, "Continue the sweep ({n} run)", "Continue the sweep ({n} runs)")
    return count(missing, "Start the sweep ({n} run)", "Start the sweep ({n} runs)")


def start(lesson: Lesson, text: cache.Text, sweep: Sweep) -> None:
    """Hand over all runs that are not finished: new ones, and what was stopped before."""
    for planned, run, state in zip(sweep.planned, sweep.runs, sweep.states, strict=True):
        if state in (states.FINISHED, *states.ACTIVE):
            continue
        if run is not None and state in (states.CREATED, *states.OPEN_END):
            workspace.command(run.id, "continue")
            continue
        # All as one learner: whoever presses Train on another page comes in between.
        new = training.new_run(lesson, planned.preset, text, learner=lesson.key)
        if new is None:
            return
        workspace.submit(new.id)


def stop(sweep: Sweep) -> None:
    """Ask every run that trains or waits to stop; the last ones first, or they would begin."""
    for run, state in reversed(list(zip(sweep.runs, sweep.states, strict=True))):
        if run is not None and state in states.ACTIVE:
            workspace.command(run.id, "stop")


def progress(sweep: Sweep) -> None:
    """How far the sweep is, by FLOPs, and what is wrong with a run that failed."""
    numbers = {state: sweep.states.count(state) for state in dict.fromkeys(sweep.states)}
    said = ", ".join(say(STATES[state], n=number) for state, number in numbers.items())
    done = sum(
        remaining.share_done(known, run.preset) * run.flops
        for run, known in zip(sweep.planned, sweep.runs, strict=True)
    )
    share = done / sum(run.flops for run in sweep.planned)
    st.progress(
        min(1.0, share),
        text=say("{said}; {share:.0%} of the arithmetic is done", said=said, share=share),
    )
    for run, state in zip(sweep.runs, sweep.states, strict=True):
        if run is not None and state in (states.FAILED, states.INTERRUPTED):
            st.warning(
                say("One run ended early: {reason}", reason=explain(run.recorded()["reason"]))
            )
            break


def best_size(sweep: Sweep) -> str | None:
    """The size (see `name_of`) with the lowest loss under the largest budget, once all its runs
    are finished."""
    ends = [
        (loss, name_of(run))
        for run, loss in zip(sweep.planned, sweep.losses, strict=True)
        if run in sweep.top
    ]
    known = [(loss, name) for loss, name in ends if loss is not None]
    return min(known)[1] if known and len(known) == len(ends) else None


def comparison(sweep: Sweep, law: scaling.Law | str) -> list[tuple[str, str, str]]:
    """Rows (what, before, now) of the end of the page."""
    losses = [loss for loss in sweep.losses if loss is not None]
    top = sweep.planned[-1]
    said = say("not fitted yet")
    if not isinstance(law, str):
        best = law.best(top.budget)
        said = say(
            "{value:.3f} ({low:.3f} to {high:.3f})", value=best.value, low=best.low, high=best.high
        )
    trained = say("{n} of {all}", n=len(losses), all=len(sweep.planned))
    buys = say("what {flops:.2g} FLOPs can buy (nats)", flops=top.budget)
    return [
        (say("models trained"), "1", trained),
        (say("lowest validation loss (nats)"), "–", f"{min(losses):.4f}" if losses else "–"),
        (buys, say("unknown"), said),
    ]


def columns() -> dict[str, Any]:
    """How the table of all runs is shown."""
    number = st.column_config.NumberColumn
    return {
        "size": say("size"),
        "budget": say("budget"),
        "state": say("state"),
        "parameters": number("N", format="localized", help=say("Parameters, embeddings included.")),
        "inner": number(
            say("N without embeddings"), format="localized", help=say("As Kaplan counts them.")
        ),
        "tokens": number(say("tokens D"), format="localized", help=say("Seen in training.")),
        "epochs": number(
            say("times the text"), format="%.1f", help=say("More than 1: read again.")
        ),
        "rate": number(say("learning rate"), format="%.4f", help=say("At its highest.")),
        "flops": number(
            say("FLOPs C"), format="%.3e", help=say("Of all steps, measurements left out.")
        ),
        "loss": number(
            say("validation loss"), format="%.4f", help=say("At the end, nats per token.")
        ),
    }
