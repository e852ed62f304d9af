"""Certificates of the three questions people ask: Gaussian constants, what MSE means, and the Huber density."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import numpy as np

from elbocheck import enclosure, precision
from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.certify.members import Claims, Fact, difference, fact
from elbocheck.densities.huber import huber
from elbocheck.densities.laplace import laplace
from elbocheck.densities.normal import normal
from elbocheck.densities.recipe import STEPS
from elbocheck.enclosure import Enclosure
from elbocheck.errors import OracleError
from elbocheck.oracle import Member, exact
from elbocheck.tails import LogConcave

__all__ = ["NAMED", "Named"]

LARGEST = 8  # dimensions of a full covariance
PIXELS = 784


@dataclass(frozen=True)
class Named:
    """A certificate with a name: what it states, and its facts."""

    name: str
    states: str
    facts: Callable[[np.random.Generator, int, int], Iterator[Fact]]
    """(generator, points, digits) to facts."""


def _bell(scale: Callable[[Arithmetic], Number], digits: int) -> Enclosure:
    """The integral of e**(-x**2/(2 scale**2)) over the line, in x itself."""
    return enclosure.integrate(
        lambda m, x: m.exp(-((x / scale(m)) ** 2) / 2),
        lambda m: [-inf, *(scale(m) * step for step in STEPS), inf],
        digits,
        LogConcave(),
    )[0]


def _gaussian(rng: np.random.Generator, points: int, digits: int) -> Iterator[Fact]:
    for dimension in [1 + k % LARGEST for k in range(points)]:
        root = np.tril(rng.normal(size=(dimension, dimension))) * 10.0 ** rng.uniform(-3, 3, (dimension, 1))
        covariance = (root @ root.T + np.diag(np.diag(root @ root.T)) * 1e-3).tolist()
        scales = (10.0 ** rng.uniform(-30, 30, dimension)).tolist()
        yield fact("gaussian", {"scale": scales}, "diagonal", digits, partial(_diagonal, scales, digits))
        yield fact("gaussian", {"covariance": covariance}, "full", digits, partial(_full, covariance, digits))


def _diagonal(scales: list[float], digits: int) -> Claims:
    began = time.perf_counter()
    masses = [enclosure.log(_bell(partial(exact, value=scale), digits)) for scale in scales]
    ball = enclosure.total(masses)
    seconds = time.perf_counter() - began

    def closed(m: Any) -> Any:
        return sum((m.log(m.exact(s)) for s in scales), m.log(2 * m.pi) * m.rational(len(scales), 2))

    return ball.digits_of(1.0), seconds, _against(ball, closed, digits)


def _full(covariance: list[list[float]], digits: int) -> Claims:
    """One variable after another: given those before it, each is a bell whose variance is a pivot of the covariance."""
    began = time.perf_counter()
    size = len(covariance)
    masses = [enclosure.log(_bell(partial(_deviation, covariance, k), digits)) for k in range(size)]
    ball = enclosure.total(masses)
    seconds = time.perf_counter() - began

    def closed(m: Any) -> Any:
        return (m.log(2 * m.pi) * size + m.log_det(exact(m, covariance))) / 2

    return ball.digits_of(1.0), seconds, _against(ball, closed, digits)


def _deviation(covariance: list[list[float]], k: int, m: Any) -> Any:
    return m.sqrt(_pivot(m, covariance, k))


def _pivot(m: Any, covariance: list[list[float]], k: int) -> Any:
    """The variance of the k-th variable given the ones before it: a Schur complement."""
    if k == 0:
        return m.exact(covariance[0][0])
    before = [row[:k] for row in covariance[:k]]
    beside = exact(m, covariance[k][:k])
    weights = m.solve(exact(m, before), beside)
    return m.exact(covariance[k][k]) - sum((a * b for a, b in zip(weights, beside, strict=True)), m.exact(0))


def _against(ball: Enclosure, closed: Callable[[Any], Any], digits: int) -> list[tuple[str, Enclosure, str, Enclosure]]:
    formula = enclosure.enclose(closed, digits, floor=10.0 ** -min(digits, 300))
    seen = precision.agree(closed, digits)
    mpmath = enclosure.from_exact(*seen.exact(), seen.how)
    return [("balls", ball, "closed form", formula), ("closed form", formula, "mpmath", mpmath)]


REDUCTIONS: dict[str, Callable[[int, int], int]] = {
    "sum": lambda _pixels, _batch: 1,
    "mean over pixels": lambda pixels, _batch: pixels,
    "mean over batch": lambda _pixels, batch: batch,
    "mean over both": lambda pixels, batch: pixels * batch,
}


def _mse(rng: np.random.Generator, points: int, digits: int) -> Iterator[Fact]:
    for k in range(points):
        reduction = list(REDUCTIONS)[k % len(REDUCTIONS)]
        weight, batch = float(10.0 ** rng.uniform(-6, 6)), int(rng.integers(1, 512))
        at = {"weight": weight, "reduction": reduction, "pixels": PIXELS, "batch": batch}
        divisor = REDUCTIONS[reduction](PIXELS, batch)
        residual = float(rng.normal())
        yield fact("mse", at, "log Z = log(2 pi sigma**2)/2", digits, partial(_mse_mass, weight, divisor, digits))
        yield fact("mse", at, "gradient and arg min", digits, partial(_mse_slope, weight, divisor, residual, digits))


def _scale(m: Any, weight: float, divisor: int) -> Any:
    """The sigma of weight SSE / divisor: weight/divisor = 1/(2 sigma**2)."""
    return m.sqrt(divisor / (2 * m.exact(weight)))


def _mse_mass(weight: float, divisor: int, digits: int) -> Claims:
    began = time.perf_counter()
    ball = enclosure.integrate(
        lambda m, u: m.exp(-m.exact(weight) * u**2 / divisor),
        lambda m: [-inf, *(_scale(m, weight, divisor) * step for step in STEPS), inf],
        digits,
        LogConcave(),
    )[0]
    ball, seconds = enclosure.log(ball), time.perf_counter() - began
    form = normal.form(("loc", "scale"))

    def closed(m: Any) -> Any:
        return form.log_mass(m, m.exact(0), _scale(m, weight, divisor)) if form.log_mass else m.exact(0)

    return ball.digits_of(1.0), seconds, _against(ball, closed, digits)


def _mse_slope(weight: float, divisor: int, residual: float, digits: int) -> Claims:
    """The loss and the Gaussian energy have one derivative at a residual, and it vanishes at residual 0 in both."""
    began = time.perf_counter()
    form = normal.form(("loc", "scale"))

    def loss(m: Any, at: float) -> Any:
        return m.exact(weight) * m.variable(at) ** 2 / divisor

    def energy(m: Any, at: float) -> Any:
        return -form.definition(m, m.variable(at), m.exact(0), _scale(m, weight, divisor))

    claims = []
    for at in (residual, 0.0):
        one, other = (enclosure.taylor(partial(_at, f, at), digits, 2, floor=1e-300) for f in (loss, energy))
        claims += [("loss", one[k], "normal", other[k]) for k in range(2)]
    return float(digits), time.perf_counter() - began, claims


def _at(function: Callable[[Any, float], Any], at: float, m: Any) -> Any:
    return function(m, at)


def _huber(rng: np.random.Generator, points: int, digits: int) -> Iterator[Fact]:
    for delta in (10.0 ** np.linspace(-6, 6, points)).tolist():
        scale = float(10.0 ** rng.uniform(-6, 6))
        at = {"delta": delta, "scale": scale}
        member = Member(huber.forms[0], (0.0, scale, delta), place=2)
        yield fact("huber", at, "log Z and d/ddelta", digits, partial(_huber_mass, member, digits))
        yield fact("huber", at, "between Normal and Laplace", digits, partial(_huber_limits, delta, digits))


def _huber_mass(member: Member, digits: int) -> Claims:
    began = time.perf_counter()
    masses = member.mass(digits, order=3)
    slope, _ = enclosure.log_derivatives(masses)
    seconds = time.perf_counter() - began
    closed = member.closed(member.form.log_mass, digits, order=2)
    ball = enclosure.log(masses[0])
    seen = enclosure.log(member.witness(digits))
    claims = [("balls", ball, "closed form", closed[0]), ("balls", ball, "mpmath", seen)]
    claims.append(("d/ddelta in balls", slope, "closed form", closed[1]))
    steps = difference(member, 1, lambda ctx, values: huber.forms[0].log_mass(ctx, *values))  # type: ignore[misc]
    claims.append(("closed form", closed[1], "mpmath", steps))
    return min(ball.digits_of(1.0), slope.digits_of(1.0)), seconds, claims


def _huber_limits(delta: float, digits: int) -> Claims:
    """Z exceeds the Normal's and the Laplace's of scale 1/delta, by less than the leading term of what is left out.

    Z - sqrt(2 pi) = (2/delta) e**(-delta**2/2) - sqrt(2 pi) erfc(delta/sqrt 2), between 0 and the first term;
    Z - 2/delta = 2 int_0^delta e**(-u**2/2) du - (2/delta)(1 - e**(-delta**2/2)), between 0 and delta.
    """
    began = time.perf_counter()
    form, bell, peak = huber.forms[0], normal.form(("loc", "scale")), laplace.forms[0]

    def log_mass(m: Any) -> Any:
        return form.log_mass(m, m.exact(0), m.exact(1), m.exact(delta))  # type: ignore[misc]  # it has one

    def log_bell(m: Any) -> Any:
        return bell.log_mass(m, m.exact(0), m.exact(1))  # type: ignore[misc]  # it has one

    def log_peak(m: Any) -> Any:
        return peak.log_mass(m, m.exact(0), 1 / m.exact(delta))  # type: ignore[misc]  # it has one

    def beyond_bell(m: Any) -> Any:
        return m.exp(log_mass(m)) - m.exp(log_bell(m))

    def beyond_peak(m: Any) -> Any:
        return m.exp(log_mass(m)) - m.exp(log_peak(m))

    def tail(m: Any) -> Any:
        return 2 / m.exact(delta) * m.exp(-(m.exact(delta) ** 2) / 2)

    known, claims = [], []
    for name, limit, excess, bound in (
        ("sqrt(2 pi)", log_bell, beyond_bell, tail),
        ("2/delta", log_peak, beyond_peak, lambda m: m.exact(delta)),
    ):
        most = enclosure.enclose(bound, digits)
        if most.below(2 * digits + 300):  # no digit asked can tell them apart
            ours, theirs = (enclosure.enclose(formula, digits) for formula in (log_mass, limit))
            claims.append(("huber", ours, name, theirs))
            continue
        ball = enclosure.enclose(excess, digits)
        if not (ball.positive() and ball.less(most)):
            raise OracleError(f"Z exceeds {name} by {ball}, which is not between 0 and {most}")
        known.append(ball.digits)
    return min(known, default=float(digits)), time.perf_counter() - began, claims


NAMED = (
    Named(
        "gaussian-normaliser", "every Gaussian constant: diagonal, and full covariance up to 8 dimensions", _gaussian
    ),
    Named("mse-to-gaussian", "a SSE under any reduction is a Gaussian with sigma**2 = 1/(2 a)", _mse),
    Named("huber-density", "Z(delta, scale), its slope, and its limits Laplace and Normal", _huber),
)
