"""Readings of losses of counts and of durations: a rate, or a positive datum over a scale; and a soft target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate, Reading
from elbocheck.probing.curves import Grid
from elbocheck.probing.data_terms import (
    chi_datum,
    gamma_datum,
    gamma_mean_datum,
    log_datum,
    log_factorial,
    log_of,
    nothing,
    weibull_datum,
)
from elbocheck.probing.fit import Shapes
from elbocheck.probing.points import Points


def counts(where: str) -> Iterator[Candidate]:
    """List the readings of counts, and of a soft target on a simplex."""
    if where == "real":
        yield _poisson("log_rate", lambda r: r)
        yield Candidate("categorical", lambda p: (-p.x * p.prediction,), "log_probs", datum=nothing)
        return
    yield _poisson("rate", log_of)
    yield Candidate("categorical", lambda p: (-p.x * log_of(p.prediction),), "probs", guarded=True, datum=nothing)


def _poisson(parameter: str, log_rate: Callable[[Array], Array]) -> Candidate:
    def parts(points: Points) -> tuple[Array, ...]:
        rates = log_rate(points.prediction)
        rate = points.prediction if parameter == "rate" else _exp(rates)
        return (rate - _product(points.x, rates),)

    return Candidate("poisson", parts, parameter, guarded=parameter == "rate", datum=log_factorial)


def _product(x: Array, v: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.where(x == 0, 0.0, x * v)


def durations(where: str) -> Iterator[Candidate]:
    """Exponential and gamma (x/s + a log s), Weibull ((x/s)^k + k log s), chi (x^2/(2 s^2) + n log s), log-normal."""
    kinds: Mapping[str, Callable[[Array], Array]] = (
        {"log_rate": lambda r: -r, "log_scale": lambda r: r}
        if where == "real"
        else {"rate": lambda r: -log_of(r), "scale": log_of}
    )
    for parameter, log_scale in kinds.items():
        guarded = where != "real"
        parts = _over_scale(log_scale)
        yield Candidate("exponential", _added(parts), parameter, guarded=guarded, datum=nothing, reread=_mean)
        yield Candidate("gamma", parts, parameter, guarded=guarded, datum=gamma_datum, read=_concentration, extra=1)
        if "scale" in parameter:
            yield from _chi(parameter, log_scale, guarded=guarded)
            powers = (Grid("concentration", np.geomspace(0.05, 50, 41)),)
            parts, inner = _weibull(log_scale)
            yield Candidate("weibull", parts, parameter, powers, guarded=guarded, datum=weibull_datum, inner=inner)
    if where == "real":
        yield Candidate(
            "log_normal", lambda p: (0.5 * (log_of(p.x) - p.prediction) ** 2,), datum=log_datum, reread=_spread
        )
    else:
        yield Candidate(
            "log_normal", lambda p: (0.5 * log_of(p.x / p.prediction) ** 2,), "median", datum=log_datum, reread=_spread
        )


def _chi(parameter: str, log_scale: Callable[[Array], Array], *, guarded: bool) -> Iterator[Candidate]:
    """List the lengths of n normal deviates of scale s: (1 - n) log x is what tells them from other powers of 2."""

    def parts(points: Points) -> tuple[Array, ...]:
        s = log_scale(points.prediction)
        return 0.5 * _product(points.x**2, _exp(-2 * s)), s

    for n, name in CHI.items():
        yield Candidate(
            name,
            lambda p, n=n: (parts(p)[0] + n * parts(p)[1],),
            parameter,
            guarded=guarded,
            datum=chi_datum(n),
            whole=True,
        )


CHI = {1: "half_normal", 2: "rayleigh", 3: "maxwell"}
"""Of so many deviates (Johnson, Kotz and Balakrishnan, Continuous univariate distributions 1 (1994), chapter 18)."""


def _added(parts: Callable[[Points], tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
    return lambda points: (np.sum(parts(points), axis=0),)


def _mean(candidate: Candidate, x: Array, datum: Array) -> tuple[Candidate, float, dict[str, float]] | None:
    """Read a gamma of known concentration by its mean: x/m + log m of weight a, and (1 - a) log x from the data alone.

    Returns:
        The candidate, what its weight is over the exponential's, and its concentration; None where the data's term is none.
    """
    kept = x > 0
    slope, _ = np.polyfit(np.log(x[kept]), datum[kept], 1)
    if not slope > -1 or abs(slope) < budget.NORMALISER:
        return None
    a = 1 / (1 + slope)
    told = replace(candidate, family="gamma", parameter=MEANS[candidate.parameter], datum=gamma_mean_datum)
    return told, 1 / a, {"concentration": float(a)}


def _spread(candidate: Candidate, x: Array, datum: Array) -> tuple[Candidate, float, dict[str, float]] | None:
    """Read the variance of a log-normal off its log x, which that of the logarithms' square divides."""
    kept = x > 0
    variance, _ = np.polyfit(np.log(x[kept]), datum[kept], 1)
    return (
        (replace(candidate, reread=None), float(variance), {"scale": float(np.sqrt(variance))})
        if variance > 0
        else None
    )


MEANS = {"scale": "mean", "log_scale": "log_mean", "rate": "inverse_mean", "log_rate": "negative_log_mean"}


def _over_scale(log_scale: Callable[[Array], Array]) -> Callable[..., tuple[Array, ...]]:
    def parts(points: Points) -> tuple[Array, ...]:
        s = log_scale(points.prediction)
        return _product(points.x, _exp(-s)), s

    return parts


def _weibull(
    log_scale: Callable[[Array], Array],
) -> tuple[Callable[..., tuple[Array, ...]], Callable[..., Array]]:
    """Return the part, and the size of what a power rounds: its exponent's relative error is its own absolute one."""

    def exponent(points: Points, concentration: float | Array) -> Array:
        v = concentration * (log_of(points.x) - log_scale(points.prediction))
        return np.minimum(v, FAR)

    def parts(points: Points, concentration: Array) -> tuple[Array, ...]:
        return (np.exp(exponent(points, concentration)) + concentration * log_scale(points.prediction),)

    def inner(points: Points, concentration: float) -> Array:
        v = np.maximum(exponent(points, concentration), -FAR)
        return np.abs(v) * np.exp(v)

    return parts, inner


def _exp(v: Array) -> Array:
    """Return e^v where that keeps its digits, NaN where v is large."""
    with np.errstate(over="ignore"):
        return np.where(v < STEEP, np.exp(v), np.nan)


STEEP = 30.0
"""An exponential of more than this loses five bits and rules out whatever stands beside it."""
FAR = 250.0
"""A power may be tried whose exponential would overflow: cut off here it is still larger than any value that is kept."""


def _concentration(weights: Array, _names: Sequence[str], _shapes: Shapes) -> Reading:
    """Read x/s + a log s: a gamma of concentration a, an exponential where that is 1."""
    if not weights[0] * weights[1] > 0:
        return np.nan, {}
    return float(weights[0]), {"concentration": float(weights[1] / weights[0])}
