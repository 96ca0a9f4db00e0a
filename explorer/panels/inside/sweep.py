"""Every head and feed-forward off, one at a time: what does the loss say?"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

import gpt
from explorer import inspected, state
from explorer.charts.sweep import create_sweep_chart
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels import question
from explorer.panels import text as texts
from explorer.panels.inside import look
from explorer.panels.inside.reading import Reading
from explorer.panels.inside.switch_off import KINDS, ZERO
from explorer.panels.inside.windows import validation_windows
from explorer.panels.model import Shown
from explorer.panels.picture import picture

Where = tuple[int, int, str]  # windows, tokens in each, the name of the text

REASON = message(
    "A head is missed when nothing else carries what it brings. The others are spare, or wait for"
    " a text that needs them; and heads that are spare one by one may not be so together."
)


def sweep_panel(lesson: Lesson, shown: Callable[[], Shown], folder: Path | None) -> None:
    """The question, the button that measures, and the grid of effects."""
    reading = look.current(lesson, shown, folder)
    if reading is None or not reading.has_heads:
        st.info(say("Choose a model with attention heads and a text of at least two tokens above."))
        return
    heads = reading.model.config.n_layer * reading.model.config.n_head
    answer = question.ask_number(
        lesson,
        "spare",
        say(
            "This model has {n} heads. How many of them can be switched off, each alone, without a"
            " measurable change of the loss (under two standard errors)?",
            n=heads,
        ),
        0.0,
        1000.0,
        1.0,
    )
    st.fragment(lambda: _measured(lesson, reading, answer))()


def _measured(lesson: Lesson, reading: Reading, answer: question.Answer) -> None:
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    kind = left.segmented_control(
        say("In their place"),
        list(KINDS),
        default=ZERO,
        format_func=say,
        key=f"{lesson.key}_sweep_kind",
        required=True,
        help=say("Zero takes the output away; the mean keeps all but what it knows of the text."),
    )
    kind = KINDS[kind or ZERO]
    right.button(
        say("Switch each off, one at a time"),
        key=f"{lesson.key}_sweep",
        type="primary",
        icon=":material/toggle_off:",
        on_click=state.put,
        args=(lesson, "sweep", True),
        help=say("Measures the loss without each head and each feed-forward."),
    )
    about = (reading.shown.key, kind, st.session_state.get("text"))
    if state.get(lesson, "sweep"):
        state.put(lesson, "sweep", False)
        found, where = _sweep(reading, kind)
        state.put(lesson, "swept", (about, found, where, reading.ids))
    kept = state.get(lesson, "swept")
    cells = None
    # Effects over windows hold whatever text is read above; others for that text alone.
    if kept is not None and kept[0] == about and (kept[2] or kept[3] == reading.ids):
        cells = _draw(lesson, reading, kept[1], kept[2])
    heads = None if cells is None else cells[cells["head"] > 0]
    spare = None if heads is None or heads["error"].isna().all() else float(heads["noise"].sum())
    question.grade_number(answer, spare, 0.5, say(REASON), press=say("Switch each off"))


def _sweep(reading: Reading, kind: str) -> tuple[list["gpt.Effects"], Where | None]:
    """The effects layer by layer, and where they were measured; None: on this text alone."""
    windows = validation_windows(reading.shown)
    if windows is None:
        x, y, where = reading.idx[:, :-1], reading.idx[:, 1:], None
    else:
        x, y = windows.x, windows.y
        where = (*x.shape, windows.text)
    means = gpt.mean_activations(reading.model, x) if kind == "mean" else None
    layers = reading.model.config.n_layer
    bar = st.progress(0.0, say("Switching off …"))
    found = []
    for layer in range(layers):
        found.append(gpt.ablation_effects(reading.model, x, y, kind, means, layers=[layer]))
        bar.progress((layer + 1) / layers, say("Layer {n} of {all}", n=layer + 1, all=layers))
    bar.empty()
    return found, where


def _draw(
    lesson: Lesson, reading: Reading, found: list["gpt.Effects"], where: Where | None
) -> pd.DataFrame:
    cells = inspected.sweep_cells(found)
    chart = create_sweep_chart(cells)
    picture(chart, f"{lesson.key}_sweep_chart", "switched off one by one", width="content")
    worst = cells.loc[cells["effect"].idxmax()]
    st.markdown(
        say(
            "Most needed: {part} of layer {layer}, {effect} nats a token; intact the loss is"
            " {loss:.3f}.",
            part=worst["part"],
            layer=worst["layer"],
            effect=f"{worst['effect']:+.3f}{_error(worst['error'])}",
            loss=found[0].loss,
        )
    )
    st.caption(
        say(
            "Measured on {text} ({model}): what the loss gains without the part; above 0 it helped."
            " ± is the paired standard error over the windows. In brackets and grey: under two"
            " standard errors, which is noise.",
            text=_measured_on(where),
            model=reading.shown.label,
        )
    )
    return cells


def _measured_on(where: Where | None) -> str:
    if where is None:
        return say("the text above alone (no text with this vocabulary is here), so without errors")
    B, T, name = where
    return say(
        "{n} windows of {T} tokens of the validation text ({text})",
        n=B,
        T=T,
        text=texts.titled(name),
    )


def _error(error: float) -> str:
    return "" if error != error else f" ± {error:.3f}"
