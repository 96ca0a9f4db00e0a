"""What a head looks at, in words: always beside what an even head would give."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

import gpt
from explorer.language import message, say

SHARES = {
    "previous": message("the previous token"),
    "first": message("the first token"),
    "current": message("the reading token itself"),
    "duplicate": message("earlier copies of the reading token"),
    "induction": message("what followed an earlier copy of the reading token"),
}
SHORT = {
    "previous": message("previous token"),
    "first": message("first token"),
    "current": message("itself"),
    "duplicate": message("same token, earlier"),
    "induction": message("after the same token"),
}
BRIEF = {  # where there is room for a word or two
    "previous": message("previous"),
    "first": message("first"),
    "current": message("itself"),
    "duplicate": message("same"),
    "induction": message("after same"),
}
CLEAR = 0.2  # so much more of the weight than an even head gives is called a habit


class Habit(NamedTuple):
    """The kind of place a head favours most, above what an even head gives to it."""

    score: str  # a key of SHARES
    value: float  # share of the weight, 0 to 1
    uniform: float  # the same of an even head

    @property
    def excess(self) -> float:
        return self.value - self.uniform

    @property
    def clear(self) -> bool:
        return self.excess >= CLEAR


def habit(scores: Mapping[str, "gpt.HeadScore"], layer: int, head: int) -> Habit:
    """The habit of one head (counted from 0); kinds of places the text does not have are left out.

    scores: of `gpt.head_scores` for a text of at least two tokens.
    """
    found = (
        Habit(name, scores[name].values[layer, head].item(), scores[name].uniform)
        for name in SHARES
    )
    return max((h for h in found if not math.isnan(h.value)), key=lambda h: h.excess)


def excesses(scores: Mapping[str, "gpt.HeadScore"]) -> np.ndarray:
    """How far each head's habit lies above an even head, (L, H)."""
    layers, heads = scores["previous"].values.shape
    return np.array([[habit(scores, i, h).excess for h in range(heads)] for i in range(layers)])


def name(layer: int, head: int) -> str:
    """Layer and head, counted from 1 as everywhere on the screen: (1, 0) → "2.1"."""
    return f"{layer + 1}.{head + 1}"


def label(scores: Mapping[str, "gpt.HeadScore"], layer: int, head: int) -> str:
    """Such as "previous token 0.91 (even 0.02)"; without a habit how evenly it is spread."""
    best = habit(scores, layer, head)
    if not best.clear:
        entropy = scores["entropy"].values[layer, head].item()
        return say("no clear habit (entropy {entropy:.2f})", entropy=entropy)
    return say(
        "{habit} {value:.2f} (even {even:.2f})",
        habit=say(SHORT[best.score]),
        value=best.value,
        even=best.uniform,
    )


def brief(scores: Mapping[str, "gpt.HeadScore"], layer: int, head: int) -> str:
    """The habit in a word or two, such as "previous"; nothing without a clear one."""
    best = habit(scores, layer, head)
    return say(BRIEF[best.score]) if best.clear else ""


def sentence(scores: Mapping[str, "gpt.HeadScore"], layer: int, head: int) -> str:
    """The same as one sentence, for those who cannot see the picture."""
    best = habit(scores, layer, head)
    about = {
        "head": name(layer, head),
        "share": best.value,
        "places": say(SHARES[best.score]),
        "even": best.uniform,
    }
    if best.clear:
        return say(
            "Head {head} gives {share:.0%} of its weight to {places}; evenly spread it would be"
            " {even:.0%}.",
            **about,
        )
    return say(
        "Head {head} has no clear habit: its entropy is {entropy:.2f} (1 is an even spread, 0 is"
        " all on one token), and it gives at most {share:.0%} of its weight to {places}; evenly"
        " spread it would be {even:.0%}.",
        entropy=scores["entropy"].values[layer, head].item(),
        **about,
    )
