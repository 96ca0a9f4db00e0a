"""What a learner is told whose runs will be cleaned, because the disk is getting full."""

import streamlit as st

from explorer import engine, workspace
from explorer.language import count
from explorer.moments import written
from explorer.runs import disk
from explorer.runs.disk import Step


def cleaning_notice() -> None:
    """Say which runs of this workspace lose something and when, each kind of loss with its own
    date; nothing where nothing is announced. All runs count: the oldest, which go first, may be in
    no list."""
    announced = disk.announced(engine.store().root)
    if not announced:
        return
    steps = [(run, announced[run.id]) for run in workspace.runs() if run.id in announced]
    coming = [step for run, step in steps if disk.still_to_come(run, step)]
    if whole := [step for step in coming if step.what == disk.WHOLE]:
        said = count(
            len(whole),
            "The disk is getting full: {n} old run of yours will be deleted from {when} on."
            " Give it a star on page 10 and it stays.",
            "The disk is getting full: {n} old runs of yours will be deleted from {when} on."
            " Those with a star (page 10) stay.",
            when=_first(whole),
        )
        st.warning(said, icon=":material/auto_delete:")
    if snapshots := [step for step in coming if step.what == disk.SNAPSHOTS]:
        said = count(
            len(snapshots),
            "The disk is getting full: the snapshots of {n} old run of yours will be deleted from"
            " {when} on; its curve and its model stay. A star on page 10 keeps all of it.",
            "The disk is getting full: the snapshots of {n} old runs of yours will be deleted from"
            " {when} on; curves and models stay. A star on page 10 keeps all of a run.",
            when=_first(snapshots),
        )
        st.warning(said, icon=":material/auto_delete:")


def _first(steps: list[Step]) -> str:
    return written(min(step.at for step in steps))
