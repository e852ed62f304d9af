"""Negative binomial mass function, log p(x) = log[G(x + r) / (x! G(r))] + r log(1 - p) + x log p, in nats.

G is the gamma function, r = total_count > 0 need not be an integer, p = 1/(1 + e**-logits), x = 0, 1, …; the normaliser is
1. As in Loader's form of the binomial, the energy is two deviances, from n p and n (1 - p) with n = x + r, and
log(2 pi x n/r)/2 + d(x) - d(n) + d(r), d Stirling's remainder, which falls: nothing cancels.
Source: Casella and Berger, Statistical Inference (2002), eq. (3.2.10); Loader (2000), see poisson.
"""

import math
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.poisson import draw_counts
from elbocheck.densities.recipe import Ladder
from elbocheck.domain import COUNTS, POSITIVE, REAL
from elbocheck.kernels.elementary import difference, product, sigmoid, softplus
from elbocheck.kernels.elements import BETWEEN
from elbocheck.kernels.gamma import (
    deviance_from_excess,
    digamma_step_parts,
    log_gamma,
    log_gamma_step,
    log_root,
    stirling_error,
    stirling_error_from_one,
)  # fmt: skip
from elbocheck.kernels.libm import exp_of_negative, exp_of_negative_parts, log1p_unit
from elbocheck.kernels.lift import Summation, Wide, lift
from elbocheck.kernels.primitives import CAREFUL, EACH, ROUNDED, by_type, fma

__all__ = ["excess_of_mean", "means", "negative_binomial", "times_softplus"]

FAR = by_type(600.0, 60.0)
E_FAR = math.exp(-600.0)


def excess_of_mean(x: float, total_count: float, logits: float) -> float:
    """n p - x = r p - x (1 - p), for p about 1/2 as (r - x)/2 + n tanh(l/2)/2: r may be x, and l small."""
    if abs(logits) < 1.0:
        grown = math.expm1(logits)
        return 0.5 * (total_count - x) + 0.5 * (total_count + x) * (grown / (2.0 + grown))
    return total_count * sigmoid(logits) - x * sigmoid(-logits)


def times_softplus(count: float, logits: float) -> float:
    """Count log(1 + e**l), of which the second may be subnormal, with what e**l lacks where that shows."""
    if CAREFUL:
        far = FAR if logits < -FAR else 0.0
        e = exp_of_negative(far - abs(logits))
        return count * E_FAR * e if far > 0.0 else count * ((logits if logits > 0.0 else 0.0) + log1p_unit(e))
    if EACH:
        e, short = exp_of_negative_parts(-abs(logits))
        return fma(count, log1p_unit(e), count * (max(logits, 0.0) + short / (1.0 + e)))
    return count * softplus(logits)


def means(x: float, r: float, logits: float) -> tuple[float, float, float, float]:
    """n p and n (1 - p) of n = x + r, how much the first exceeds x, and what that lacks: (r - x w)/(1 + w) for p > 1/2 and
    (r w - x)/(1 + w) for others, w = e**-|l|."""
    n = x + r
    w, short = exp_of_negative_parts(-abs(logits))
    whole = 1.0 + w
    likely, other = n / whole, n * w / whole
    count = x if logits > 0.0 else -r
    part = product(count, w)
    above, lost = difference(r if logits > 0.0 else -x, part)
    excess = above / whole
    lost -= fma(count, w, -part) + count * short + excess * ((w - (whole - 1.0)) + short)
    lost = (fma(-excess, whole, above) + lost) / whole
    if not CAREFUL and not EACH:  # beside large counts both terms are large
        excess, lost = excess + lost, 0.0
    return (likely, other, excess, lost) if logits > 0.0 else (other, likely, excess, lost)


def _energy(x: float, total_count: float, logits: float) -> float:
    if CAREFUL and BETWEEN and 0.0 < x < 1.0:
        slopes = total_count * softplus(logits) + x * softplus(-logits)
        return slopes + (log_gamma(1.0 + x) - log_gamma_step(total_count, x))
    # beyond, p or 1 - p is as good as it is there, but for its logarithm
    near = -FAR if logits < -FAR else FAR if logits > FAR else logits
    far = logits - near
    beyond = far * total_count if far > 0.0 else -far * x
    value = _from_one(x if x >= 1.0 else x + 1.0, total_count, near) + beyond
    if BETWEEN and x < 1.0:  # a step down the recurrence
        value -= softplus(-logits) + math.log((x + 1.0) / (x + total_count))
    if x == 0.0:
        value = times_softplus(total_count, near) + beyond if ROUNDED else times_softplus(total_count, logits)
        value += 0.0 * logits  # an infinite parameter is an error, not a limit
    return math.inf if x < 0.0 else value


def _from_one(x: float, total_count: float, logits: float) -> float:
    n = x + total_count
    ones, zeros, excess, lost = means(x, total_count, logits)
    error = stirling_error(total_count) + (stirling_error_from_one(x) - stirling_error_from_one(n))
    ways = log_root(x, n, total_count, error)
    apart = deviance_from_excess(total_count, zeros, -excess, -lost)
    return deviance_from_excess(x, ones, excess, lost) + (apart + ways)


def _energy_by_total_count(x: float, total_count: float, logits: float) -> float:
    if x == 0.0 or x == math.inf or total_count == math.inf:
        return softplus(logits) - (0.0 * x if total_count == math.inf else x + 0.0 * total_count)
    # where log(1 + e**l) and log(1 + x/r) cancel, the logarithm of their quotient does not
    start, tail, total = digamma_step_parts(total_count, x)
    excess = (start * math.exp(min(logits, 30.0)) - x) / (start + x)
    apart = softplus(logits) - math.log1p(x / start)
    return (math.log1p(excess) if -0.5 < excess < 1.0 and logits < 30.0 else apart) - (tail + total)


def _energy_by_logits(x: float, total_count: float, logits: float) -> float:
    return excess_of_mean(x, total_count, logits)


def _definition(m: Any, x: Any, total_count: Any, logits: Any) -> Any:
    ways = m.lgamma(x + total_count) - m.lgamma(total_count) - m.lgamma(x + 1)
    return ways - total_count * m.softplus(logits) - x * m.softplus(-logits)


def _mode(total_count: float, logits: float) -> int:
    return int(max(total_count - 1.0, 0.0) * math.exp(logits))


def _constants(m: Any, total_count: Any, logits: Any) -> tuple[Any, Any]:
    return total_count, m.sigmoid(logits)


def _ratio(_m: Any, k: int, total_count: Any, probs: Any) -> Any:
    return (k + total_count) / (k + 1) * probs


def _limit(m: Any, k: int, total_count: Any, probs: Any) -> Any:
    # (k + r)/(k + 1) falls to 1 for r > 1 and rises to 1 for r < 1
    return m.maximum((k + total_count) / (k + 1), m.exact(1)) * probs


def _draw(rng: np.random.Generator, shape: tuple[int, ...], total_count: Wide, logits: Wide) -> Wide:
    return draw_counts(rng, shape, rng.standard_gamma(total_count, shape) * np.exp(logits))


negative_binomial = Density(
    name="negative_binomial",
    support=COUNTS,
    forms=(
        Form(
            parameters=(
                Parameter(name="total_count", domain=POSITIVE, oracle_span=(0.1, 300.0)),
                Parameter(name="logits", domain=REAL, span=(1e-30, 700.0), oracle_span=(1e-30, 4.5)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_total_count), lift(_energy_by_logits)),
            log_normalizer=None,
            log_normalizer_grad=(None, None),
            definition=_definition,
            log_mass=None,
            recipe=Ladder(mode=_mode, ratio=_ratio, limit=_limit, constants=_constants),
            draw=_draw,
            mended=True,
            summation=Summation.KEPT,
        ),
    ),
    source="Casella and Berger, Statistical Inference (2002), eq. (3.2.10)",
)
