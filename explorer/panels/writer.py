"""Who writes: a shipped model, one from a Hugging Face folder, a run, or an untrained one."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import streamlit as st

import gpt
from explorer import cache, engine, history, state, workspace
from explorer.language import explain, say
from explorer.lessons import Lesson
from explorer.literal import literal
from explorer.moments import written
from explorer.panels import model
from explorer.panels.model import Shown
from explorer.runs.run import Run, RunError

UNTRAINED = "untrained"
MOST = 40  # runs in the list


def choose(
    lesson: Lesson,
    preset: gpt.Preset,
    text: cache.Text,
    label: str | None = None,
    address: str | None = None,
    first: str | None = None,
) -> Callable[[], Shown]:
    """A chooser; returns a function that gives the chosen model, always its newest weights.

    preset: the untrained model. The address keeps the choice: `run` for a run, `model` for others;
    or both under the name `address`, for a second chooser on a page. first: the name of the model
    that is chosen at first, None: the first of the list.
    """
    with_model = [e for e in workspace.entries() if e.run.checkpoint_path]
    runs = {e.run.id: e for e in history.starred_first(with_model)[:MOST]}
    shipped, found = cache.pretrained(), cache.huggingface_folders()
    names = _names(shipped, found, runs) | {
        UNTRAINED: say("an untrained {model}", model=say(preset.title))
    }
    first = first if first in names else next(iter(names))
    key = f"{lesson.key}_model"
    if st.session_state.get(key) not in names:  # opened, come back to, or the run is deleted
        st.session_state[key] = _asked(lesson, names, first, address)
    chosen = st.selectbox(
        label or say("Which model writes"),
        list(names),
        format_func=names.__getitem__,
        key=key,
        help=say(
            "Shipped models first, then those from Hugging Face folders, then your newest runs,"
            " those with a star before the others."
        ),
    )
    if len(runs) < len(with_model):
        workspace.say_how_many(len(runs))
    if len(names) == 1:
        st.info(say("No trained model is here yet, so this one is untrained: expect noise."))
    if state.get(lesson, "writer") != chosen:  # another model begins a text of its own
        state.put(lesson, "writing", None)
        state.put(lesson, "writer", chosen)
    if address:
        state.set_address(address, None if chosen == first else chosen)
    else:
        state.set_run(lesson, chosen if chosen in runs else None)
        state.set_address("model", None if chosen in (*runs, first) else chosen)
    if chosen == UNTRAINED:
        return partial(model.untrained, preset, text)
    if chosen in shipped:
        name, folder = say("{name} (shipped)", name=chosen), shipped[chosen]
    elif chosen in found:
        folder = found[chosen]
        name = say("{name} (from a Hugging Face folder)", name=literal(folder.name))
    else:
        name, folder = literal(runs[chosen].name), runs[chosen].run.folder / "checkpoint"
    try:
        load(folder, name)
    except (OSError, gpt.GPTError) as error:
        st.warning(
            say(
                "This model cannot be used ({error}), so an untrained one takes its place.",
                error=explain(error),
            )
        )
    return partial(_saved, folder, name, preset, text)


def _names(
    shipped: Mapping[str, Path], found: Mapping[str, Path], runs: Mapping[str, history.Entry]
) -> dict[str, str]:
    """What a person calls each model that is here."""
    names = {name: say("{name}, shipped with this program", name=name) for name in shipped}
    for key, folder in found.items():
        names[key] = say("{name}, from a Hugging Face folder", name=folder.name)
    return names | {run_id: _name(entry) for run_id, entry in runs.items()}


def _asked(lesson: Lesson, names: dict[str, str], first: str, address: str | None) -> str:
    """The model that the address names, else the one of the last visit, else `first`."""
    if address:
        second = (st.query_params.get(address), state.get(lesson, "writer"))
        return next((wish for wish in second if wish in names), first)
    linked = state.run_of(lesson)
    if linked is not None and linked not in names:
        st.warning(say("The run of this link is not on this server, or has saved no model yet."))
    wishes = (linked, st.query_params.get("model"), state.get(lesson, "writer"))
    return next((wish for wish in wishes if wish in names), first)


def chosen_run(lesson: Lesson) -> Run | None:
    """The run that writes, or None when another model does. Call it after `choose`."""
    chosen = state.get(lesson, "writer")
    if chosen in (UNTRAINED, *cache.pretrained(), *cache.huggingface_folders()):
        return None
    try:
        return engine.store().get(chosen)
    except RunError:  # deleted meanwhile
        return None


def chosen_folder(lesson: Lesson) -> Path | None:
    """The folder of the chosen run or shipped model, with its snapshots; None for one without.

    Call it after `choose`.
    """
    run = chosen_run(lesson)
    return run.folder if run else cache.pretrained().get(state.get(lesson, "writer"))


def _name(entry: history.Entry) -> str:
    step, loss = entry.kept
    about = {"title": entry.title, "step": step, "begun": written(entry.created)}
    if not loss:
        return say("{title}, step {step:,} ({begun})", **about)
    return say(
        "{title}, step {step:,}, validation loss {loss:.3f} ({begun})",
        loss=loss,
        **about,
    )


def _saved(folder: Path, name: str, preset: gpt.Preset, text: cache.Text) -> Shown:
    """The model of a checkpoint folder, or an untrained one if it cannot be used."""
    try:
        return load(folder, name)
    except (OSError, gpt.GPTError):
        return model.untrained(preset, text)


def load(folder: Path, name: str) -> Shown:
    """The model of a checkpoint folder; raises OSError or GPTError when it cannot be used."""
    theirs = gpt.is_huggingface(folder)
    # Of theirs every file counts, and none may be missing yet: the reader says which.
    changed = cache.changed_last(folder) if theirs else cache.changed_in(str(folder))
    load = cache.huggingface if theirs else cache.checkpoint
    network, tokenizer, card = load(str(folder), changed)
    key = f"{folder}@{changed}"
    if not cache.is_finite(network, key):
        raise gpt.CheckpointError("its training diverged: some weights are no longer numbers")
    step = int(card.get("step") or 0)
    said = name if theirs else say("{model}, {n:,} steps", model=name, n=step)
    return Shown(network, tokenizer, step, said, key)
