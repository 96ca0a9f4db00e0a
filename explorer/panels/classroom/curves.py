"""The teacher's chart: the validation losses of the class, of runs that can be compared."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer import cache, differences, frames
from explorer.charts import compare
from explorer.history import Entry
from explorer.language import say
from explorer.literal import literal
from explorer.panels import picture
from explorer.panels import text as texts
from explorer.panels.compare import thin

Kind = tuple[str, str, bool]  # SHA-256 of the text, tokens, whether the model has a mask


def curves_panel(entries: Sequence[Entry], titles: dict[str, str]) -> None:
    """The losses of the runs that train, and of the newest others, on one chart.

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


def _draw(entries: Sequence[Entry], titles: dict[str, str]) -> None:
    begun: dict[str, list[Any]] = {}
    for number, entry in enumerate(entries[: compare.MOST_RUNS], 1):
        reader = cache.reader(str(entry.run.folder))
        reader.update()
        begun[f"{number}: {titles[entry.run.id]}"] = thin(reader.evaluations)
    losses = frames.compared_runs(list(begun), list(begun.values()), None)
    if not len(losses):
        return
    chart = compare.create_compare_chart(losses, frames.references({}))
    picture.picture(chart, "class_curves", "class")
    st.caption(
        literal(_title(entries[0]))
        + ": "
        + say(
            "validation loss (nats per token) of {n} of {all} runs, as their training measured it:"
            " those that train first, then the newest.",
            n=len(begun),
            all=len(entries),
        )
    )
