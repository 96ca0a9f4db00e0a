"""What each idea gained, and how the race to a loss went."""

import math

import altair as alt
import pandas as pd

from explorer.charts import Layered, theme
from explorer.language import say

BAR = 26  # pixels a row
RACERS = [theme.QUERY, theme.REFERENCE]


def create_gains_chart(gains: pd.DataFrame, noise: float) -> Layered:
    """gains: columns name, gain (nats, positive is better), loss, clear (bool); a row an idea.
    noise: standard deviation between seeds, drawn as a band of twice its width; NaN: no band."""
    gains = gains.assign(name=gains["name"].map(say))
    order = gains.sort_values("gain", ascending=False)["name"].tolist()
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False))
    bars = (
        alt.Chart(gains)
        .mark_bar(cornerRadius=2)
        .encode(
            x=alt.X(
                "gain:Q",
                title=say("loss gained (nats; right is better)"),
                axis=alt.Axis(tickCount=8),
            ),
            y=y,
            color=alt.condition("datum.gain > 0", alt.value(theme.VALUE), alt.value(theme.BAD)),
            opacity=alt.condition("datum.clear", alt.value(1), alt.value(0.45)),
            tooltip=[
                alt.Tooltip("name:N", title=say("name")),
                alt.Tooltip("gain:Q", title=say("gain"), format="+.4f"),
                alt.Tooltip("loss:Q", title=say("validation loss"), format=".4f"),
                alt.Tooltip("clear:N", title=say("more than luck")),
            ],
        )
    )
    layers = [bars]
    if not math.isnan(noise):
        band = pd.DataFrame({"low": [-2 * noise], "high": [2 * noise]})
        luck = alt.Chart(band).mark_rect(color=theme.REFERENCE, opacity=0.22)
        layers.insert(
            0,
            luck.encode(
                x=alt.X("low:Q", title=say("loss gained (nats; right is better)")), x2="high:Q"
            ),
        )
    told = ", ".join(f"{row.name} {row.gain:+.3f}" for row in gains.itertuples(index=False))
    return alt.layer(*layers).properties(
        height=BAR * len(gains) + 60,
        description=say("The loss that each gained, in nats: {told}.", told=told),
    )


def create_race_chart(losses: pd.DataFrame, target: float | None) -> Layered:
    """losses: columns run, seconds, validation (nats); the first estimates are cut off above, but
    that of a run which has no other yet. target: drawn as a line, None: none."""
    losses = losses.assign(run=losses["run"].map(say))
    runs = list(dict.fromkeys(losses["run"]))
    shown = [] if target is None else [target]
    for _, run in losses.groupby("run"):
        later = run[run["seconds"] > 0]
        shown += list((later if len(later) else run)["validation"])
    low, high = min(shown) - 0.05, max(shown) + 0.1
    scale = alt.Scale(domain=[low, high], zero=False, nice=False)
    legend = alt.Legend(orient="top", title=None)
    base = alt.Chart(losses).encode(
        x=alt.X("seconds:Q", title=say("seconds of training")),
        y=alt.Y("validation:Q", title=say("validation loss (nats)"), scale=scale),
        color=alt.Color(
            "run:N",
            scale=alt.Scale(domain=runs, range=RACERS[: len(runs)]),
            legend=legend,
        ),
        tooltip=[
            alt.Tooltip("run:N", title=say("run")),
            alt.Tooltip("seconds:Q", title=say("seconds"), format=".1f"),
            alt.Tooltip("validation:Q", title=say("validation"), format=".4f"),
        ],
    )
    line = base.mark_line(clip=True)
    points = base.transform_filter(f"datum.validation <= {high}").mark_point(filled=True, size=60)
    layers = [
        line,
        points.encode(shape=alt.Shape("run:N", scale=alt.Scale(domain=runs), legend=legend)),
    ]
    if target is not None:
        line_at = pd.DataFrame(
            {"validation": [target], "label": [say("target: {loss:.3f}", loss=target)]}
        )
        goal = alt.Chart(line_at).encode(
            y=alt.Y("validation:Q", title=say("validation loss (nats)"), scale=scale)
        )
        name = goal.mark_text(align="right", dx=-4, dy=-7, color=theme.BAD, fontSize=11)
        layers += [
            goal.mark_rule(strokeDash=[5, 4], color=theme.BAD),
            name.encode(x=alt.value("width"), text="label:N"),
        ]
    return alt.layer(*layers).properties(
        height=300, description=say("Validation loss against seconds of training, both racers.")
    )
