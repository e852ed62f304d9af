"""Binomial mass function, log p(x) = log C(n, x) + x log p + (n - x) log(1 - p), in nats, for x = 0, 1, …, n.

n = total_count, p = probs = 1/(1 + e**-logits); the normaliser is 1. The support is said to be all counts: beyond n the
energy is infinite. Loader's form has positive terms only: two deviances, of x from n p and of r = n - x from n (1 - p), and
log(2 pi x r/n)/2 + d(x) + d(r) - d(n), d Stirling's remainder, which falls. Between integers C is the gamma functions'.
Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.9); Loader (2000), see poisson.
"""

import math
from math import inf, nan
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.negative_binomial import excess_of_mean, means, times_softplus
from elbocheck.densities.recipe import Levels
from elbocheck.domain import COUNTS, REAL, UNIT
from elbocheck.kernels.elementary import difference, product, sigmoid, softplus
from elbocheck.kernels.elements import BETWEEN
from elbocheck.kernels.gamma import (
    deviance_from_excess,
    digamma_step,
    log_gamma,
    log_gamma_step,
    log_root,
    stirling_error,
    stirling_error_from_one,
)  # fmt: skip
from elbocheck.kernels.lift import Summation, Wide, lift
from elbocheck.kernels.primitives import CAREFUL, by_type, fma

__all__ = ["binomial"]

FAR = by_type(600.0, 60.0)


def _log_ways(x: float, r: float) -> float:
    """Log C(x + r, x) where one of the two is below 1; 0 where it is 0."""
    few, many = min(x, r), max(x, r)
    return log_gamma_step(many + 1.0, few) - log_gamma(1.0 + few)


def _errors(x: float, r: float) -> float:
    """d(r) + d(x) - d(n)."""
    return stirling_error(r) + (stirling_error(x) - stirling_error(x + r))


def _errors_from_one(x: float, r: float) -> float:
    return stirling_error_from_one(r) + (stirling_error_from_one(x) - stirling_error_from_one(x + r))


def _between(x: float, r: float, ones: float, zeros: float, excess: float, lost: float, error: float) -> float:
    """The energy for 0 < x, r from the two means, by how much the first exceeds x, and the errors."""
    ways = log_root(x, r, x + r, error)
    return deviance_from_excess(x, ones, excess, lost) + (deviance_from_excess(r, zeros, -excess, -lost) + ways)


def _energy(x: float, total_count: float, logits: float) -> float:
    r = total_count - x
    if CAREFUL and BETWEEN and (0.0 < x < 1.0 or 0.0 < r < 1.0):  # there Stirling's remainder would cancel
        inside = (times_softplus(r, logits) + times_softplus(x, -logits)) - _log_ways(x, r)
        return inside if x > 0.0 and r > 0.0 else inf
    # beyond, p or 1 - p is as good as it is there, but for its logarithm
    near = -FAR if logits < -FAR else FAR if logits > FAR else logits
    far = logits - near
    ones, zeros, excess, lost = means(x, r, near)
    error = _errors(x, r) if BETWEEN else _errors_from_one(x, r)
    value = _between(x, r, ones, zeros, excess, lost, error) + (far * r if far > 0.0 else -far * x)
    if x == 0.0 or r == 0.0:  # an infinite parameter is an error, not a limit
        value = times_softplus(total_count, logits if x == 0.0 else -logits) + 0.0 * logits
    return inf if x < 0.0 or r < 0.0 else value


def _energy_by_total_count(x: float, total_count: float, logits: float) -> float:
    # between the integers; undefined for x > n
    r = total_count - x
    return softplus(logits) - digamma_step(r + 1.0, x) if x >= 0.0 and r >= 0.0 else nan


def _energy_by_logits(x: float, total_count: float, logits: float) -> float:
    r = total_count - x
    return excess_of_mean(x, r, logits) if x >= 0.0 and r >= 0.0 else nan


def _energy_probs(x: float, total_count: float, probs: float) -> float:
    r = total_count - x
    if CAREFUL and BETWEEN and (0.0 < x < 1.0 or 0.0 < r < 1.0):
        inside = -(x * math.log(probs) + r * math.log1p(-probs)) - _log_ways(x, r)
        return inside if x > 0.0 and r > 0.0 else inf
    ones = product(total_count, probs)
    excess, lost = difference(ones, x)
    lost += fma(total_count, probs, -ones)
    error = _errors(x, r) if BETWEEN else _errors_from_one(x, r)
    value = _between(x, r, ones, total_count * (1.0 - probs), excess, lost, error)
    if x == 0.0 or r == 0.0:
        value = -total_count * (math.log1p(-probs) if x == 0.0 else math.log(probs))
    value = 0.0 * probs if total_count == 0.0 else value  # 0 log 0
    return inf if x < 0.0 or r < 0.0 else value


def _energy_probs_by_total_count(x: float, total_count: float, probs: float) -> float:
    r = total_count - x
    return -math.log1p(-probs) - digamma_step(r + 1.0, x) if x >= 0.0 and r >= 0.0 else nan


def _energy_probs_by_probs(x: float, total_count: float, probs: float) -> float:
    if not 0.0 <= x <= total_count:
        return nan
    if x == 0.0:
        return total_count / (1.0 - probs) if total_count > 0.0 else 0.0 * probs
    if x == total_count:
        return -total_count / probs
    return fma(total_count, probs, -x) / (probs * (1.0 - probs))


def _within(m: Any, x: Any, total_count: Any, one: Any, zero: Any) -> Any:
    """The definition from log p and log(1 - p), of which 0 times is 0; x is an integer."""
    r, half, nothing = total_count - x, m.rational(1, 2), m.exact(0)

    def inside() -> Any:
        ways = m.lgamma(total_count + 1) - m.lgamma(x + 1) - m.lgamma(r + 1)
        ones = m.select(x - half, lambda: x * one(), lambda: nothing)
        return ways + ones + m.select(r - half, lambda: r * zero(), lambda: nothing)

    return m.select((x + half) * (r + half), inside, lambda: m.log(nothing))


def _definition(m: Any, x: Any, total_count: Any, logits: Any) -> Any:
    return _within(m, x, total_count, lambda: -m.softplus(-logits), lambda: -m.softplus(logits))


def _definition_probs(m: Any, x: Any, total_count: Any, probs: Any) -> Any:
    return _within(m, x, total_count, lambda: m.log(probs), lambda: m.log1p(-probs))


def _kl(m: Any, this: Any, other: Any) -> Any:
    (total_count, probs), (_, far) = this, other
    pairs = ((probs, far), (1 - probs, 1 - far))
    return total_count * sum((p * m.log(p / q) for p, q in pairs if not m.vanishes(p)), m.exact(0))


def _kl_logits(m: Any, this: Any, other: Any) -> Any:
    return _kl(m, (this[0], m.sigmoid(this[1])), (other[0], m.sigmoid(other[1])))


def _draw(rng: np.random.Generator, shape: tuple[int, ...], total_count: Wide, probs: Wide) -> Wide:
    return np.asarray(rng.binomial(total_count.astype(np.int64), probs, shape), dtype=np.float64)


def _draw_logits(rng: np.random.Generator, shape: tuple[int, ...], total_count: Wide, logits: Wide) -> Wide:
    return _draw(rng, shape, total_count, _sigmoid.wide(logits))


_sigmoid = lift(sigmoid)
_TOTAL_COUNT = Parameter(name="total_count", domain=COUNTS, span=(1, 2.0**53), oracle_span=(1, 256))
_UP_TO_N = Levels(highest=lambda total_count, _parameter: int(total_count))

binomial = Density(
    name="binomial",
    support=COUNTS,
    forms=(
        Form(
            parameters=(
                _TOTAL_COUNT,
                Parameter(name="logits", domain=REAL, span=(1e-30, 700.0), oracle_span=(1e-30, 30.0)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_total_count), lift(_energy_by_logits)),
            log_normalizer=None,
            log_normalizer_grad=(None, None),
            definition=_definition,
            log_mass=None,
            recipe=_UP_TO_N,
            draw=_draw_logits,
            mended=True,
            summation=Summation.KEPT,
            kl=_kl_logits,
        ),
        Form(
            parameters=(_TOTAL_COUNT, Parameter(name="probs", domain=UNIT)),
            energy=lift(_energy_probs),
            energy_grad=(lift(_energy_probs_by_total_count), lift(_energy_probs_by_probs)),
            log_normalizer=None,
            log_normalizer_grad=(None, None),
            definition=_definition_probs,
            log_mass=None,
            recipe=_UP_TO_N,
            draw=_draw,
            mended=True,
            summation=Summation.KEPT,
            kl=_kl,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.9)",
)
