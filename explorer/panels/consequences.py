"""Page 4's switches: each trained, and what came of it said in measured numbers."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

import gpt
from explorer import cache, consequences
from explorer.components.glyphs import visible
from explorer.consequences import AS_SET, NO_MASK, NO_POSITIONS, NO_SCALE, SLIP, Habits
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels import outcome
from explorer.panels.compare import compare_panel
from explorer.panels.model import untrained
from explorer.panels.piece import piece
from explorer.panels.variants import train_variants, variant_runs

WINDOWS, SAMPLE, SEED = 64, 60, 1


@dataclass(frozen=True)
class Outcome:
    """A finished run of a variant."""

    loss: float  # validation, nats a token
    start: Habits  # before training
    end: Habits
    sample: str


@piece
def consequences_panel(lesson: Lesson, preset: gpt.Preset, text: cache.Text) -> None:
    """A button that trains the variants, their curves, a table, and a sentence for each."""
    wanted = consequences.switched(preset)
    st.markdown(
        say(
            "Each switch by itself, trained like the model above, on the same text from the same"
            " seed."
        )
    )
    train_variants(lesson, wanted, text)
    compare_panel(lesson, text)
    found = _outcomes(lesson, wanted, text)
    if not found:
        return
    st.dataframe(
        [
            {
                "variant": say(name),
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
        column_config=_columns(next(iter(found.values())).start, text),
    )
    for name in found:
        if said := sentence(name, found, text.unit, text.units):
            st.markdown(f"- {said}")
    _say_measured(text, SLIP in wanted)


def _say_measured(text: cache.Text, slip: bool) -> None:
    """On what it was measured; slip: whether dividing by √C is among the switches."""
    notes = [
        say(
            "Measured on {windows} windows of the validation text; samples of {n} {units}, all from"
            " seed {seed}.",
            windows=WINDOWS,
            n=SAMPLE,
            units=say(text.units),
            seed=SEED,
        )
    ]
    if not slip:
        notes.append(
            say(
                "With one head as wide as the model, √C and √D are the same number; on page 5 the"
                " slip of dividing by √C can be trained."
            )
        )
    st.caption(" ".join(notes))


def _columns(habits: Habits, text: cache.Text) -> dict[str, Any]:
    number, words = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        "variant": words(say("variant"), width=130),
        "loss": number(
            say("loss"),
            format="%.3f",
            help=say("Validation loss at the end of the run, nats per token."),
        ),
        "spread of scores": number(
            say("spread of scores"),
            format="%.2f",
            help=say("Standard deviation of the scores before softmax, untrained."),
        ),
        "largest weight": number(
            say("largest weight"),
            format="%.2f",
            help=say(
                "Mean of each position’s largest weight, untrained. Even: {even:.2f}.",
                even=habits.even,
            ),
        ),
        "at the end": number(
            say("at the end"), format="%.2f", help=say("The largest weight after training.")
        ),
        "shuffled": number(
            say("shuffled"),
            format="%.3f",
            help=say(
                "How much of the next {unit}’s probability moves when all {units} before the last"
                " one are shuffled; 0 is nothing.",
                unit=say(text.unit),
                units=say(text.units),
            ),
        ),
        "writes": words(say("writes"), width=260, help=say("A sample from one seed.")),
    }


def _outcomes(
    lesson: Lesson, wanted: dict[str, gpt.Preset], text: cache.Text
) -> dict[str, Outcome]:
    """What came of the variants whose runs are finished."""
    found = {}
    for name, run in variant_runs(lesson, wanted, text).items():
        end, folder = outcome.ended(run), run.checkpoint_path
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


def sentence(
    name: str, found: dict[str, Outcome], unit: str = "character", units: str = "characters"
) -> str:
    """What the switch did, beside the model as it is set; "" where there is nothing to compare.

    unit, units: what a token is called, and several.
    """
    if AS_SET not in found or name == AS_SET:
        return ""
    one, base = found[name], found[AS_SET]
    if name == NO_MASK:
        said = [_without_mask(one, base)]
    elif name in (NO_SCALE, SLIP):
        said = [_spread(one, base), _ends(one, base, SCALED)]
    elif name == NO_POSITIONS:
        said = [_shuffled(one, base, say(unit), say(units)), _ends(one, base, PLACED)]
    else:
        said = [_ends(one, base, SET)]
    return " ".join([f"**{say(name)}**.", *said])


# How the loss compares with that of the model without the switch: (above it, below it).
SCALED = (
    message("The loss ends at {loss:.3f}, {change:.3f} above the scaled model."),
    message("The loss ends at {loss:.3f}, {change:.3f} below the scaled model."),
)
PLACED = (
    message("The loss ends at {loss:.3f}, {change:.3f} above the model that knows places."),
    message("The loss ends at {loss:.3f}, {change:.3f} below the model that knows places."),
)
SET = (
    message("The loss ends at {loss:.3f}, {change:.3f} above the model as it is set."),
    message("The loss ends at {loss:.3f}, {change:.3f} below the model as it is set."),
)
NOT_YET = (
    message(
        "The loss ends at {loss:.3f}, {change:.3f} above the masked model: the model has not found"
        " out yet that its answers are in sight."
    ),
    message(
        "The loss ends at {loss:.3f}, {change:.3f} below the masked model: the model has not found"
        " out yet that its answers are in sight."
    ),
)
COPIES = message(
    "The loss ends at {loss:.3f}, {change:.3f} below the masked model: every position but the last"
    " sees its own answer, and copies it. Writing, there is no answer to copy: look at what it"
    " writes."
)


def _ends(one: Outcome, base: Outcome, sentences: tuple[str, str]) -> str:
    change = one.loss - base.loss
    above, below = sentences
    return say(above if change > 0 else below, loss=one.loss, change=abs(change))


def _without_mask(one: Outcome, base: Outcome) -> str:
    copies = one.loss - base.loss < -0.3
    return _ends(one, base, (COPIES, COPIES) if copies else NOT_YET)


def _spread(one: Outcome, base: Outcome) -> str:
    return say(
        "Before training the scores spread {spread:.2f} instead of {scaled_spread:.2f}, so that the"
        " largest weight of a position is {largest:.2f} on average instead of {scaled_largest:.2f}"
        " (even: {even:.2f}).",
        spread=one.start.spread,
        scaled_spread=base.start.spread,
        largest=one.start.largest,
        scaled_largest=base.start.largest,
        even=base.start.even,
    )


def _shuffled(one: Outcome, base: Outcome, unit: str, units: str) -> str:
    with_positions = base.end.shuffled
    if one.end.shuffled < 1e-5:
        return say(
            "Shuffling all {units} before the last moves nothing at all of the next {unit}’s"
            " probability; with positions it moves {with_positions:.1%}.",
            units=units,
            unit=unit,
            with_positions=with_positions,
        )
    return say(
        "Shuffling all {units} before the last moves {share:.1%} of the next {unit}’s probability;"
        " with positions it moves {with_positions:.1%}.",
        units=units,
        share=one.end.shuffled,
        unit=unit,
        with_positions=with_positions,
    )
