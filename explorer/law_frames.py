"""Fitted scaling laws as tidy DataFrames with documented columns, ready for charts."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from explorer.language import message, say
from explorer.scaling import EXPONENTS, Interval, Law, Parabola, Point

KAPLAN = message("slope of Kaplan et al. 2020: L ∝ C^-0.050")
HOFFMANN = message("slope of Hoffmann et al. 2022: L − E ∝ C^-0.154")


def parabolas(
    fitted: Mapping[str, Parabola], points: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(curves, lowest) of each budget's label: columns parameters, loss, budget; and for the
    lowest places also low and high, cut to the sizes that were trained."""
    curves, lowest = [], []
    for budget, parabola in fitted.items():
        N = points.loc[points["budget"] == budget, "parameters"]
        grid = np.geomspace(N.min(), N.max(), 40)
        values = {"parameters": grid, "loss": parabola.at(grid), "budget": budget}
        curves.append(pd.DataFrame(values))
        low, high = np.clip([parabola.N.low, parabola.N.high], N.min(), N.max())
        lowest.append((parabola.N.value, low, high, parabola.loss, budget))
    columns = ["parameters", "low", "high", "loss", "budget"]
    nothing = pd.DataFrame(columns=["parameters", "loss", "budget"])
    return pd.concat(curves) if curves else nothing, pd.DataFrame(lowest, columns=columns)


def band(law: Law | None, to: float | None = None) -> pd.DataFrame:
    """Columns flops, loss, low, high, measured: the best loss for FLOPs between the budgets that
    were measured, and beyond them `to` so many, where nothing was measured."""
    columns = ["flops", "loss", "low", "high", "measured"]
    if law is None:
        return pd.DataFrame(columns=columns)
    start, end = law.measured
    grid = list(np.geomspace(start, end, 25))
    if to is not None and to > end:
        grid += list(np.geomspace(end, to, 25))[1:]
    rows = [(C, *_told(law, C), end * 1.001 >= C) for C in grid]
    return pd.DataFrame(rows, columns=columns)


def _told(law: Law, C: float) -> tuple[float, float, float]:
    best = law.best(C)
    return best.value, best.low, best.high


def guides(law: Law | None) -> pd.DataFrame:
    """Columns flops, loss, law: published slopes, laid through our law at its smallest budget.

    Only the slopes are the papers': their losses are of other texts and other tokens.
    """
    if law is None:
        return pd.DataFrame(columns=["flops", "loss", "law"])
    start, end = law.measured
    C = np.geomspace(start, end, 15)
    first, E = law.best(start).value, float(law.theta[0])
    kaplan = first * (C / start) ** -0.050
    hoffmann = E + (first - E) * (C / start) ** -0.154
    parts = [(KAPLAN, kaplan), (HOFFMANN, hoffmann)]
    return pd.concat([pd.DataFrame({"flops": C, "loss": y, "law": say(n)}) for n, y in parts])


def marks(models: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """Columns flops, loss, label: models from elsewhere, name → (FLOPs, loss)."""
    rows = [(C, loss, f"{name}: {loss:g}") for name, (C, loss) in models.items()]
    return pd.DataFrame(rows, columns=["flops", "loss", "label"])


def exponents(law: Law) -> pd.DataFrame:
    """Columns exponent, here, Kaplan 2020, Hoffmann 2022: one row an exponent, all as text, in the
    learner's language."""
    fitted = law.parameters()
    rows = [
        (say("size, above E (α)"), _text(fitted["α"]), "–", "0.34"),
        (say("tokens, above E (β)"), _text(fitted["β"]), "–", "0.28"),
        (say("compute, above E (αβ/(α+β))"), _text(law.exponent_of_compute()), "–", "0.154"),
        (say("compute, of the whole loss"), _text(law.slope()), "0.050", "–"),
        (say("best size, with compute (β/(α+β))"), _text(law.exponent_of_size()), "0.73", "0.45"),
        (say("floor E (nats a token)"), _floor(fitted["E"]), "–", "1.69"),
    ]
    names = [say("exponent"), say("here (95 %)"), "Kaplan 2020", "Hoffmann 2022"]
    return pd.DataFrame(rows, columns=names)


def _text(interval: Interval) -> str:
    """The number and where it lies; an edge of what the fit may try is said as such."""
    low, high = EXPONENTS
    if interval.low < 1.02 * low or interval.high > 0.98 * high:
        return say(
            "not determined: {low:.2f} to {high:.2f} or beyond",
            low=interval.low,
            high=interval.high,
        )
    return _plain(interval)


def _plain(interval: Interval) -> str:
    return say(
        "{value:.2f} ({low:.2f} to {high:.2f})",
        value=interval.value,
        low=interval.low,
        high=interval.high,
    )


def _floor(E: Interval) -> str:
    """The floor cannot lie below 0: an interval that ends there only tells the other end."""
    return say("not determined: at most {high:.2f}", high=E.high) if E.low < 0.01 else _plain(E)


def by_budget(points: Sequence[Point]) -> dict[float, list[Point]]:
    """The points of each isoFLOP curve, smallest budget first."""
    budgets = sorted({point.budget for point in points})
    return {budget: [p for p in points if p.budget == budget] for budget in budgets}
