"""The teacher's board: every run of the class, live; who waits; pause or stop any of them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import psutil
import streamlit as st

from explorer import engine, lessons, machine, workspace
from explorer.classroom import board, fairness, members, rules, tasks
from explorer.history import Entry
from explorer.language import count, say
from explorer.moments import CLOCK, written
from explorer.panels.classroom.curves import curves_panel
from explorer.panels.progress import say_trouble
from explorer.runs import states
from explorer.runs.executors import Command

POLL_SECONDS = 2.0
STATES = ("training", "queued", "paused", "stopped", "failed", "finished")


def is_frozen() -> bool:
    return rules.read(engine.store().root).frozen


def has_begun() -> bool:
    """Whether anybody has trained here."""
    return bool(board.entries(engine.store()))


def board_panel(judged: dict[str, fairness.Verdict], begun: bool) -> None:
    """Draw the machine, the table and the curves; looks again every two seconds.

    begun: whether there were runs when the page was drawn; the first one draws all of it anew.
    """

    frozen = is_frozen()

    def body() -> None:
        workspace.say_trouble()
        if not workspace.is_teacher() or is_frozen() != frozen:
            st.rerun()  # it was left in another tab, or another teacher froze the class
        waiting = engine.executor().waiting()
        entries = board.entries(engine.store(), waiting)
        _machine(len(waiting))
        if trouble := engine.executor().trouble:
            say_trouble(trouble)
        if entries and not begun:
            st.rerun()
        if not entries:
            st.info(
                say(
                    "**Nobody has trained yet.** Show the address above until all are in, and let"
                    " them type their name under “Your workspace”. Then send them to page 2 to"
                    " press **Train**, or hand out a task, made below. Their runs appear here."
                )
            )
            return
        known = members.named(engine.store().root)
        _table(entries, waiting, known, judged)
        titles = titles_of(entries, known)
        _steer(entries, titles)
        curves_panel(entries, titles)

    st.fragment(body, run_every=POLL_SECONDS)()


def _machine(waiting: int) -> None:
    """How much trains and waits, and how busy this server is: not what a cluster's machines do."""
    executor = engine.executor()
    memory = psutil.virtual_memory()
    here = machine.trains_here()
    places = st.columns(4, vertical_alignment="bottom")
    places[0].metric(
        say("Training now"),
        f"{len(executor.active())} / {executor.slots}",
        help=say("Runs that train, of as many as train at once on this machine.")
        if here
        else say("Runs that train, of as many as train at once in the cluster."),
    )
    places[1].metric(
        say("Waiting"), waiting, help=say("Runs whose turn comes; fair between learners.")
    )
    busy = machine.processor().percent()
    places[2].metric(
        say("Processor") if here else say("This server's processor"),
        "–" if busy is None else f"{busy:.0f} %",
        help=say("Of all cores together, since the last look.")
        if here
        else say(
            "Of all cores of this server together, since the last look. The other machines of the"
            " cluster are not in it."
        ),
    )
    total = memory.total / 2**30
    places[3].metric(
        say("Memory free") if here else say("This server's free memory"),
        f"{memory.available / 2**30:.1f} GiB",
        help=say("Of {total:.1f} GiB in this machine.", total=total)
        if here
        else say(
            "Of {total:.1f} GiB in this server. The other machines of the cluster are not in it.",
            total=total,
        ),
    )


def _table(
    entries: list[Entry],
    waiting: list[str],
    known: dict[str, members.Member],
    judged: dict[str, fairness.Verdict],
) -> None:
    bits = {run_id: v.bits for run_id, v in judged.items() if v.bits is not None}
    handed_out = tasks.by_code(engine.store().root)
    table = board.rows(entries, known, waiting, bits, handed_out)
    table["page"] = [_page(key) for key in table["page"]]
    table["state"] = table["state"].map(say)
    used = {"judged": bits, "task": table["task"].any(), "place": waiting}
    st.dataframe(
        table.rename(columns=say),
        # Hidden, not dropped: a browser knows the column that it sorts by from its place among all.
        column_order=[say(name) for name in table.columns if used.get(name, True)],
        placeholder="",
        hide_index=True,
        height=min(600, 38 + 35 * len(table)),
        key="class_board",
        column_config=_columns(),
    )
    states = [entry.state for entry in entries]
    st.caption(
        count(
            len({e.spec.get("learner") for e in entries}),
            "Runs of {n} learner ({states}). A click on a column's head sorts.",
            "Runs of {n} learners ({states}). A click on a column's head sorts.",
            states=", ".join(f"{say(s)}: {states.count(s)}" for s in STATES if s in states) or "–",
        )
    )
    if (all := board.how_many(engine.store())) > board.MOST:
        st.caption(
            say(
                "These are the newest {n} of {all} runs, the older ones that train or wait, and up"
                " to {n} each that are paused, and that have a star or are about to be cleaned"
                " away; the file to take home holds all.",
                n=board.MOST,
                all=all,
            )
        )


def _columns() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    loss: Any = {"format": "%.3f", "help": say("The last estimate, nats per token.")}
    return {
        say("learner"): text(width=110, pinned=True),
        say("page"): text(width=170),
        say("task"): text(width=150, help=say("✓: all of it is reached.")),
        say("run"): text(width=110),
        say("text"): text(width=110),
        say("what is different"): text(width=150),
        say("place"): number(width=60, help=say("In the queue: 1 starts next.")),
        say("step"): number(width=70, format="localized"),
        say("of"): number(width=70, format="localized"),
        say("training loss"): number(**loss),
        say("validation loss"): number(**loss),
        say("judged"): number(
            format="%.3f", help=say("By the server, on the same text for all: bits per character.")
        ),
        say("tokens/s"): number(
            format="compact",
            help=say("Measured: the median of the last {n} steps.", n=board.RECENT),
        ),
        say("sample"): st.column_config.TextColumn(width="large"),
    }


def _page(key: str) -> str:
    page = lessons.BY_KEY.get(key)
    return page.heading if page else key


def titles_of(entries: Sequence[Entry], known: dict[str, members.Member]) -> dict[str, str]:
    """Whose run each is and which, plain text, none twice: "Ana · 4 Masked self-attention ·
    10:02:11". Of several that began together, also what is different and an end of the id."""
    found = {
        e.run.id: f"{board.learner(e, known)} · {_page(e.page)} · {written(e.created, CLOCK)}"
        for e in entries
    }
    often = Counter(found.values())
    for entry in entries:
        title = found[entry.run.id]
        if often[title] > 1:
            more = [*board.changed(entry.spec), entry.run.id[-4:]]
            found[entry.run.id] = f"{title} · {', '.join(more)}"
    return found


def _steer(entries: list[Entry], titles: dict[str, str]) -> None:
    """Pause, go on or stop: of the run that is chosen by name, not by its place in a live table."""
    by_id = {entry.run.id: entry for entry in entries if entry.state != states.FINISHED}
    left, *places = st.columns([3, 1, 1, 1], vertical_alignment="bottom")
    chosen = left.selectbox(
        say("Steer a run"),
        list(by_id),
        index=None,
        format_func=lambda run_id: titles.get(run_id, run_id),
        key="class_run",
        placeholder=say("choose whose"),
        help=say("Its owner sees what became of it, and can go on later."),
    )
    state = by_id[chosen].state if chosen in by_id else None
    for place, (label, wish, icon, help, fit) in zip(places, _commands(), strict=True):
        place.button(
            label,
            key=f"class_{wish}",
            icon=f":material/{icon}:",
            disabled=state not in fit,
            on_click=workspace.command,
            args=(chosen, wish),
            width="stretch",
            help=help,
        )


def _commands() -> list[tuple[str, Command, str, str, tuple[str, ...]]]:
    """Label, command, icon, help, and the states of a run in which it does something."""
    waits = (*states.OPEN_END, states.CREATED, states.FAILED)
    return [
        (say("Pause"), "pause", "pause", say("Save everything and wait."), states.ACTIVE),
        (
            say("Continue"),
            "continue",
            "play_arrow",
            say("Go on to the identical next step."),
            waits,
        ),
        (say("Stop"), "stop", "stop", say("Save everything and end here."), states.ACTIVE),
    ]
