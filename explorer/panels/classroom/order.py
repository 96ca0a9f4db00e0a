"""What a teacher does with the whole class: freeze it, judge its runs, take everything home."""

import functools
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from explorer import cache, engine, workspace
from explorer.classroom import board, fairness, members, rules
from explorer.history import Entry
from explorer.language import count, message, say
from explorer.panels.classroom.archive import archive_of
from explorer.panels.classroom.board import titles_of

_packing = threading.Lock()  # one archive at a time: it may hold 500 MB
FROZEN = message("Your teacher has paused the class: it goes on by itself afterwards.")


def freeze_panel() -> None:
    """One switch: everything pauses, nothing starts; and back."""
    root = engine.store().root
    frozen = rules.read(root).frozen
    st.button(
        say("Let the class go on") if frozen else say("Freeze the class"),
        key="class_freeze",
        icon=":material/play_arrow:" if frozen else ":material/ac_unit:",
        type="primary" if frozen else "secondary",
        on_click=thaw if frozen else freeze,
        help=say(
            "Pauses every run and lets nobody start one, so that all look at the front. What was"
            " paused goes on by itself afterwards."
        ),
    )


def say_frozen() -> None:
    """Tell the teacher, while it is so."""
    if rules.read(engine.store().root).frozen:
        st.info(
            say(
                "The class is frozen: learners can look at everything, and start nothing. What you"
                " start yourself trains."
            ),
            icon=":material/ac_unit:",
        )


def freeze() -> None:
    """Pause what trains or waits, and remember it."""
    if not workspace.is_teacher():  # a button of a moment ago, before the board was left
        return
    with workspace.telling():
        root = engine.store().root
        rules.change(root, lambda now: replace(now, frozen=True))  # first: nothing slips in
        busy = engine.busy()
        rules.change(root, lambda now: replace(now, held=_with(now.held, busy)))
        for run_id in busy:
            workspace.command(run_id, "pause", FROZEN)


def _with(held: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """The second click of a double click finds nothing busy, and forgets no run of the first."""
    return tuple(dict.fromkeys([*held, *more]))


def thaw() -> None:
    """Let go on what the freeze paused, in the order in which it was."""
    if not workspace.is_teacher():
        return
    with workspace.telling():
        root = engine.store().root
        held = rules.read(root).held
        rules.change(root, lambda now: replace(now, frozen=False, held=()))
        for run_id in held:
            workspace.command(run_id, "continue")


@functools.cache
def judging() -> fairness.Judging:
    """The one judge of this server."""
    return fairness.Judging()


def judge_panel(text: cache.Text) -> dict[str, fairness.Verdict]:
    """A button that judges all runs alike, and the ranking -> what is known: run id → verdict."""
    entries = _to_judge()
    judge = judging()
    left, right = st.columns([2, 3], vertical_alignment="center")
    left.button(
        say("Judge all runs"),
        key="class_judge",
        icon=":material/gavel:",
        disabled=judge.running,
        on_click=partial(judge_all, text),
        help=say(
            "The server lets every model read the end of the chosen text, from which no run of"
            " this text has learnt, and counts the bits per character: lower is better. Whoever"
            " learnt from another text is left out."
        ),
    )
    verdicts = judge.verdicts(entries, text)
    with right:
        st.fragment(partial(_until_news, judge.state), run_every=1.0)()
    if (all := board.how_many(engine.store())) > fairness.MOST:
        st.caption(
            say(
                "{n} of {all} runs are judged: the newest {most}, the older ones that train or"
                " wait, and up to {most} each that are paused, and that have a star or are about to"
                " be cleaned away.",
                n=len(entries),
                all=all,
                most=fairness.MOST,
            )
        )
    if not verdicts:
        return {}
    known = members.named(engine.store().root)
    titles = titles_of(entries, known)
    ranked = sorted((v.bits, titles[i]) for i, v in verdicts.items() if v.bits is not None)
    shown = [round(bits, 4) for bits, _ in ranked]
    unit = say("bits per character")
    if ranked:
        st.dataframe(
            [
                # Equal as far as it is shown: the same place.
                {say("place"): 1 + shown.index(bits), say("run"): who, unit: bits}
                for bits, (_, who) in zip(shown, ranked, strict=True)
            ],
            hide_index=True,
            key="class_ranking",
            column_config={unit: st.column_config.NumberColumn(format="%.4f")},
        )
    out = [f"{titles[i]}: {say(v.reason)}" for i, v in verdicts.items() if v.bits is None]
    if out:
        with st.expander(count(len(out), "{n} run left out", "{n} runs left out")):
            st.text("\n".join(out))
    return verdicts


def judge_all(text: cache.Text) -> None:
    """Begin to judge what there is now."""
    if workspace.is_teacher():
        judging().begin(_to_judge(), text)


def _to_judge() -> list[Entry]:
    return board.entries(engine.store(), most=fairness.MOST)


def bits_of(verdicts: Mapping[str, fairness.Verdict]) -> dict[str, float]:
    """Run id → bits per character, of the runs that could be judged."""
    return {run_id: v.bits for run_id, v in verdicts.items() if v.bits is not None}


def _until_news(seen: tuple[int, bool]) -> None:
    """Tell how far the judge is; another teacher may have asked for it."""
    judge = judging()
    if judge.state != seen:
        st.rerun()
    if judge.running:
        st.caption(count(judge.left, "{n} run to go.", "{n} runs to go."))


def archive_panel(text: cache.Text) -> None:
    """Everything that the class made, as one zip; with what was judged on `text`."""
    member = workspace.mine().id  # it is made outside the session
    st.download_button(
        say("Take everything home (zip)"),
        lambda: everything(member, text),
        "class.zip",
        "application/zip",
        key="class_archive",
        icon=":material/folder_zip:",
        on_click="ignore",
        help=say(
            "A table of all runs (CSV), and for each run all that “Take it home” offers: program,"
            " notebook, model, the same for transformers, measurements, receipt. Of a hundred runs"
            " it takes a minute or two. It holds 500 MB; what has no room is named in it."
        ),
    )


def everything(member: str, text: cache.Text) -> bytes:
    """The archive, for a workspace that is the teacher's now; for any other nothing."""
    if not workspace.is_teacher(member):
        return b""
    with _packing:
        entries = board.entries(engine.store(), most=sys.maxsize)
        return archive_of(entries, bits_of(judging().verdicts(entries, text)))
