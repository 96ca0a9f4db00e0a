"""Scaling laws fitted to measured losses, with their uncertainty. Pure functions, by SciPy.

The law is that of Hoffmann et al. 2022 (approach 3), L(N, D) = E + A/N^α + B/D^β; from it follows
the best loss for a number of FLOPs. Every isoFLOP curve also gets a parabola in log N (approach
2). The law's intervals come from a residual bootstrap (Efron & Tibshirani 1993, chapter 9): the
residuals are dealt out anew, the law fitted again. Each run has one seed: the luck of the first
weights is in the residuals. What cannot be told from the points raises FitError, one sentence in
the language of the session.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.language import count, say
from gpt.errors import GPTError

Floats = NDArray[np.float64]
PARAMETERS = ("E", "A", "α", "B", "β")
REFITS = 200
COVERED = (2.5, 97.5)  # percent: intervals of 95 %
FEWEST_RUNS = 8  # five numbers are fitted; what is left over tells how well
EXPONENTS = (0.02, 2.0)  # at an edge, the points do not tell how fast the loss falls
REFERENCE_N, REFERENCE_D = 1e5, 1e6  # A and B are fitted as losses there: of order one, like E


class FitError(GPTError):
    """The points do not determine what was asked of them."""


@dataclass(frozen=True)
class Point:
    """One finished run: N parameters, D tokens, C FLOPs, the FLOPs it was planned for, its loss."""

    N: float
    D: float
    C: float
    budget: float
    loss: float


@dataclass(frozen=True)
class Interval:
    """A fitted number and where it lies with 95 % confidence."""

    value: float
    low: float
    high: float

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high


# --- one isoFLOP curve -----------------------------------------------------------------------


@dataclass(frozen=True)
class Parabola:
    """loss = a + b·x + c·x², x = ln N: the least-squares fit of one isoFLOP curve."""

    coefficients: Floats  # (a, b, c)
    N: Interval  # where it is lowest
    loss: float  # and how low

    def at(self, N: Floats) -> Floats:
        x = np.log(N)
        return self.coefficients @ np.stack([np.ones_like(x), x, x * x])


def parabola(points: Sequence[Point]) -> Parabola:
    """The lowest place of one isoFLOP curve; its interval by the delta method and Student's t.

    Raises FitError with fewer than four sizes, or when the lowest place is not among them.
    """
    from scipy import stats

    if len({p.N for p in points}) < 4:
        raise FitError(
            count(
                len(points),
                "{n} size is trained under this budget, a parabola needs 4 or more: let the sweep"
                " finish.",
                "{n} sizes are trained under this budget, a parabola needs 4 or more: let the sweep"
                " finish.",
            )
        )
    N = np.array([p.N for p in points])
    x, y = np.log(N), np.array([p.loss for p in points])
    middle = x.mean()  # centred, or the columns of the table are nearly the same
    table = np.stack([np.ones_like(x), x - middle, (x - middle) ** 2], axis=1)
    (a, b, c), *_ = np.linalg.lstsq(table, y, rcond=None)
    place = middle - b / (2 * c) if c > 0 else np.inf
    if not x.min() < place < x.max():
        raise FitError(
            say(
                "The curve has no lowest place between its smallest and its largest size: the best"
                " size lies outside of what was trained."
            )
        )
    spare = len(x) - 3
    variance = float(((y - table @ [a, b, c]) ** 2).sum()) / spare
    covariance = variance * np.linalg.inv(table.T @ table)
    slope = np.array([0.0, -1 / (2 * c), b / (2 * c * c)])
    reach = stats.t.ppf(COVERED[1] / 100, spare) * np.sqrt(slope @ covariance @ slope)
    plain = np.array([a - b * middle + c * middle**2, b - 2 * c * middle, c])
    lowest = Interval(*(float(np.exp(place + sign * reach)) for sign in (0, -1, 1)))
    return Parabola(plain, lowest, float(a - b * b / (4 * c)))


# --- the law over all runs -------------------------------------------------------------------


@dataclass(frozen=True)
class Law:
    """L(N, D) = E + A/N^α + B/D^β, fitted; `refits` are its parameters on dealt-out residuals."""

    theta: Floats  # (5,): E, loss of size at REFERENCE_N, α, loss of tokens at REFERENCE_D, β
    refits: Floats  # (REFITS, 5)
    residuals: Floats  # nats, made as wide as those of new runs
    flops_per_product: float  # C / (N·D), typical of the family: about 6 and attention
    measured: tuple[float, float]  # the FLOPs between which it was fitted

    def interval(self, of: Callable[[Floats], float]) -> Interval:
        """What `of` makes of the parameters, and where that lies."""
        low, high = np.percentile([of(theta) for theta in self.refits], COVERED)
        return Interval(of(self.theta), float(low), float(high))

    def parameters(self) -> dict[str, Interval]:
        """E, A, α, B, β as the papers write them, each with its interval."""
        make = [(lambda theta, i=i: float(_written(theta)[i])) for i in range(len(PARAMETERS))]
        return {name: self.interval(of) for name, of in zip(PARAMETERS, make, strict=True)}

    def exponent_of_compute(self) -> Interval:
        """αβ/(α+β): the best loss above E falls with this power of C."""
        return self.interval(lambda t: float(t[2] * t[4] / (t[2] + t[4])))

    def exponent_of_size(self) -> Interval:
        """β/(α+β): the best size grows with this power of C."""
        return self.interval(lambda t: float(t[4] / (t[2] + t[4])))

    def slope(self) -> Interval:
        """The power of C with which the whole best loss falls between the measured budgets."""
        low, high = (C / self.flops_per_product for C in self.measured)
        steps = np.log(high / low)
        return self.interval(lambda t: float(np.log(_best(t, low) / _best(t, high)) / steps))

    def best(self, C: float) -> Interval:
        """The lowest loss that C FLOPs can buy, at the best size."""
        return self.interval(lambda theta: _best(theta, C / self.flops_per_product))

    def predict(self, N: float, D: float) -> Interval:
        """The loss of one run not seen yet: the law's uncertainty and one run's scatter."""
        draws = np.random.default_rng(0).choice(self.residuals, len(self.refits))
        expected = np.array([loss(theta, N, D) for theta in self.refits])
        low, high = np.percentile(expected + draws, COVERED)
        return Interval(float(loss(self.theta, N, D)), float(low), float(high))


def loss(theta: Floats, N: Floats | float, D: Floats | float) -> Floats:
    """The law: parameters (5,) and any N, D of one shape → losses of that shape."""
    E, a, alpha, b, beta = theta
    return E + a * (N / REFERENCE_N) ** -alpha + b * (D / REFERENCE_D) ** -beta


def fit(points: Sequence[Point], refits: int = REFITS) -> Law:
    """The law of these runs by least squares; raises FitError when they do not determine it."""
    if len(points) < FEWEST_RUNS or len({p.budget for p in points}) < 2:
        raise FitError(
            count(
                len(points),
                "{n} run is finished, a law of five numbers needs {fewest} or more under at least"
                " two budgets: let the sweep finish.",
                "{n} runs are finished, a law of five numbers needs {fewest} or more under at least"
                " two budgets: let the sweep finish.",
                fewest=FEWEST_RUNS,
            )
        )
    N, D, y = (np.array([getattr(p, name) for p in points]) for name in ("N", "D", "loss"))
    if not np.isfinite(y).all():
        raise FitError(say("One of the losses is not a number: a run diverged, train it anew."))
    found = _least_squares(N, D, y, np.array([y.min() / 2, 0.3, 0.4, 0.3, 0.4]))
    theta = found.x
    _refuse_undetermined(theta, found.jac)
    fitted = loss(theta, N, D)
    wide = np.sqrt(len(y) / (len(y) - len(theta)))  # fitted residuals are too small
    residuals = (y - fitted) * wide
    residuals -= residuals.mean()
    generator = np.random.default_rng(0)
    again = [
        _least_squares(N, D, fitted + generator.choice(residuals, len(y)), theta).x
        for _ in range(refits)
    ]
    C = np.array([p.C for p in points])
    product = float(np.exp(np.mean(np.log(C / (N * D)))))
    return Law(theta, np.array(again), residuals, product, (float(C.min()), float(C.max())))


def _least_squares(N: Floats, D: Floats, y: Floats, start: Floats) -> Any:
    from scipy.optimize import least_squares

    n, d = N / REFERENCE_N, D / REFERENCE_D

    def slopes(theta: Floats) -> Floats:  # (points, 5)
        _, a, alpha, b, beta = theta
        of_size, of_tokens = n**-alpha, d**-beta
        columns = [
            np.ones_like(y),
            of_size,
            -a * of_size * np.log(n),
            of_tokens,
            -b * of_tokens * np.log(d),
        ]
        return np.stack(columns, axis=1)

    low, high = EXPONENTS
    bounds = ([0.0, 1e-6, low, 1e-6, low], [np.inf, np.inf, high, np.inf, high])
    return least_squares(
        lambda theta: loss(theta, N, D) - y, start, jac=slopes, bounds=bounds, max_nfev=300
    )


def _refuse_undetermined(theta: Floats, jacobian: Floats) -> None:
    low, high = EXPONENTS
    for name, value in (("α", theta[2]), ("β", theta[4])):
        if not 1.02 * low < value < 0.98 * high:
            raise FitError(
                say(
                    "The fit is not determined: {name} runs to the edge of what it may be ({low:g}"
                    " to {high:g}), so these losses do not tell how fast they fall. Train more"
                    " sizes or a larger budget.",
                    name=name,
                    low=low,
                    high=high,
                )
            )
    if np.linalg.matrix_rank(jacobian) < len(theta):
        raise FitError(
            say(
                "The fit is not determined: different laws pass through these points equally well."
                " Train more sizes or a larger budget."
            )
        )


def _written(theta: Floats) -> tuple[float, ...]:
    """(E, A, α, B, β), with N and D counted in ones."""
    E, a, alpha, b, beta = theta
    return E, a * REFERENCE_N**alpha, alpha, b * REFERENCE_D**beta, beta


def _best(theta: Floats, product: float) -> float:
    """The lowest loss with N·D = product, in closed form (Hoffmann et al. 2022, equation 4)."""
    _, A, alpha, B, beta = _written(theta)
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * product ** (beta / (alpha + beta))
    return float(loss(theta, N, product / N))
