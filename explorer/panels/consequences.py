"""Page 4's switches: each trained, and what came of it said in measured numbers."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

import gpt
from explorer import cache, consequences
from explorer.components.glyphs import visible
from explorer.consequences import AS_SET, NO_MASK, NO_POSITIONS, NO_SCALE, SLIP, Habits
from explorer.lessons import Lesson
from explorer.panels import training
from explorer.panels.compare import compare_panel
from explorer.panels.model import untrained
from explorer.panels.variants import train_variants, variant_runs

WINDOWS, SAMPLE, SEED = 64, 60, 1


@dataclass(frozen=True)
class Outcome:
    """A finished run of a variant."""

    loss: float  # validation, nats a token
    start: Habits  # before training
    end: Habits
    sample: str


def consequences_panel(lesson: Lesson, preset: gpt.Preset, text: cache.Text) -> None:
    """A button that trains the variants, their curves, a table, and a sentence for each."""
    wanted = consequences.switched(preset)
    st.markdown(
        "Each switch by itself, trained like the model above, on the same text from the same seed."
    )
    train_variants(lesson, wanted, text)
    compare_panel(lesson, text)
    found = _outcomes(lesson, wanted, text)
    if not found:
        return
    st.dataframe(
        [
            {
                "variant": name,
                "loss": one.loss,
                "spread of scores": one.start.spread,
                "largest weight": one.start.largest,
                "at the end": one.end.largest,
                "shuffled": one.end.shuffled,
                "writes": visible(one.sample),
            }
            for name, one in found.items()
        ],
        hide_index=True,
        key=f"{lesson.key}_consequences",
        column_config=_columns(next(iter(found.values())).start, text.unit),
    )
    for name in found:
        if said := sentence(name, found, text.unit):
            st.markdown(f"- {said}")
    st.caption(
        f"Measured on {WINDOWS} windows of the validation text; samples of {SAMPLE} {text.unit}s,"
        f" all from seed {SEED}."
        + " With one head as wide as the model, √C and √D are the same number; on page 5 the slip"
        " of dividing by √C can be trained." * (SLIP not in wanted)
    )


def _columns(habits: Habits, unit: str) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "variant": st.column_config.TextColumn(width=130),
        "loss": number(
            format="%.3f", help="Validation loss at the end of the run, nats per token."
        ),
        "spread of scores": number(
            format="%.2f", help="Standard deviation of the scores before softmax, untrained."
        ),
        "largest weight": number(
            format="%.2f",
            help=f"Mean of each position’s largest weight, untrained. Even: {habits.even:.2f}.",
        ),
        "at the end": number(format="%.2f", help="The largest weight after training."),
        "shuffled": number(
            format="%.3f",
            help=f"How much of the next {unit}’s probability moves when all {unit}s before the last"
            " one are shuffled; 0 is nothing.",
        ),
        "writes": st.column_config.TextColumn(width=260, help="A sample from one seed."),
    }


def _outcomes(
    lesson: Lesson, wanted: dict[str, gpt.Preset], text: cache.Text
) -> dict[str, Outcome]:
    """What came of the variants whose runs are finished."""
    found = {}
    for name, run in variant_runs(lesson, wanted, text).items():
        end, folder = training.ended(run), run.checkpoint_path
        if end is None or folder is None:
            continue
        model, tokenizer, _ = cache.checkpoint(str(folder), cache.changed_in(str(folder)))
        found[name] = _measured(run.id, end["val_loss"], model, tokenizer, wanted[name], text)
    return found


def _measured(
    run_id: str, loss: float, model: Any, tokenizer: Any, preset: gpt.Preset, text: cache.Text
) -> Outcome:
    import torch

    def compute() -> Outcome:
        ids = torch.from_numpy(text.val_ids).long()
        idx, _ = gpt.Batches(ids, model.config.block_size, WINDOWS, seed=SEED).draw()
        sample = gpt.generate(model, tokenizer, "\n", SAMPLE, seed=SEED, unknown="drop")
        start = consequences.measure(untrained(preset, text).model, idx)
        return Outcome(loss, start, consequences.measure(model, idx), sample.strip("\n"))

    found: Outcome = cache.measured("consequences", run_id, (), compute)
    return found


def sentence(name: str, found: dict[str, Outcome], unit: str = "character") -> str:
    """What the switch did, beside the model as it is set; "" where there is nothing to compare.

    unit: what a token is called.
    """
    if AS_SET not in found or name == AS_SET:
        return ""
    one, base = found[name], found[AS_SET]
    change = one.loss - base.loss
    ends = (
        f"The loss ends at {one.loss:.3f}, {abs(change):.3f} {'above' if change > 0 else 'below'}"
    )
    if name == NO_MASK:
        why = (
            "every position but the last sees its own answer, and copies it. Writing, there is no"
            " answer to copy: look at what it writes."
            if change < -0.3
            else "the model has not found out yet that its answers are in sight."
        )
        return f"**{name}**. {ends} the masked model: {why}"
    if name in (NO_SCALE, SLIP):
        return (
            f"**{name}**. Before training the scores spread {one.start.spread:.2f} instead of"
            f" {base.start.spread:.2f}, so that the largest weight of a position is"
            f" {one.start.largest:.2f} on average instead of {base.start.largest:.2f} (even:"
            f" {base.start.even:.2f}). {ends} the scaled model."
        )
    if name == NO_POSITIONS:
        same = "nothing at all" if one.end.shuffled < 1e-5 else f"{one.end.shuffled:.1%}"
        return (
            f"**{name}**. Shuffling all {unit}s before the last moves {same} of the next"
            f" {unit}’s probability; with positions it moves {base.end.shuffled:.1%}. {ends} the"
            " model that knows places."
        )
    return f"**{name}**. {ends} the model as it is set."
