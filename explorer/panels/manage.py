"""The learner's runs as a list: name them, give them a star or a group, delete them."""

from typing import Any

import pandas as pd
import streamlit as st

from explorer import differences, engine, history, lessons, state, workspace
from explorer.history import Entry
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.moments import SECOND, written
from explorer.panels import training
from explorer.panels.cleaning import cleaning_notice
from explorer.panels.compare import STATES
from explorer.runs import labels
from explorer.runs.run import RunError
from gpt.errors import GPTError

NOT_LISTED = message(
    "Runs that are not listed: {number}. They were written by a newer version of this program, or"
    " are damaged."
)


def manage_panel(lesson: Lesson) -> None:
    """The table of all runs, and the form for one of them."""

    def body() -> None:
        if state.get(lesson, "changed"):
            state.put(lesson, "changed", False)
            st.rerun()  # the whole page: other lists show names, stars and groups too
        found = history.starred_first(workspace.entries())
        if lost := history.passed_over(engine.store(), found, workspace.mine().id or None):
            st.caption(say(NOT_LISTED, number=lost))
        cleaning_notice()
        if not found:
            st.info(say("No runs yet. Climb the ladder above, or train on any page."))
            return
        _table(lesson, found)
        entry = _choose(lesson, found)
        _say(lesson)
        _change(lesson, entry, sorted({e.labels.group for e in found} - {""}))
        _delete(lesson, entry)

    st.fragment(body)()


def _table(lesson: Lesson, found: list[Entry]) -> None:
    rows = [
        {
            "★": "★" * entry.labels.star,
            message("name"): entry.labels.name,
            message("group"): entry.labels.group,
            message("recipe"): say(entry.name),
            message("page"): _page(entry),
            message("text"): _text(entry),
            message("step"): entry.step,
            message("best loss"): entry.best_val_loss,
            message("state"): say(STATES.get(entry.state, entry.state)),
            message("begun"): written(entry.created),
        }
        for entry in found
    ]
    number = st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame(rows).rename(columns=say),
        hide_index=True,
        key=f"{lesson.key}_list",
        height=min(38 + 35 * len(rows), 320),
        column_config={
            say("name"): st.column_config.TextColumn(
                width="medium", help=say("Your own name for it.")
            ),
            say("step"): number(format="localized", help=say("Optimizer updates done.")),
            say("best loss"): number(
                format="%.4f", help=say("The lowest validation loss, nats per token.")
            ),
        },
    )
    workspace.say_how_many(len(rows))


def _text(entry: Entry) -> str:
    tokens = differences.tokenizer_of(entry.spec)
    return entry.corpus if tokens == differences.CHARACTERS else f"{entry.corpus}, {tokens}"


def _page(entry: Entry) -> str:
    page = lessons.BY_KEY.get(entry.page)
    return str(page.number) if page else "–"


def _choose(lesson: Lesson, found: list[Entry]) -> Entry:
    by_id = {entry.run.id: entry for entry in found}
    key = f"{lesson.key}_one"
    # A browser knows an option by its words, which change with the name: what is kept here counts.
    wishes = (st.session_state.get(key), state.get(lesson, "one"), next(iter(by_id)))
    st.session_state[key] = next(wish for wish in wishes if wish in by_id)
    chosen = st.selectbox(
        say("Run to change"),
        list(by_id),
        format_func=lambda i: _said(by_id[i]) if i in by_id else say("deleted"),
        key=key,
        help=say("Its name, star and group are changed below, and it can be deleted."),
    )
    state.put(lesson, "one", chosen)
    return by_id[chosen]


def _said(entry: Entry) -> str:
    return f"{entry.title} ({written(entry.created, SECOND)})"


def _change(lesson: Lesson, entry: Entry, groups: list[str]) -> None:
    """Name, group and star; each is kept as soon as it is given."""
    key, run_id = f"{lesson.key}_labels_{entry.run.id}", entry.run.id
    left, middle, right = st.columns([3, 2, 1], vertical_alignment="bottom")
    left.text_input(
        say("Name"),
        entry.labels.name,
        key=f"{key}_name",
        placeholder=say(entry.name),
        on_change=_keep,
        args=(lesson, run_id, "name", f"{key}_name"),
        help=say(
            "Your own name for the run, at most {most} characters; empty: the name of its recipe."
            " Every list shows it.",
            most=labels.MOST["name"],
        ),
    )
    middle.selectbox(
        say("Group"),
        groups,
        groups.index(entry.labels.group) if entry.labels.group in groups else None,
        key=f"{key}_group",
        placeholder=say("none: type a new one or choose"),
        accept_new_options=True,
        on_change=_keep,
        args=(lesson, run_id, "group", f"{key}_group"),
        help=say(
            "A free word that keeps runs together, such as “seeds”; compare a whole group above."
        ),
    )
    right.toggle(
        say("★ Star"),
        entry.labels.star,
        key=f"{key}_star",
        on_change=_keep,
        args=(lesson, run_id, "star", f"{key}_star"),
        help=say("Runs with a star stand first in every list and cannot be deleted."),
    )


def _keep(lesson: Lesson, run_id: str, what: str, key: str) -> None:
    """Write one label; what is wrong with it is said in one sentence."""
    value: Any = st.session_state[key]
    if what == "group":
        value = value or ""
    try:
        workspace.label(run_id, what, value)
        state.put(lesson, "changed", True)
    except GPTError as error:
        state.put(lesson, "said", explain(error))
        if what == "star":
            st.session_state[key] = not value  # a switch shows what holds


def _say(lesson: Lesson) -> None:
    """What went wrong at the last change, once."""
    said = state.get(lesson, "said")
    if said:
        st.warning(said, icon=":material/edit_off:")
        state.put(lesson, "said", None)


def _delete(lesson: Lesson, entry: Entry) -> None:
    """A button behind a question; never for a run that trains or has a star."""
    active = training.is_active(entry.run)
    reason = ""
    if active:
        reason = say("It trains or waits: stop it on its page first.")
    elif entry.labels.star:
        reason = say("It has a star: take the star away first.")
    key = f"{lesson.key}_delete_{entry.run.id}"
    with st.popover(say("Delete this run"), icon=":material/delete:", disabled=bool(reason)):
        st.markdown(say("Its curve, its model and its snapshots are removed for good."))
        st.text(_said(entry))
        st.button(
            say("Delete for good"),
            key=key,
            type="primary",
            icon=":material/delete_forever:",
            disabled=bool(reason),
            on_click=_remove,
            args=(lesson, entry.run.id),
            help=say("This cannot be undone."),
        )
    if reason:
        st.caption(say("It cannot be deleted now. {reason}", reason=reason))


def _remove(lesson: Lesson, run_id: str) -> None:
    try:
        engine.store().delete(workspace.changing(run_id).id)
        state.put(lesson, "changed", True)
    except (RunError, labels.LabelError) as error:
        state.put(lesson, "said", explain(error))
