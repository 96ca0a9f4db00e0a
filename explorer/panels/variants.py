"""One press trains a recipe and its variants, one after the other; what came of each is found by
its settings."""

from collections.abc import Iterable, Mapping

import streamlit as st

import gpt
from explorer import amounts, cache, differences, remaining, state, workspace
from explorer.language import count, say
from explorer.lessons import Lesson
from explorer.panels import training
from explorer.panels.compare import page_runs
from explorer.runs import states
from explorer.runs.run import Run


def train_variants(
    lesson: Lesson,
    wanted: Mapping[str, gpt.Preset],
    text: cache.Text,
    key: str = "variants",
    threads: int = 0,
) -> None:
    """A button that trains those of the presets `wanted` which this page has not trained yet.

    A run that was stopped on its way goes on; one that failed is begun anew. threads: of every
    run, so that their seconds can be compared; 0: as many as are free.
    """
    known = variant_runs(lesson, wanted, text)
    missing = {
        name: variant
        for name, variant in wanted.items()
        if name not in known or is_halted(known[name]) or has_failed(known[name])
    }
    halted = {n: run for n, run in known.items() if n in missing and is_halted(run)}
    rest = [(variant, halted.get(name)) for name, variant in missing.items()]
    seconds = remaining.series_left(rest, text.vocab_size)
    under_way = any(training.is_active(run) for run in known.values())
    st.button(
        _label(len(missing), under_way),
        key=f"{lesson.key}_{key}",
        icon=":material/stacks:",
        disabled=not missing,
        help=_help(missing, seconds),
        on_click=_begin,
        args=(lesson, missing, text, halted, threads),
    )


def _label(missing: int, under_way: bool) -> str:
    if missing:
        return count(missing, "Train {n} variant", "Train {n} variants")
    return say("The variants are being trained") if under_way else say("All variants are trained")


def _help(missing: Iterable[str], seconds: float | None) -> str:
    names = "; ".join(map(say, missing)) or say("nothing is left")
    if not seconds:
        return say("One after the other: {names}.", names=names)
    time = amounts.duration(seconds)
    return say("One after the other: {names}, about {time} in all.", names=names, time=time)


def variant_runs(
    lesson: Lesson, wanted: Mapping[str, gpt.Preset], text: cache.Text
) -> dict[str, Run]:
    """The newest run of this page on this text for each of the presets `wanted` that has one."""
    found: dict[str, Run] = {}
    tokens = {"tokenizer": text.tokens}
    settings = {name: tokens | p.model.to_dict() | p.train.to_dict() for name, p in wanted.items()}
    for run in page_runs(lesson, text, most=1000):
        known = differences.settings_of(run.spec())
        found |= {name: run for name, values in settings.items() if values == known}
    return {name: found[name] for name in wanted if name in found}


def is_done(run: Run) -> bool:
    return bool(run.status()["state"] == states.FINISHED)


def is_halted(run: Run) -> bool:
    """Whether the run was stopped on its way and can go on."""
    return run.status()["state"] in states.OPEN_END


def has_failed(run: Run) -> bool:
    return bool(run.status()["state"] == states.FAILED)


def _begin(
    lesson: Lesson,
    missing: Mapping[str, gpt.Preset],
    text: cache.Text,
    halted: Mapping[str, Run],
    threads: int,
) -> None:
    """Hand all runs over; the page shows the first of them, unless it is showing a training."""
    from explorer.panels.model import current_run

    for name, variant in missing.items():
        run = halted.get(name) or training.new_run(lesson, variant, text, threads=threads)
        if run is None:
            return
        workspace.submit(run.id)
        if not training.is_active(current_run(lesson)):
            state.set_run(lesson, run.id)
