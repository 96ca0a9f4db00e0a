"""The validation loss of several runs on one chart."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, reference_lines
from explorer.language import message, say

COLOURS = [
    "#3f8fd2", "#d9622b", "#3d9a60", "#a06bd1", "#c4920f", "#d1495b", "#2a9d9d", "#8a8f98",
]  # fmt: skip
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right",
          "triangle-left"]  # fmt: skip
MOST_RUNS = len(COLOURS)
SHORT = 16  # characters; four such labels fit into a row of the legend
NATS = message("nats")
AXES = {
    "step": message("step (optimizer updates)"),
    "seconds": message("seconds of training, logarithmic"),
    "compute": message("FLOPs so far, logarithmic"),
}


def begins_above(losses: pd.DataFrame) -> bool:
    """Whether the first estimates lie above the picture that `create_compare_chart` draws."""
    first = losses.loc[losses["step"] == 0, "validation"]
    return bool(len(first)) and float(first.min()) > _range(losses)[1]


def create_compare_chart(
    losses: pd.DataFrame,
    references: pd.DataFrame | None = None,
    against: str = "step",
    unit: str = NATS,
) -> Layered:
    """Draw the validation loss (nats per token) of up to MOST_RUNS runs `against` one of AXES.

    unit: what the losses are given in instead, such as "bits per character".

    losses: columns run (its label), step, validation, train, shown (is it the page's own run?); and
    seconds, compute where they are asked for. references: see `reference_lines`; those inside the
    picture are drawn dashed. The first estimate, near ln V for every run, lies above the picture as
    soon as there are two others, so that differences stay visible.
    """
    logarithmic = against != "step"
    if logarithmic:  # before the first step nothing is spent, and a logarithm has no zero
        losses = losses[losses[against] > 0]
    runs = list(dict.fromkeys(losses["run"]))
    low, high = _range(losses)
    title = say("validation loss ({unit})", unit=say(unit))
    y = alt.Y(
        "validation:Q",
        title=title,
        scale=alt.Scale(domain=[low, high], zero=False, nice=False),
    )
    x = alt.X(
        f"{against}:Q",
        title=say(AXES[against]),
        scale=alt.Scale(type="log" if logarithmic else "linear", nice=False),
        # An m before seconds would be read as minutes.
        axis=alt.Axis(format="~g" if against == "seconds" else "~s", tickCount=8)
        if logarithmic
        else alt.Axis(),
    )
    colour = alt.Color(
        "run:N",
        sort=runs,
        scale=alt.Scale(domain=runs, range=COLOURS[: len(runs)]),
        legend=alt.Legend(
            orient="bottom",
            title=None,
            columns=2 if max(map(len, runs), default=0) > SHORT else 4,
            labelLimit=420,
            symbolSize=90,
        ),
    )
    shape = alt.Shape("run:N", sort=runs, scale=alt.Scale(domain=runs, range=SHAPES[: len(runs)]))
    spent = say("seconds") if against == "seconds" else say("compute")
    tooltip = [
        alt.Tooltip("run:N", title=say("run")),
        alt.Tooltip("step:Q", title=say("step")),
        *[alt.Tooltip(f"{against}:Q", title=spent, format=".3s")] * logarithmic,
        alt.Tooltip("validation:Q", title=say("validation"), format=".4f"),
        alt.Tooltip("train:Q", title=say("training"), format=".4f"),
    ]
    base = alt.Chart(losses).encode(x=x, y=y, color=colour)
    lines = base.mark_line(clip=True).encode(
        strokeWidth=alt.condition("datum.shown", alt.value(3.5), alt.value(1.5))
    )
    inside = base.transform_filter(f"datum.validation <= {high}")
    points = inside.mark_point(filled=True, size=60, opacity=1).encode(shape=shape, tooltip=tooltip)
    layers = [lines, points]
    if references is not None:
        visible = references[references["loss"].between(low, high)]
        line = alt.Y("loss:Q", title=title, scale=alt.Scale(domain=[low, high], nice=False))
        known = reference_lines.rules(visible, line)
        layers = [known, *reference_lines.names(visible, line), *layers]
    return alt.layer(*layers).properties(
        height=420,
        description=say("Validation loss of several runs against {axis}.", axis=say(AXES[against])),
    )


def _range(losses: pd.DataFrame) -> tuple[float, float]:
    """All estimates after the first, with a little air; of a run that has not two of them, the
    first too: every run has a line inside."""
    shown = []
    for _, run in losses.dropna(subset="validation").groupby("run"):
        later = run[run["step"] > 0]
        shown += list((later if len(later) > 1 else run)["validation"])
    if not shown:
        return 0.0, 1.0
    low, high = min(shown), max(shown)
    air = max(0.02, 0.08 * (high - low))
    return low - air, high + air
