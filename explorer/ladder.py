"""The ladder: its rungs as recipes, the runs that climbed them, and what each idea gained.

Pure functions: no drawing, no files. Losses are nats per token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gpt
from explorer import differences
from explorer.history import Entry
from explorer.language import message, say
from explorer.runs import states

ESTIMATES = 10  # of both losses in a climb of equal steps, the first one not counted
MOST_BATCHES = 100  # per estimate then: a step costs far less than the tutorial's 200
NOT_USED = "–"
# A table has none of the fields of a network: these are what a head brings along.
OF_A_HEAD = ("architecture", "n_embd", "n_head", "positions")
STATES = {  # how well a run in this state stands for its rung
    states.FINISHED: 3,
    states.TRAINING: 2,
    states.QUEUED: 2,
    states.SUSPENDED: 2,
    states.PAUSED: 1,
    states.STOPPED: 1,
    states.INTERRUPTED: 1,
    states.CREATED: 1,
    states.FAILED: 0,
}


@dataclass(frozen=True)
class Rung:
    """One step of the ladder: a recipe that adds one idea to the one before it."""

    title: str
    idea: str
    code: str  # the name of the class in gpt/ that brings the idea
    preset: gpt.Preset


# The tutorial's first feed-forward is one linear map and a bend. With its width set on the rungs
# before it too, where it has no effect, switching it on is the only difference.
_LINEAR = {"feed_forward_multiple": 0}
_HEAD, _HEADS = (gpt.PRESETS[n].with_settings(_LINEAR) for n in ("self_attention", "multi_head"))
_THINKING = replace(
    _HEADS.with_settings({"feed_forward": True}),
    title=message("Multi-head attention and feed-forward"),
)
_TUTORIAL = [
    Rung(message("Bigram"), message("the last token alone"), "Bigram", gpt.PRESETS["bigram"]),
    Rung(message("One head"), message("looking back"), "Head", _HEAD),
    Rung(message("Four heads"), message("several looks at once"), "MultiHeadAttention", _HEADS),
    Rung(message("Feed-forward"), message("thinking after looking"), "FeedForward", _THINKING),
    Rung(
        message("Blocks"),
        message("depth, residual paths, norms"),
        "Block",
        gpt.PRESETS["blocks"],
    ),
]
LAPTOP = Rung(
    message("Laptop GPT"), message("size, context and recipe"), "GPT", gpt.PRESETS["gpt_mini"]
)


def rungs(seed: int, steps: int | None = None, laptop: bool = False) -> list[Rung]:
    """The rungs from the lowest: each with its tutorial's steps, or all with the same `steps`.

    laptop: with the laptop GPT as the last one, which changes more than one idea.
    """
    found = []
    for rung in [*_TUTORIAL, LAPTOP][: None if laptop else -1]:
        changes: dict[str, Any] = {"seed": seed}
        if steps is not None:
            changes |= {
                "max_steps": steps,
                "eval_interval": max(1, -(-steps // ESTIMATES)),
                "eval_iters": min(MOST_BATCHES, rung.preset.train.eval_iters),
            }
        preset = rung.preset.with_settings(changes)
        found.append(Rung(rung.title, rung.idea, rung.code, preset))
    return found


def find(
    rung: Rung,
    entries: Sequence[Entry],
    sha256: str,
    tokens: str = differences.CHARACTERS,
) -> Entry | None:
    """The run that has climbed `rung` on the text with this SHA-256, whichever page began it.

    tokens: what the text is cut into, see `differences.tokenizer_of`.

    A finished one before one in progress before one that was left before one that failed. Of equals
    the first in `entries`.
    """
    asked = effective(rung.preset.model.to_dict(), rung.preset.train.to_dict())
    fitting = [
        entry
        for entry in entries
        if entry.sha256 == sha256
        and entry.state in STATES
        and differences.tokenizer_of(entry.spec) == tokens
        and _may_fit(entry.spec, asked)
        and _settings(entry.spec) == asked
    ]
    return max(fitting, key=lambda entry: STATES[entry.state], default=None)


def _may_fit(spec: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether what is written down agrees: told quickly, where `_settings` checks every field."""
    written = differences.settings_of(spec)
    return all(written.get(name, value) == value for name, value in asked.items())


def _settings(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    try:  # a run of an earlier version lacks the newer fields: their defaults are what it had
        model = gpt.ModelConfig.from_dict(spec["model"]).to_dict()
        return effective(model, gpt.TrainConfig.from_dict(spec["train"]).to_dict())
    except (gpt.GPTError, TypeError):
        return None


def effective(model: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that have an effect: a table uses hardly any, and the width of a feed-forward
    that is switched off means nothing."""
    if model["architecture"] == "bigram":
        model = {name: model[name] for name in ("architecture", "block_size", "init")}
    elif not model["feed_forward"]:
        without = ("feed_forward_multiple", "activation")
        model = {name: value for name, value in model.items() if name not in without}
    return {**model, **train}


@dataclass(frozen=True)
class Step:
    """What one rung did to the loss of the rung before it; None while either is not known."""

    title: str
    before: float | None
    after: float | None

    @property
    def gain(self) -> float | None:
        """How much lower the loss is; below 0 when it rose."""
        known = self.before is not None and self.after is not None
        return self.before - self.after if known else None  # type: ignore[operator]


def steps(titles: Sequence[str], losses: Sequence[float | None], nothing: float) -> list[Step]:
    """The step to each rung, the first from a model that knows `nothing` (ln V).

    >>> [round(s.gain, 2) for s in steps(["a", "b"], [2.5, 2.4], 4.17)]
    [1.67, 0.1]
    """
    before = [nothing, *losses[:-1]]
    return [Step(*step) for step in zip(titles, before, losses, strict=True)]


def signed(step: Step) -> str:
    """What the step does to the loss, with its sign: "−0.123"; "" when it is not known."""
    return "" if step.gain is None else f"{-step.gain:+.3f}".replace("-", "−")


def greatest(found: Sequence[Step]) -> Step | None:
    """The step after the first that gains most; None until all of them are known.

    The laptop GPT changes more than one idea and does not count.
    """
    later = [step for step in found[1:] if step.title != LAPTOP.title]
    if not later or any(step.gain is None for step in later):
        return None
    return max(later, key=lambda step: step.gain or 0.0)


def in_words(found: Sequence[Step]) -> str:
    """The picture of the steps as a sentence, for those who cannot see it."""
    known = [step for step in found if step.gain is not None]
    if not known:
        return ""
    words = say(
        "What each step does to the loss: {steps}. From {start:.3f} to {end:.3f} nats.",
        steps=", ".join(f"{say(step.title)} {signed(step)}" for step in known),
        start=known[0].before,
        end=known[-1].after,
    )
    best = greatest(found)
    if best is None:
        return words
    title, laptop = say(best.title), say(LAPTOP.title)
    if all(step.title != LAPTOP.title for step in found):
        most = say("After the first step, {rung} gains most.", rung=title)
    else:
        most = say(
            "After the first step, {rung} gains most (not counting the {laptop}: more than one"
            " idea).",
            rung=title,
            laptop=laptop,
        )
    return f"{words} {most}"


def changes(before: gpt.Preset, after: gpt.Preset) -> list[tuple[str, str, str]]:
    """What one idea changes in the model's settings: (field, value before, value after)."""
    old, new = before.model.to_dict(), after.model.to_dict()
    if old["architecture"] == "bigram":
        rest = dict.fromkeys(OF_A_HEAD[1:], NOT_USED)
        old = {"architecture": old["architecture"], **rest}
        new = {name: new[name] for name in OF_A_HEAD}
    return [
        (name, differences.show(old[name]), differences.show(new[name]))
        for name in new
        if old[name] != new[name]
    ]
