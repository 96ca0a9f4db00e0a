"""Sizes under a budget: what is trained, how it ends, and the law through all of it."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.charts.compare import COLOURS, SHAPES
from explorer.language import message, say

TITLE_N = message("parameters N (log scale)")
STATES = (  # of a run, as the store calls them
    message("created"), message("queued"), message("training"), message("paused"),
    message("stopped"), message("suspended"), message("interrupted"), message("failed"),
    message("finished"),
)  # fmt: skip
POINT = 90
LEGEND = alt.Legend(orient="top", title=None, symbolOpacity=1)
LOG = alt.Scale(type="log", nice=False, padding=12)
SHORT = alt.Axis(format="~s", tickCount=6)  # 20k, 1M
POWER = alt.Axis(format=".0e", tickCount=6)


def create_plan_chart(points: pd.DataFrame, text_tokens: int) -> Layered:
    """Every planned run: the more parameters, the fewer tokens for the same FLOPs.

    points: columns parameters, tokens, budget (its label), size (its label), epochs, state; at
    most a few dozen rows. The dashed line is the training text seen once, `text_tokens`.
    """
    x = alt.X("parameters:Q", title=say(TITLE_N), scale=LOG, axis=SHORT)
    y = alt.Y("tokens:Q", title=say("tokens D (log scale)"), scale=LOG, axis=SHORT)
    said = points.assign(state=points["state"].map(say))
    base = alt.Chart(said).encode(x=x, y=y, color=_colour(points))
    lines = base.mark_line(strokeWidth=1.5, opacity=0.6)
    marks = base.mark_point(filled=True, size=POINT, opacity=1).encode(
        shape=_shape(points), tooltip=_tooltip("tokens", "epochs", "state")
    )
    once = pd.DataFrame({"tokens": [text_tokens], "label": [say("the training text once")]})
    rule = alt.Chart(once).mark_rule(strokeDash=[5, 4], color=theme.REFERENCE).encode(y=y)
    name = alt.Chart(once).mark_text(
        align="right", dx=-4, dy=-7, color=theme.REFERENCE, fontSize=11
    )
    name = name.encode(x=alt.value("width"), y=y, text="label:N")
    return alt.layer(rule, lines, marks, name).properties(
        height=300, description=say("Tokens against parameters of all planned runs, by budget.")
    )


def create_isoflop_chart(
    points: pd.DataFrame, curves: pd.DataFrame, lowest: pd.DataFrame
) -> Layered:
    """Loss against size, one curve a budget.

    points: as for the plan, and loss; finished runs only. curves: columns parameters, loss, budget
    of the fitted parabolas. lowest: columns parameters, low, high (95 %), loss, budget.
    """
    x = alt.X("parameters:Q", title=say(TITLE_N), scale=LOG, axis=SHORT)
    y = alt.Y("loss:Q", title=say("validation loss (nats)"), scale=alt.Scale(zero=False))
    domain = points
    base = alt.Chart(points).encode(x=x, y=y, color=_colour(domain))
    marks = base.mark_point(filled=True, size=POINT, opacity=1).encode(
        shape=_shape(domain), tooltip=[*_tooltip("tokens", "epochs"), _nats("loss")]
    )
    lines = alt.Chart(curves).mark_line(strokeWidth=1.5, strokeDash=[5, 3])
    bottom = alt.Chart(lowest).encode(y=y, color=_colour(domain))
    reach = bottom.mark_rule(strokeWidth=5, opacity=0.4).encode(
        x=alt.X("low:Q", title=say(TITLE_N), scale=LOG, axis=SHORT), x2="high:Q"
    )
    place = bottom.mark_tick(orient="vertical", thickness=3, size=18).encode(
        x=x,
        tooltip=[
            alt.Tooltip("budget:N", title=say("budget")),
            _whole("parameters", say("lowest at")),
            _nats("loss"),
        ],
    )
    return alt.layer(reach, lines.encode(x=x, y=y, color=_colour(domain)), marks, place).properties(
        height=340, description=say("Loss against parameters, one curve for each budget.")
    )


def create_compute_chart(
    points: pd.DataFrame, band: pd.DataFrame, guides: pd.DataFrame, marks: pd.DataFrame
) -> Layered:
    """Loss against FLOPs: all runs, the law of the best size, published slopes.

    points: columns flops, loss, size, budget, parameters, tokens, epochs. band: columns flops,
    loss, low, high, measured (is it between measured budgets?). guides: columns flops, loss, law;
    only their slope counts. marks: columns flops, loss, label; models from elsewhere.
    """
    x = alt.X("flops:Q", title=say("FLOPs C (log scale)"), scale=LOG, axis=POWER)
    y = alt.Y("loss:Q", title=say("validation loss (nats)"), scale=alt.Scale(zero=False))
    runs = alt.Chart(points).mark_point(size=55, color=theme.REFERENCE, opacity=0.9)
    runs = runs.encode(x=x, y=y, tooltip=[*_tooltip("tokens", "epochs"), _nats("loss")])
    sure = alt.Chart(band).mark_area(opacity=0.25, color=theme.LEARNED)
    line = alt.Chart(band).mark_line(color=theme.LEARNED, strokeWidth=2.5)
    layers = [
        sure.encode(x=x, y=alt.Y("low:Q", title=say("validation loss (nats)")), y2="high:Q"),
        line.transform_filter("datum.measured").encode(x=x, y=y),
        line.encode(x=x, y=y, strokeDash=alt.value([3, 4])),
        runs,
    ]
    guides = guides.assign(law=guides["law"].map(say))
    laws = list(dict.fromkeys(guides["law"]))
    slopes = alt.Chart(guides).mark_line(strokeWidth=2)
    layers.append(
        slopes.encode(
            x=x,
            y=y,
            color=alt.Color(
                "law:N",
                scale=alt.Scale(domain=laws, range=[theme.QUERY, theme.VALUE][: len(laws)]),
                legend=alt.Legend(orient="top", title=None, labelLimit=420),
            ),
            strokeDash=alt.StrokeDash(
                "law:N",
                scale=alt.Scale(domain=laws, range=[[2, 3], [7, 3]][: len(laws)]),
                legend=alt.Legend(orient="top", title=None, labelLimit=420),
            ),
        )
    )
    others = alt.Chart(marks.assign(label=marks["label"].map(say))).encode(
        x=x, y=y, tooltip=[alt.Tooltip("label:N", title=say("label")), _nats("loss")]
    )
    layers.append(others.mark_point(shape="diamond", size=140, filled=True, color=theme.BAD))
    named = others.mark_text(align="right", dx=-10, color=theme.REFERENCE, fontSize=11)
    layers.append(named.encode(text="label:N"))
    return alt.layer(*layers).properties(
        height=340, description=say("Loss against FLOPs, with the fitted law and its 95 % band.")
    )


def _colour(points: pd.DataFrame) -> alt.Color:
    budgets = list(dict.fromkeys(points["budget"]))
    scale = alt.Scale(domain=budgets, range=COLOURS[: len(budgets)])
    return alt.Color("budget:N", scale=scale, legend=LEGEND)


def _shape(points: pd.DataFrame) -> alt.Shape:
    budgets = list(dict.fromkeys(points["budget"]))
    scale = alt.Scale(domain=budgets, range=SHAPES[: len(budgets)])
    return alt.Shape("budget:N", scale=scale, legend=LEGEND)


def _tooltip(*more: str) -> list[alt.Tooltip]:
    known = {
        "tokens": _whole("tokens", say("tokens seen")),
        "epochs": alt.Tooltip("epochs:Q", format=".1f", title=say("times the text")),
        "state": alt.Tooltip("state:N", title=say("state")),
    }
    first = [
        alt.Tooltip("size:N", title=say("size")),
        alt.Tooltip("budget:N", title=say("budget")),
        _whole("parameters", say("parameters")),
    ]
    return first + [known[name] for name in more]


def _whole(name: str, title: str) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:Q", format=",.0f", title=title)


def _nats(name: str) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:Q", format=".4f", title=say("loss"))
