"""Means under the standard normal density as sums over a lattice, with proven errors.

The rule (Trefethen and Weideman, SIAM Review 56 (2014), theorem 5.1): where f is analytic for |Im u| <= a, decays there, and
the integral of |f(x + iy)| dx is at most M for every |y| <= a,

    |h sum_k f(offset + k h) - integral f| <= 2 M/(e**(2 pi a/h) - 1).

The normal density phi has |phi(x + iy)| = phi(x) e**(y**2/2). The strip a may be chosen freely: it is taken where h is widest.

Logistic functions at w = p + iq, |q| < pi, from |1 + e**w| >= 1 for |q| <= pi/2 and >= sin|q| beyond (the distance of -1
from the ray at angle q), and from |1 + e**w|**2 - (1 + e**p)**2 cos(q/2)**2 = (1 - e**p)**2 sin(q/2)**2 >= 0:

    |softplus(w)| <= softplus(p) + |q| + log(1/sin q),  |sigmoid(w)| <= 1/sin q,  |sigmoid(w)| <= sigmoid(p)/cos(q/2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import flint
from flint import arb

from elbocheck.arithmetic import Number
from elbocheck.enclosure.balls import Ball, Balls, real
from elbocheck.enclosure.integrals import integrate
from elbocheck.errors import OracleError
from elbocheck.tails import LogConcave

__all__ = [
    "ANGLE",
    "NODES",
    "goal",
    "normal_mean_of_sigmoids",
    "normal_means_of_softplus",
    "phi",
    "strip_error",
    "within",
]  # fmt: skip

SPARE = 48  # bits of the working precision left to rounding
ANGLE = 3.0  # the strip ends short of pi, where the logistic functions are singular
WIDE = 256  # scale from which on panels are cheaper than a lattice
NODES = 1 << 20  # of one line


def goal() -> int:
    """Bits that lattice sums aim at, given flint's precision."""
    return int(flint.ctx.prec) - SPARE


def strip_error(size: Any, height: Any, step: Any) -> Any:
    """The bound of the rule: 2 size/(e**(2 pi height/step) - 1)."""
    return 2 * size / (2 * arb.pi() * height / step).expm1()


def phi(u: Any) -> Any:
    """The standard normal density."""
    return (-(u**2) / 2).exp() / (2 * arb.pi()).sqrt()


def normal_means_of_softplus(m: Balls, loc: Ball, scale: Ball) -> tuple[Ball, Ball, Ball]:
    """E softplus(t), E sigmoid(t) and E sigmoid'(t) for t ~ N(loc, scale**2).

    By softplus(t) = t + softplus(-t) the location may be taken <= 0. With e = exp(loc), r = exp(scale h k) and
    S = e (r + 1/r) the nodes k and -k share one logarithm and one division:

        softplus:  log(1 + e**2 + S)      sigmoid:  (S + 2 e**2)/(1 + e**2 + S)
        sigmoid':  ((1 + e**2) S + 4 e**2)/(1 + e**2 + S)**2

    Strip: a scale <= 3, so M <= e**(a**2/2) (scale + 51) for each: E softplus(p) <= 1 + scale, 3 + log(1/sin 3) < 5,
    |sigmoid| < 8, |sigmoid'| = |sigmoid(w) sigmoid(-w)| <= 1/sin(3)**2 < 51.
    Tail beyond X >= 1: a pair is at most 2 + scale x, so it is at most phi(X) (2 + scale) by Q(X) <= phi(X)/X.

    Args:
        m: the vocabulary.
        loc: mean of t.
        scale: standard deviation of t, >= 0.

    Raises:
        OracleError: if a wide one is not enclosed by panels.
    """
    center, spread = real(loc.raw), real(scale.raw)
    wide = spread.abs_upper()
    if wide > WIDE:
        return _by_panels(m, loc, scale)
    swap = bool(center.mid() > 0)
    per_unit, height = _lattice(float(wide))
    weights, density_beyond = _weights(per_unit, goal())
    e = (-center if swap else center).exp()
    log_sum, slope, curvature = _logistic_sums(e, (spread / per_unit).exp(), weights)
    error = strip_error((arb(height) ** 2 / 2).exp() * (wide + 51), arb(height), 1 / arb(per_unit))
    error = arb(0, (error + density_beyond * (2 + wide)).abs_upper())
    if swap:
        log_sum, slope = log_sum + center, 1 - slope
    return Ball(log_sum + error, m), Ball(slope + error, m), Ball(curvature + error, m)


def _lattice(scale: float) -> tuple[int, float]:
    """Nodes per unit of u and the height of the strip in which they are enough."""
    bits = goal() * math.log(2)
    height = min(math.sqrt(2 * bits), ANGLE / scale if scale else math.inf)
    return math.ceil((bits + height**2 / 2 + math.log(2 * scale + 102)) / (2 * math.pi * height)), height


def _by_panels(m: Balls, loc: Ball, scale: Ball) -> tuple[Ball, Ball, Ball]:
    """The same means where the lattice would be long; the three functions are log-concave."""
    center, spread = (float(real(ball.raw).mid()) for ball in (loc, scale))
    near = [16.0**k for k in range(1, 2 + math.ceil(math.log(spread, 16)))]
    marks = sorted({*(center + spread * k for k in (-8, -3, -1, 0, 1, 3, 8)), 0.0, *near, *(-t for t in near)})
    digits = math.floor(goal() * math.log10(2))

    def mean(function: Callable[[Balls, Ball], Number]) -> Ball:
        def integrand(n: Balls, t: Ball) -> Number:
            return n.exp(-(((t - loc) / scale) ** 2) / 2) / (scale * n.sqrt(2 * n.pi)) * function(n, t)

        found = integrate(integrand, lambda n: [-math.inf, *map(n.exact, marks), math.inf], digits, LogConcave())
        return Ball(found[0].ball, m)

    def slope(n: Balls, t: Ball) -> Number:
        return n.select(t, lambda: n.sigmoid(t), lambda: n.exp(t) * n.sigmoid(-t))

    def curvature(n: Balls, t: Ball) -> Number:
        return n.exp(-abs(t)) * n.sigmoid(abs(t)) ** 2

    # both sides of a select are one function: exp stays small on the wide balls of its own side
    return mean(lambda n, t: n.softplus(t)), mean(slope), mean(curvature)


@lru_cache(maxsize=64)
def _weights(per_unit: int, bits: int) -> tuple[list[Any], Any]:
    """The normal density at k/per_unit over per_unit, k = 0 halved, and the density at the last node."""
    last = math.ceil(math.sqrt(2 * bits * math.log(2)) * per_unit)
    density = [phi(arb(k) / per_unit) for k in range(last + 1)]
    return [density[0] / (2 * per_unit), *(value / per_unit for value in density[1:])], density[-1]


def _logistic_sums(e: Any, ratio: Any, weights: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The three sums over pairs of nodes."""
    log_sum = slope = curvature = arb(0)
    square, up, down, inverse = e * e, e, e, 1 / ratio
    one = 1 + square
    for weight in weights:
        both = up + down
        over = 1 / (one + both)
        part = weight * over
        log_sum += weight * (square + both).log1p()
        slope += part * (both + 2 * square)
        curvature += part * over * (one * both + 4 * square)
        up, down = up * ratio, down * inverse
    return log_sum, slope, curvature


def normal_mean_of_sigmoids(m: Balls, slopes: Sequence[Sequence[Ball]], offsets: Sequence[Ball]) -> Ball:
    """E prod_d sigmoid(slopes[d] . z + offsets[d]) for z ~ N(0, I), by one sum inside the other.

    In each latent direction, at any values of the others, the integrand f is positive and in the strip at most
    f(Re z) e**(a**2/2) prod_d 1/cos(a slope_d/2) (the third bound above): the error is relative, however small the mean.
    The integral over the other latents inherits that bound, so relative errors of nested sums multiply.
    Tail: log f + z**2/2 is concave, of an integral over other latents too (Prekopa), so once f falls it stays below
    f(z_N) e**(-(z - z_N)**2/2), and what lies beyond z_N is at most f(z_N) sqrt(pi/2).

    Args:
        m: the vocabulary.
        slopes: D rows of L.
        offsets: D.

    Returns:
        The mean, a ball of small relative radius.

    Raises:
        OracleError: if a slope asks for too many nodes.
    """
    axes = [_Axis.of([row[axis].raw for row in slopes]) for axis in range(len(slopes[0]))]
    return Ball(_line(axes, [(-offset.raw).exp() for offset in offsets], 0)[0], m)


@dataclass(frozen=True)
class _Axis:
    """One latent direction: its lattice, e**(-slope_d step) and the relative error of its sums."""

    step: Any
    factors: list[Any]
    error: Any
    density: dict[int, Any] = field(default_factory=dict)

    @staticmethod
    def of(slopes: list[Any]) -> _Axis:
        sizes = [float(slope.abs_upper()) for slope in slopes]
        bits, steepest = goal() * math.log(2), max(sizes)
        most = min(math.sqrt(2 * bits), math.pi / steepest if steepest else math.inf)
        found = (0.0, 0.0)
        for trial in range(1, 64):
            height = most * trial / 64
            growth = height**2 / 2 - sum(math.log(math.cos(height * size / 2)) for size in sizes)
            found = max(found, (2 * math.pi * height / (bits + growth + 1), height))
        step, height = arb(found[0]), arb(found[1])
        if found[0] * NODES < math.sqrt(2 * bits):
            raise OracleError(f"a weight of size {steepest:g} asks for more than {NODES} nodes")
        size = (height**2 / 2).exp()
        for slope in slopes:
            size /= (height * slope.abs_upper() / 2).cos()
        return _Axis(step, [(-slope * step).exp() for slope in slopes], strip_error(size, height, step))

    def weight(self, k: int) -> Any:
        """The normal density at the k-th node times the step."""
        if k not in self.density:
            self.density[k] = phi(k * self.step) * self.step
        return self.density[k]


def _line(axes: Sequence[_Axis], exps: list[Any], start: int) -> tuple[Any, int]:
    """The mean over the remaining latents, `exps` being e**-logit at their zero, and the node of the largest term."""
    if not axes:
        product = arb(1)
        for value in exps:
            product *= 1 + value
        return 1 / product, 0
    axis, *rest = axes
    negligible, beyond = arb(2) ** -goal(), (arb.pi() / 2).sqrt()
    here = [value * factor**start for value, factor in zip(exps, axis.factors, strict=True)]
    inner, hint = _line(rest, here, 0)
    total = peak = inner * axis.weight(start)
    mode, error = start, arb(0)
    for way in (1, -1):
        factors = axis.factors if way == 1 else [1 / factor for factor in axis.factors]
        k, moved, near, last = start, here, hint, inner * axis.weight(start)
        while True:
            k, before = k + way, last
            moved = [value * factor for value, factor in zip(moved, factors, strict=True)]
            inner, near = _line(rest, moved, near)
            last = inner * axis.weight(k)
            total += last
            if last > peak:
                peak, mode = last, k
            if last < before and last < total * negligible * axis.step:
                error += last / axis.step * beyond
                break
    return (total + arb(0, error.abs_upper())) / (1 + arb(0, axis.error.abs_upper())), mode


def within(bound: Ball) -> Ball:
    """A number of which only a bound is known: the ball [-bound, bound]."""
    return Ball(arb(0, real(bound.raw).abs_upper()), bound.m)
