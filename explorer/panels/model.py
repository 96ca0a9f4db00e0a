"""Which model a page shows: its run's newest snapshot, an earlier one, or an untrained model.

Every picture says which it is. The model of a run comes with the run's own tokenizer, so a run on
another text stays readable.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

import gpt
from explorer import cache, engine, state, workspace
from explorer.language import count, explain, message, say
from explorer.lessons import Lesson
from explorer.literal import literal
from explorer.panels.piece import piece
from explorer.runs.run import Run, RunError


@dataclass(frozen=True)
class Shown:
    """A model on the screen."""

    model: Any
    tokenizer: Any
    step: int
    label: str  # where it comes from, for a caption
    key: str  # changes with the weights


def of_page(lesson: Lesson, preset: gpt.Preset, text: cache.Text, step: int | None = None) -> Shown:
    """The model of this page's run at its newest snapshot (or at `step`), else untrained. A
    snapshot that cannot be read gives way to the one before it."""
    run = current_run(lesson)
    saved = run.snapshots() if run else []
    if run is None or not saved:
        return untrained(preset, text)
    asked = step if step in dict(saved) else saved[-1][0]
    trouble: list[Exception] = []
    for at, path in reversed([(n, path) for n, path in saved if n <= asked]):
        try:
            shown = _at(run, at, path, asked)
        except (OSError, gpt.GPTError) as error:
            trouble.append(error)
            continue
        if cache.is_finite(shown.model, shown.key):
            return shown
        st.warning(
            say("The weights of this run are not numbers any more: an untrained model is shown.")
        )
        return untrained(preset, text)
    st.warning(say("The model of this run cannot be shown: {reason}", reason=explain(trouble[0])))
    return untrained(preset, text)


def _at(run: Run, step: int, path: Path, asked: int) -> Shown:
    """A run at one of its snapshots, perhaps in place of the one of step `asked`; raises OSError or
    gpt.GPTError if it cannot be read."""
    changed = cache.changed(path)
    model = cache.snapshot(str(run.folder), str(path), changed)
    tokenizer = cache.run_tokenizer(str(run.folder))
    label = _label(run, step)
    if step < asked:
        label = say("{model}, since step {step:,} cannot be read", model=label, step=asked)
    return Shown(model, tokenizer, step, label, f"{path}@{changed}")


def _label(run: Run, step: int) -> str:
    """Whose run the model is of, and how far it was."""
    if workspace.is_mine(run):
        return count(step, "your run, after {n:,} step", "your run, after {n:,} steps")
    return count(step, "another's run, after {n:,} step", "another's run, after {n:,} steps")


def untrained(preset: gpt.Preset, text: cache.Text) -> Shown:
    """The model as training would begin with."""
    seed = preset.train.seed
    key = f"{text.corpus.sha256} {text.tokens} {seed} {preset.model}"
    model = cache.untrained(preset.model, text.vocab_size, seed, key)
    label = say("untrained, weights drawn from seed {seed}", seed=seed)
    return Shown(model, text.tokenizer, 0, label, key)


def readable(shown: Shown, text: str) -> tuple[list[int], str]:
    """The ids the model can read of `text`, and a sentence about what was left out."""
    strange = shown.tokenizer.unknown(text)
    ids = shown.tokenizer.encode(text, unknown="drop")
    limit = shown.model.config.block_size
    said = []
    if strange:
        names = literal(", ".join(f"{u.character!r} ({u.name})" for u in strange[:3]))
        if len(strange) > 3:
            names = say("{names} and {n} more", names=names, n=len(strange) - 3)
        said.append(say("Left out, the training text never had them: {names}.", names=names))
    if len(ids) > limit:
        said.append(
            count(
                limit,
                "The context is 1 token: of {of}, the last one is read.",
                "The context is {n} tokens: of {of}, the last {n} are read.",
                of=len(ids),
            )
        )
    return ids[-limit:], " ".join(said)


@piece
def choose_step(lesson: Lesson) -> int | None:
    """A slider over the snapshots of this page's run; None follows the newest. Says that it is the
    run that is shown, and not what the settings describe."""
    run = current_run(lesson)
    steps = [step for step, _ in run.snapshots()] if run else []
    if run is not None and steps:
        st.caption(
            say("Shown is your run. What you set from now on is for the next one.")
            if workspace.is_mine(run)
            else say("Shown is another's run. What you set is for a run of your own.")
        )
    if len(steps) < 2:
        return None
    options: list[int | str] = [*steps, message("newest")]
    chosen = st.select_slider(
        say("Step of the run"),
        options,
        "newest",
        key=f"{lesson.key}_at_step",
        format_func=lambda s: say(s) if isinstance(s, str) else f"{s:,}",
        help=say(
            "Look back: the same picture with the weights of an earlier step. “newest” follows the"
            " training."
        ),
    )
    return chosen if isinstance(chosen, int) else None


def current_run(lesson: Lesson) -> Run | None:
    """The run that this page shows, or None."""
    run_id = state.run_of(lesson)
    if run_id is None:
        return None
    try:
        run = engine.store().get(run_id)
        if run.spec().get("page", "") in ("", lesson.key):
            return run
        state.set_run(lesson, None)  # an address that carries another page's run
        return None
    except RunError as error:
        state.set_run(lesson, None)
        st.warning(explain(error))
        return None
