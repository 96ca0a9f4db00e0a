"""One sentence for a learner whose runs will be cleaned, because the disk is getting full."""

import streamlit as st

from explorer import engine, workspace
from explorer.history import Entry
from explorer.language import count
from explorer.moments import written
from explorer.runs import disk


def cleaning_notice(entries: list[Entry]) -> None:
    """Say which of these runs lose something and when; nothing where nothing is announced."""
    announced = disk.announced(engine.store().root)
    if not announced:
        return
    own = workspace.mine().id
    coming = [
        announced[entry.run.id]
        for entry in entries
        if entry.run.id in announced
        and not entry.labels.star
        and own in ("", workspace.owner_of(entry.run))
    ]
    if not coming:
        return
    whole = [step for step in coming if step.what == disk.WHOLE]
    told = whole or coming  # the worst, with its own date
    when = written(min(step.at for step in told))
    if whole:
        said = count(
            len(told),
            "The disk is getting full: {n} old run of yours will be deleted from {when} on."
            " Give it a star on page 10 and it stays.",
            "The disk is getting full: {n} old runs of yours will be deleted from {when} on."
            " Those with a star (page 10) stay.",
            when=when,
        )
    else:
        said = count(
            len(told),
            "The disk is getting full: the snapshots of {n} old run of yours will be deleted from"
            " {when} on; its curve and its model stay. A star on page 10 keeps all of it.",
            "The disk is getting full: the snapshots of {n} old runs of yours will be deleted from"
            " {when} on; curves and models stay. A star on page 10 keeps all of a run.",
            when=when,
        )
    st.warning(said, icon=":material/auto_delete:")
