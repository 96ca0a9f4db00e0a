"""The teacher's chart: the validation losses of the class, of runs that can be compared."""

import math
from collections.abc import Sequence

import streamlit as st

from explorer import differences, frames
from explorer.charts import compare
from explorer.charts.class_runs import create_class_runs_chart
from explorer.classroom import board
from explorer.history import Entry
from explorer.language import count, say
from explorer.literal import literal
from explorer.panels import picture
from explorer.panels import text as texts

Kind = tuple[str, str, bool]  # SHA-256 of the text, tokens, whether the model has a mask


def curves_panel(entries: Sequence[Entry], titles: dict[str, str]) -> None:
    """The losses of all these runs on one chart, the best in colour.

    Only of one text, in one kind of tokens, with the mask or without: others mean something else.
    titles: whose run each is, by its id.
    """
    kinds: dict[Kind, list[Entry]] = {}
    for entry in entries:
        if entry.val_loss is not None:
            kinds.setdefault(_kind(entry), []).append(entry)
    if not kinds:
        return
    named = {" ".join(map(str, kind)): found for kind, found in kinds.items()}
    chosen = next(iter(named))
    if len(named) > 1:
        chosen = st.selectbox(
            say("Curves of"),
            list(named),
            format_func=lambda name: _title(
                named[name][0]
            ),  # no number: a browser knows it by this
            key="class_curves_of",
            help=say("Losses on another text, of other tokens or without a mask do not compare."),
        )
    _draw(named[chosen], titles)


def _kind(entry: Entry) -> Kind:
    masked = bool(entry.spec["model"].get("causal", True))
    return entry.sha256, differences.tokenizer_of(entry.spec), masked


def _title(entry: Entry) -> str:
    """What the losses of a run, and of all that compare with it, are measured on; plain text."""
    text, tokens, masked = _kind(entry)
    known = say(texts.TITLES[entry.corpus]) if entry.corpus in texts.TITLES else None
    told = [known or f"{entry.corpus} ({text[:6]})", texts.tokens_title(tokens)]
    return " · ".join(told if masked else [*told, say("without a mask")])


def _best(entry: Entry) -> float:
    return math.inf if entry.best_val_loss is None else entry.best_val_loss


def _draw(entries: Sequence[Entry], titles: dict[str, str]) -> None:
    told = {entry.run.id: board.news_of(entry.run).estimates for entry in entries}
    begun = [e for e in entries if any(x["val_loss"] is not None for x in told[e.run.id])]
    best = sorted(begun, key=_best)[: compare.MOST_RUNS]
    best.sort(key=lambda entry: entry.run.id)  # while they are the same, each keeps its colour
    grey = [entry for entry in begun if entry not in best]
    coloured, others = ({titles[e.run.id]: told[e.run.id] for e in part} for part in (best, grey))
    if not begun:
        return
    losses = frames.class_runs(coloured, others)
    picture.drawn_picture(create_class_runs_chart, losses, key="class_curves", name="class")
    said = count(
        len(begun),
        "validation loss (nats per token) of {n} run, as its training measured it.",
        "validation loss (nats per token) of {n} runs, as their training measured it.",
    )
    if grey:
        said += " " + say(
            "In colour are the {n} whose loss came lowest; the points of a grey line tell whose it"
            " is.",
            n=len(best),
        )
    st.caption(f"{literal(_title(entries[0]))}: {said}")
