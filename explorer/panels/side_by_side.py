"""Any runs and shipped models side by side: settings, curves, samples; a link to their attention.

Names that learners gave are plain text here: in tables, charts and boxes, never in Markdown.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import cache, differences, frames, history, lessons, state, workspace
from explorer.charts import compare
from explorer.history import Entry
from explorer.language import count, message, say
from explorer.lessons import Lesson
from explorer.moments import written
from explorer.panels import training
from explorer.panels.compare import comparable, in_which
from explorer.panels.picture import picture
from explorer.panels.samples import Author, author, samples_panel
from explorer.runs.run import Run, RunError

POLL_SECONDS = 2.0
EVERY_GROUP = message("all")
SHIPPED = ("multi_head", "blocks")  # compared while there are no runs
MARK = "background-color: rgba(217, 98, 43, 0.22)"  # legible on light and dark ground


@dataclass(frozen=True)
class Choice:
    """A run or a shipped model that can be compared. `title` is plain text."""

    key: str  # the run's id, or the name of the shipped model
    title: str
    entry: Entry
    shipped: bool

    @property
    def checkpoint(self) -> Path | None:
        """The folder with its model, None while none is saved."""
        return self.entry.run.folder if self.shipped else self.entry.run.checkpoint_path

    @property
    def has_heads(self) -> bool:
        return self.entry.spec["model"].get("architecture") != "bigram"


def choices() -> dict[str, Choice]:
    """All that can be compared, by key: runs (those with a star first), then shipped models."""
    found = {}
    for entry in history.starred_first(workspace.entries()):
        # Nothing that a training changes: a browser knows a chosen option by its words.
        title = f"{entry.title} · {written(entry.created, '%m-%d %H:%M:%S')}"
        found[entry.run.id] = Choice(entry.run.id, title, entry, False)
    for name, folder in cache.pretrained().items():
        try:
            entry = history.entry(Run(folder))
        except (RunError, KeyError, TypeError):  # a model without the record of its training
            continue
        found[name] = Choice(name, say("{name}, shipped", name=name), entry, True)
    return found


def side_by_side_panel(lesson: Lesson, text: cache.Text) -> None:
    """Choose two or more; see what differs, their curves, and what they write."""
    known = choices()
    chosen = _choose(lesson, known)
    if len(chosen) < 2:
        st.info(say("Choose at least two runs or models to compare."))
        return
    polling = any(training.is_active(one.entry.run) for one in chosen)

    def body() -> None:
        _settings(lesson, chosen)
        _curves(lesson, chosen, text)
        samples_panel(lesson, [_author(n, one) for n, one in enumerate(chosen, 1)], "any")
        if any(training.is_active(one.entry.run) for one in chosen) != polling:
            st.rerun()

    st.fragment(body, run_every=POLL_SECONDS if polling else None)()
    _attention_link(chosen)


def _choose(lesson: Lesson, known: dict[str, Choice]) -> list[Choice]:
    key = f"{lesson.key}_runs"
    groups = sorted({one.entry.labels.group for one in known.values()} - {""})
    left, right = st.columns([1, 4], vertical_alignment="bottom")
    left.selectbox(
        say("Group"),
        [EVERY_GROUP, *groups],
        format_func=lambda group: say(group) if group == EVERY_GROUP else group,
        key=f"{lesson.key}_group",
        on_change=_take_group,
        args=(lesson, known),
        help=say("Choosing a group puts its runs side by side. Groups are made below."),
    )
    now = st.session_state.get(key)
    # Opened; or a run was deleted or renamed, and the browser still says its old name.
    if now is None or any(k not in known for k in now):
        st.session_state[key] = _asked(lesson, known, now is None)
    with right:
        keys = st.multiselect(
            say("Compare"),
            list(known),
            format_func=lambda k: known[k].title if k in known else say("deleted"),
            key=key,
            max_selections=compare.MOST_RUNS,
            help=say(
                "Two to {most} runs of this server or shipped models; those with a star first.",
                most=compare.MOST_RUNS,
            ),
        )
    own = sum(not one.shipped for one in known.values())
    if own < len(workspace.runs()):
        workspace.say_how_many(own)
    state.put(lesson, "compared", keys)
    state.set_address(key, ",".join(keys) if keys != _first(known) else None)
    return [known[k] for k in keys]


def _asked(lesson: Lesson, known: dict[str, Choice], opened: bool) -> list[str]:
    """Those of the address when the page is opened, else the last ones, else the first two."""
    linked = st.query_params.get(f"{lesson.key}_runs", "").split(",") if opened else []
    for wish in (linked, state.get(lesson, "compared", [])):
        fitting = [k for k in dict.fromkeys(wish) if k in known][: compare.MOST_RUNS]
        if fitting:
            return fitting
    return _first(known)


def _first(known: dict[str, Choice]) -> list[str]:
    """The first two runs that have a model, or two shipped rungs, which write quickly."""
    runs = [k for k, one in known.items() if one.checkpoint is not None and not one.shipped]
    shipped = [k for k, one in known.items() if one.shipped]
    rungs = [k for k in SHIPPED if k in shipped]
    return next((two[:2] for two in (runs, rungs, shipped) if len(two) >= 2), [])


def _take_group(lesson: Lesson, known: dict[str, Choice]) -> None:
    group = st.session_state[f"{lesson.key}_group"]
    if group != EVERY_GROUP:
        inside = [k for k, one in known.items() if one.entry.labels.group == group]
        st.session_state[f"{lesson.key}_runs"] = inside[: compare.MOST_RUNS]


# --- what differs ----------------------------------------------------------------------------


def settings_table(specs: list[dict[str, Any]], titles: list[str], equal: bool) -> pd.DataFrame:
    """Columns differs ("≠" or ""), setting, and one a run; `equal`: also those that are equal."""
    every = [_all_settings(spec) for spec in specs]
    names = list(dict.fromkeys(name for settings in every for name in settings))
    rows = []
    for name in names:
        values = [differences.show(settings.get(name, "–")) for settings in every]
        differs = len(set(values)) > 1
        if differs or equal:
            rows.append(("≠" * differs, name, *values))
    return pd.DataFrame(rows, columns=["differs", "setting", *titles])


def _all_settings(spec: dict[str, Any]) -> dict[str, Any]:
    """Text and settings of a run; fields that an older version lacked have their defaults."""
    corpus = spec["corpus"]
    try:
        model = gpt.ModelConfig.from_dict(spec["model"]).to_dict()
        settings = {**model, **gpt.TrainConfig.from_dict(spec["train"]).to_dict()}
    except gpt.GPTError:  # of a newer version
        settings = differences.settings_of(spec)
    settings["prompt"] = repr(settings["prompt"]) if "prompt" in settings else "–"
    about = {"text": f"{corpus['name']} ({corpus['sha256'][:6]})"}
    return about | {"tokenizer": differences.tokenizer_of(spec)} | settings


def _settings(lesson: Lesson, chosen: list[Choice]) -> None:
    equal = st.toggle(
        say("Settings that are equal too"),
        key=f"{lesson.key}_equal",
        bind="query-params",
        help=say("All settings, with those that differ marked and coloured."),
    )
    specs = [one.entry.spec for one in chosen]
    table = settings_table(specs, _numbered(chosen), equal)
    if table.empty:
        st.markdown(say("They do not differ in any setting."))
    else:
        marked = table.style.apply(
            lambda row: [MARK if row["differs"] else ""] * len(row), axis="columns"
        )
        st.dataframe(
            marked,
            hide_index=True,
            key=f"{lesson.key}_settings",
            column_config={"differs": say("differs"), "setting": say("setting")},
        )
        differing = list(table[table["differs"] == "≠"]["setting"])
        st.caption(
            count(
                len(differing),
                "{n} setting differs, marked ≠: {names}.",
                "{n} settings differ, marked ≠: {names}.",
                names=", ".join(differing) or say("none"),
            )
        )
    if len({spec["corpus"]["sha256"] for spec in specs}) > 1:
        st.warning(
            say(
                "They learnt from different texts: their losses cannot be compared, only their"
                " shapes."
            ),
            icon=":material/warning:",
        )


def _numbered(chosen: list[Choice]) -> list[str]:
    """A short and unique name for each, with its number."""
    return [
        f"{n}: {one.title if one.shipped else one.entry.title}" for n, one in enumerate(chosen, 1)
    ]


# --- curves, samples, attention --------------------------------------------------------------


def _curves(lesson: Lesson, chosen: list[Choice], text: cache.Text) -> None:
    readers = [cache.reader(str(one.entry.run.folder)) for one in chosen]
    for reader in readers:
        reader.update()
    labels = _numbered(chosen)
    losses = frames.compared_runs(labels, [frames.thin(r.evaluations) for r in readers], None)
    if losses.empty:
        st.caption(say("None of them has measured a loss yet."))
        return
    same_text = {one.entry.sha256 for one in chosen} == {text.corpus.sha256}
    specs = {label: one.entry.spec for label, one in zip(labels, chosen, strict=True)}
    losses, known, unit = comparable(losses, specs, text)
    references = frames.references(known) if same_text else None
    chart = compare.create_compare_chart(losses, references, unit=unit)
    picture(chart, f"{lesson.key}_any_curves", "runs side by side")
    best = losses.groupby("run", sort=False)["validation"].min()
    lowest = "; ".join(
        say("run {number} {loss:.3f}", number=str(run).partition(":")[0], loss=loss)
        for run, loss in best.items()
    )
    said = say(
        "Validation loss of each, measured; the lowest of each: {lowest}. What lies above the"
        " picture is the first estimate.",
        lowest=lowest,
    )
    st.caption(said + in_which(unit))


def _author(number: int, one: Choice) -> Author:
    name = _short(f"{number}: {one.title if one.shipped else one.entry.title}")
    if one.checkpoint is None:
        return Author(name, None, say("No model is saved yet."))
    return author(name, one.checkpoint)


def _short(name: str, most: int = 40) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _attention_link(chosen: list[Choice]) -> None:
    """To page 9, with the first two that have heads side by side on one text."""
    able = [(n, one) for n, one in enumerate(chosen, 1) if one.checkpoint and one.has_heads]
    if len(able) < 2:
        st.caption(say("Attention side by side needs two trained models that have heads."))
        return
    # A run first: page 9 takes one from the address before the run it showed last.
    (first, one), (second, other) = sorted(able[:2], key=lambda pair: pair[1].shipped)
    page = lessons.BY_KEY["look_inside"]
    st.page_link(
        page.file,
        label=say(
            "Attention of {first} and {second} on the same text, side by side (page 9)",
            first=first,
            second=second,
        ),
        icon=page.icon,
        query_params={
            "model" if one.shipped else "run": one.key,
            f"{page.key}_two": "1",
            f"{page.key}_second_of": other.key,
        },
        help=say("Every view of page 9 for both: attention, next token, logit lens and more."),
    )
