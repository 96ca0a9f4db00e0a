"""What a training run's curve says, in words. Pure functions of the run's events.

Overfitting: the validation loss rises while the training loss falls. Divergence: the loss is far
above that of a model which knows nothing, or not a number. Plateau: several estimates without
progress. Each is named with the step at which it began.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.language import say

MARGIN = 0.02  # nats; smaller differences between two estimates are noise
PATIENCE = 4  # estimates without progress before it is called a plateau


def notices(
    evaluations: Sequence[Mapping[str, Any]], knows_nothing: float, learning_rate: float
) -> list[str]:
    """Sentences about a run, most urgent first; none when all is well.

    evaluations: events with step, train_loss, val_loss (None when not a number). knows_nothing:
    ln V in nats. learning_rate: the run's, named as the probable cause of a divergence.
    """
    found = [_diverged(evaluations, knows_nothing, learning_rate), _overfits(evaluations)]
    if not any(found):
        found.append(_plateau(evaluations))
    return [text for text in found if text]


def _diverged(
    evaluations: Sequence[Mapping[str, Any]], knows_nothing: float, learning_rate: float
) -> str | None:
    for event in evaluations[1:]:
        loss = event.get("train_loss")
        if loss is None or loss > 1.5 * knows_nothing:
            return say(
                "The loss exploded by step {step}: it is above that of a model which knows nothing."
                " The probable cause is the learning rate, {rate:g}: each step overshoots. Try a"
                " tenth of it, a warm-up, or gradient clipping.",
                step=event["step"],
                rate=learning_rate,
            )
    return None


def _overfits(evaluations: Sequence[Mapping[str, Any]]) -> str | None:
    known = [e for e in evaluations if e.get("val_loss") is not None]
    if len(known) < 3:
        return None
    best = min(known, key=lambda e: e["val_loss"])
    last = known[-1]
    if last["val_loss"] > best["val_loss"] + MARGIN and last["train_loss"] < best["train_loss"]:
        return say(
            "Overfitting since step {step}: the validation loss rose from {low:.3f} to {now:.3f}"
            " while the training loss still fell. The model learns the training text by heart.",
            step=best["step"],
            low=best["val_loss"],
            now=last["val_loss"],
        )
    return None


def _plateau(evaluations: Sequence[Mapping[str, Any]]) -> str | None:
    known = [e for e in evaluations if e.get("val_loss") is not None]
    if len(known) <= PATIENCE + 1:
        return None
    before = min(e["val_loss"] for e in known[:-PATIENCE])
    recent = min(e["val_loss"] for e in known[-PATIENCE:])
    if recent > before - MARGIN / 2:
        step = known[-PATIENCE - 1]["step"]
        return say(
            "No longer improving: since step {step} the validation loss stays near {loss:.3f}.",
            step=step,
            loss=before,
        )
    return None
