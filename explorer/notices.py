"""What a training run's curve says, in words. Pure functions of the run's events.

Overfitting: the validation loss rises while the training loss falls. Divergence: the loss is far
above that of a model which knows nothing, or not a number. Plateau: several estimates without
progress. Each is named with the step at which it began.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.language import message, say

MARGIN = 0.02  # nats; smaller differences between two estimates are noise
PROGRESS = MARGIN / 2  # nats; less is none
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
        step, loss = event["step"], event.get("train_loss")
        if loss is None:
            said = say("The loss is not a number by step {step}.", step=step)
        elif loss > 1.5 * knows_nothing:
            said = say(
                "The loss exploded by step {step}, to {loss:.2f}: a model which knows nothing has"
                " {nothing:.2f}.",
                step=step,
                loss=loss,
                nothing=knows_nothing,
            )
        else:
            continue
        return f"{said} " + say(
            "The probable cause is the learning rate, {rate:g}: each step overshoots. Try a tenth"
            " of it, a warm-up, or gradient clipping.",
            rate=learning_rate,
        )
    return None


def _overfits(evaluations: Sequence[Mapping[str, Any]]) -> str | None:
    losses = ("train_loss", "val_loss")
    known = [e for e in evaluations if all(e.get(name) is not None for name in losses)]
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
    best = min(known[:-PATIENCE], key=lambda e: e["val_loss"])
    recent = min(e["val_loss"] for e in known[-PATIENCE:])
    if recent > best["val_loss"] - PROGRESS:
        none = message(
            "No longer improving: none of the last {n} validation losses is below {loss:.3f}, that"
            " of step {step}."
        )
        little = message(
            "Hardly improving: none of the last {n} validation losses is {least} below {loss:.3f},"
            " that of step {step}."
        )
        return say(
            little if recent < best["val_loss"] else none,
            n=PATIENCE,
            least=PROGRESS,
            loss=best["val_loss"],
            step=best["step"],
        )
    return None
