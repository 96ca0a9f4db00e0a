"""One press trains a recipe and its variants, one after the other, for the chart that compares."""

from collections.abc import Mapping

import streamlit as st

import gpt
from explorer import cache, differences, engine, machine, state
from explorer.lessons import Lesson
from explorer.panels import training
from explorer.panels.compare import page_runs


def train_variants(lesson: Lesson, wanted: Mapping[str, gpt.Preset], text: cache.Text) -> None:
    """A button that trains those of the presets `wanted` which this page has not trained yet."""
    known = [differences.settings_of(run.spec()) for run in page_runs(lesson, text)]
    missing = {
        name: variant
        for name, variant in wanted.items()
        if variant.model.to_dict() | variant.train.to_dict() not in known
    }
    probe = machine.probe()
    seconds = (
        sum(gpt.estimate_seconds(v, text.vocab_size, probe) for v in missing.values())
        if probe
        else 0
    )
    time = f", about {training.duration(seconds)} in all" if seconds else ""
    st.button(
        f"Train {len(missing)} variant{'s' * (len(missing) > 1)}"
        if missing
        else "All variants are trained",
        key=f"{lesson.key}_variants",
        icon=":material/stacks:",
        disabled=not missing,
        help=f"One after the other: {'; '.join(missing) or 'nothing is left'}{time}.",
        on_click=_begin,
        args=(lesson, missing, text),
    )


def _begin(lesson: Lesson, missing: dict[str, gpt.Preset], text: cache.Text) -> None:
    """Hand all runs over; the page shows the first of them, unless it is showing a training."""
    from explorer.panels.model import current_run

    for variant in missing.values():
        run = training.new_run(lesson, variant, text)
        if run is None:
            return
        engine.executor().submit(run.id)
        if not training.is_active(current_run(lesson)):
            state.set_run(lesson, run.id)
