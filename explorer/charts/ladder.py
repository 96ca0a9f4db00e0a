"""What each rung of the ladder does to the loss: steps that go down, one below the other."""

import altair as alt
import pandas as pd

from explorer.charts import Layered, reference_lines, theme
from explorer.language import say


def create_ladder_chart(steps: pd.DataFrame, references: pd.DataFrame) -> Layered:
    """Draw a bar from the loss before each rung to the loss after it.

    steps: columns rung, before, after (nats), label, falls, order; a handful of rows. references:
    see `reference_lines`; those inside the picture are drawn dashed. A bar that rises is red and
    its label says so with a plus.
    """
    steps = steps.assign(rung=steps["rung"].map(say))
    order = list(steps["rung"])
    low, high = float(steps["after"].min()), float(steps["before"].max())
    low, high = min(low, float(steps["before"].min())), max(high, float(steps["after"].max()))
    air = max(0.02, 0.1 * (high - low))
    title = say("validation loss (nats)")
    scale = alt.Scale(domain=[low - air, high + air], zero=False, nice=False)
    x = alt.X(
        "rung:N", sort=order, title=None, axis=alt.Axis(labelAngle=0), scale=alt.Scale(padding=0.35)
    )
    drawn = steps.assign(
        below=steps[["before", "after"]].min(axis=1), until=[*order[1:], order[-1]]
    )
    base = alt.Chart(drawn).encode(
        x=x,
        tooltip=[
            alt.Tooltip("rung:N", title=say("rung")),
            alt.Tooltip("before:Q", title=say("loss before"), format=".4f"),
            alt.Tooltip("after:Q", title=say("loss after"), format=".4f"),
            alt.Tooltip("label:N", title=say("change")),
        ],
    )
    bars = base.mark_bar(cornerRadius=3).encode(
        y=alt.Y("before:Q", title=title, scale=scale),
        y2="after:Q",
        color=alt.condition("datum.falls", alt.value(theme.VALUE), alt.value(theme.BAD)),
    )
    names = base.mark_text(dy=12, fontSize=13, fontWeight="bold", color=theme.REFERENCE).encode(
        y=alt.Y("below:Q", title=title, scale=scale), text="label:N"
    )
    onward = base.mark_rule(color=theme.REFERENCE, strokeWidth=1).encode(
        y=alt.Y("after:Q", title=title, scale=scale), x2=alt.X2("until:N")
    )
    visible = references[references["loss"].between(low - air, high + air)]
    y = alt.Y("loss:Q", title=title, scale=scale)
    known = reference_lines.rules(visible, y)
    layers = [known, onward, bars, *reference_lines.names(visible, y), names]
    return alt.layer(*layers).properties(
        height=360, description=say("What each step of the ladder does to the validation loss.")
    )
