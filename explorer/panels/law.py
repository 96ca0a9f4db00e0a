"""The law through a sweep's runs: its curves, its exponents beside the published ones."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from explorer import cache, language, law_frames, scaling, workspace
from explorer.charts import scaling as charts
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels import sweep as sweeps
from explorer.panels import text as texts
from explorer.panels.sweep import Sweep

# The tutorial's last model: parameters, 5,000 steps of 1.2e12 FLOPs, its validation loss.
TUTORIAL_N, TUTORIAL_C, TUTORIAL_LOSS = 10.7e6, 5000 * 1.2e12, 1.48


@st.cache_data(max_entries=64, show_spinner=False)
def _fit(points: tuple[scaling.Point, ...], spoken: str) -> scaling.Law | str:
    """The law, or the sentence that refuses it; spoken: its language, for the cache to know."""
    try:
        return scaling.fit(points)
    except scaling.FitError as error:
        return str(error)


def fitted(sweep: Sweep) -> scaling.Law | str:
    """The law of the finished runs, or one sentence that says why there is none."""
    return _fit(tuple(sweep.points()), language.chosen())


def live_panel(lesson: Lesson, text: cache.Text, look: Callable[[], Sweep], polling: bool) -> None:
    """The sweep's buttons, its progress and both charts, drawn anew while it trains."""
    workspace.say_trouble()
    sweep = look()
    sweeps.buttons(lesson, text, sweep)
    if any(sweep.runs):
        sweeps.progress(sweep)
        _charts(lesson, text, sweep)
    else:
        st.caption(say("Points appear here, one by one, as the runs finish."))
    if sweep.is_active != polling:
        st.rerun()


def _charts(lesson: Lesson, text: cache.Text, sweep: Sweep) -> None:
    table = sweep.table(text)
    finished = table.dropna(subset="loss")
    if not len(finished):
        st.caption(say("The first point appears when the first run is finished."))
        return
    st.markdown(say("**Loss against size**"))
    parabolas, refused = _parabolas(sweep)
    curves, lowest = law_frames.parabolas(parabolas, finished)
    st.altair_chart(
        charts.create_isoflop_chart(finished, curves, lowest),
        width="stretch",
        key=f"{lesson.key}_isoflop",
    )
    places = "; ".join(
        f"{row.budget}: {row.parameters:,.0f} ({_reach(row, finished)})"
        for row in lowest.itertuples()
    )
    said = say(
        "Measured: one point a run. Dashed: a parabola in log N through each budget; upright tick"
        " and bar: its lowest place with 95 % of its uncertainty."
    )
    if places:
        said += " " + say("Best number of parameters: {places}.", places=places)
    st.caption(said)
    for budget, reason in refused.items():
        st.caption(f"{budget}: {reason}")
    _law(lesson, text, table, sweep)


def _reach(row: Any, finished: pd.DataFrame) -> str:
    """Where the lowest place lies; "any of these sizes" is said as such."""
    N = finished.loc[finished["budget"] == row.budget, "parameters"]
    if row.low <= N.min() and row.high >= N.max():
        return say("not determined: any of these sizes")
    return say("{low:,.0f} to {high:,.0f}", low=row.low, high=row.high)


def _parabolas(sweep: Sweep) -> tuple[dict[str, scaling.Parabola], dict[str, str]]:
    """By budget: what could be fitted, and why the others could not."""
    found, refused = {}, {}
    for budget, points in law_frames.by_budget(sweep.points()).items():
        label = sweeps.budget_of(budget)
        try:
            found[label] = scaling.parabola(points)
        except scaling.FitError as error:
            refused[label] = str(error)
    return found, refused


def _law(lesson: Lesson, text: cache.Text, table: pd.DataFrame, sweep: Sweep) -> None:
    st.markdown(say("**Loss against compute**"))
    said = fitted(sweep)
    law = None if isinstance(said, str) else said
    if isinstance(said, str):
        st.info(said, icon=":material/query_stats:")
    far = st.toggle(
        say("Go on to the tutorial's model"),
        key=f"{lesson.key}_far",
        bind="query-params",
        disabled=law is None,
        help=say(
            "Draws the law where nothing was measured, up to the FLOPs of the tutorial's last"
            " model, to see how much it still knows there."
        ),
    )
    far = far and law is not None
    alike = texts.is_tutorials(text)  # else its loss has no place here
    tutorial = {say("the tutorial's model"): (TUTORIAL_C, TUTORIAL_LOSS)} if far and alike else {}
    chart = charts.create_compute_chart(
        table.dropna(subset="loss"),
        law_frames.band(law, TUTORIAL_C if far else None),
        law_frames.guides(law),
        law_frames.marks(tutorial),
    )
    st.altair_chart(chart, width="stretch", key=f"{lesson.key}_compute")
    if law is None:
        return
    _exponents(lesson, law)
    if alike:
        _tutorials_model(law)
    else:
        st.caption(
            say(
                "The tutorial's model learnt from Tiny Shakespeare in characters: its loss has no"
                " place beside the losses here."
            )
        )


def _exponents(lesson: Lesson, law: scaling.Law) -> None:
    """How the chart is read, and the exponents."""
    st.caption(
        say(
            "Rings: the runs, measured. Violet: the best loss for so many FLOPs by the law fitted"
            " to all of them, with its 95 % band (residual bootstrap); dotted where nothing was"
            " measured. Orange and green: **only the slopes** are the papers', laid through our"
            " law at its left end: their losses are of other texts and tokens, so their heights"
            " mean nothing here."
        )
    )
    st.dataframe(law_frames.exponents(law), hide_index=True, key=f"{lesson.key}_exponents")
    st.caption(
        say(
            "Published for web text in sub-word tokens, at far larger budgets. Kaplan counts N"
            " without embeddings and fits no floor E. Hoffmann counts and fits as here; the E is"
            " per sub-word token."
        )
    )


def _tutorials_model(law: scaling.Law) -> None:
    """How far the law would have to see to tell its loss, and what it says there."""
    reach = law.best(TUTORIAL_C)
    st.caption(
        say(
            "**The tutorial's model** ({millions:.1f} M parameters, {flops:.1g} FLOPs) lies"
            " {times:,.0f} times beyond the largest budget here: the law says {loss:.2f} ({low:.2f}"
            " to {high:.2f}) there, its figure is {figure}. It reads the text over 80 times and"
            " needs dropout: two things that the law never saw.",
            millions=TUTORIAL_N / 1e6,
            flops=TUTORIAL_C,
            times=TUTORIAL_C / law.measured[1],
            loss=reach.value,
            low=reach.low,
            high=reach.high,
            figure=TUTORIAL_LOSS,
        )
    )
