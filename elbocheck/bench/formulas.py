"""What is timed: the textbook log densities as people type them, on data as a decoder's output has it.

A formula takes a namespace of array functions first, NumPy's or a framework's, then x and the parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["WORKLOADS", "Workload"]

LOG_ROOT_TWO_PI = math.log(2.0 * math.pi) / 2.0
SCALE, DELTA, DF, COUNT, LEVELS = 0.75, 1.25, 4.5, 3.5, 256.0


@dataclass(frozen=True)
class Workload:
    """A family as it is timed.

    Attributes:
        family: the density's name.
        moving: the parameter that is an array, the decoder's output.
        fixed: the others, one number each.
        draw: (generator, shape) to x and the moving parameter, float64.
        formula: (m, x, moving) to the log density of each number.
        hard: values of x and of the moving parameter at which formulas lose digits.
    """

    family: str
    moving: str
    fixed: Mapping[str, float]
    draw: Callable[[np.random.Generator, tuple[int, ...]], tuple[Any, Any]]
    formula: Callable[..., Any]
    hard: tuple[tuple[float, float], ...] = ()


def _real(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return rng.normal(size=shape), rng.normal(size=shape)


def _binary(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return np.rint(rng.random(shape)), 3.0 * rng.normal(size=shape)


def _gray(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return rng.random(shape), 3.0 * rng.normal(size=shape)


def _counts(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    rate = rng.gamma(3.0, 2.0, size=shape)
    return rng.poisson(rate).astype(np.float64), rate


def _overdispersed(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return rng.poisson(6.0, size=shape).astype(np.float64), rng.normal(size=shape)


def _levels(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    loc = rng.uniform(0.0, LEVELS - 1.0, size=shape)
    return np.clip(np.rint(loc + 8.0 * rng.logistic(size=shape)), 0.0, LEVELS - 1.0), loc


def _normal(_m: Any, x: Any, loc: Any) -> Any:
    return -0.5 * ((x - loc) / SCALE) ** 2 - math.log(SCALE) - LOG_ROOT_TWO_PI


def _bernoulli(m: Any, x: Any, logits: Any) -> Any:
    return x * logits - m.relu(logits) - m.log1p(m.exp(-m.abs(logits)))


def _huber(m: Any, x: Any, loc: Any) -> Any:
    u = m.abs(x - loc) / SCALE
    core, tails = math.sqrt(2.0 * math.pi) * math.erf(DELTA / math.sqrt(2.0)), 2.0 / DELTA * math.exp(-0.5 * DELTA**2)
    return -m.where(u <= DELTA, 0.5 * u * u, DELTA * (u - 0.5 * DELTA)) - math.log(SCALE * (core + tails))


def _laplace(m: Any, x: Any, loc: Any) -> Any:
    return -m.abs(x - loc) / SCALE - math.log(2.0 * SCALE)


def _student_t(m: Any, x: Any, loc: Any) -> Any:
    constant = math.lgamma((DF + 1) / 2) - math.lgamma(DF / 2) - 0.5 * math.log(math.pi * DF) - math.log(SCALE)
    return constant - 0.5 * (DF + 1.0) * m.log1p(((x - loc) / SCALE) ** 2 / DF)


def _poisson(m: Any, x: Any, rate: Any) -> Any:
    return x * m.log(rate) - rate - m.lgamma(x + 1.0)


def _negative_binomial(m: Any, x: Any, logits: Any) -> Any:
    small = m.log1p(m.exp(-m.abs(logits)))
    ways = m.lgamma(x + COUNT) - math.lgamma(COUNT) - m.lgamma(x + 1.0)
    return ways - COUNT * (m.relu(logits) + small) - x * (m.relu(-logits) + small)


def _continuous_bernoulli(m: Any, x: Any, logits: Any) -> Any:
    safe = m.where(m.abs(logits) < 1e-3, 1e-3 + 0.0 * logits, logits)
    exact = m.log(m.abs(m.exp(safe) - 1.0)) - m.log(m.abs(safe))
    series = 0.5 * logits + logits * logits / 24.0
    return x * logits - m.where(m.abs(logits) < 1e-3, series, exact)


def _discretized_logistic(m: Any, x: Any, loc: Any) -> Any:
    above, below = (x + 0.5 - loc) / 8.0, (x - 0.5 - loc) / 8.0
    upper, lower = 1.0 / (1.0 + m.exp(-above)), 1.0 / (1.0 + m.exp(-below))
    low, high = -m.log1p(m.exp(-above)), -m.log1p(m.exp(below))
    middle = m.log(m.where(upper - lower > 1e-12, upper - lower, 1e-12 + 0.0 * upper))
    return m.where(x < 0.5, low, m.where(x > LEVELS - 1.5, high, middle))


WORKLOADS = (
    Workload("normal", "loc", {"scale": SCALE}, _real, _normal),
    Workload("bernoulli", "logits", {}, _binary, _bernoulli, ((0.0, -10.0), (1.0, 20.0), (0.0, -40.0), (0.0, 50.0))),
    Workload("huber", "loc", {"scale": SCALE, "delta": DELTA}, _real, _huber),
    Workload("laplace", "loc", {"scale": SCALE}, _real, _laplace),
    Workload("student_t", "loc", {"scale": SCALE, "df": DF}, _real, _student_t),
    Workload("poisson", "rate", {}, _counts, _poisson, ((1e3, 1e3), (1e5, 1e5), (0.0, 1e-3), (1.0, 1e-3))),
    Workload("negative_binomial", "logits", {"total_count": COUNT}, _overdispersed, _negative_binomial, ((1e4, 8.0), (0.0, -12.0))),
    Workload("continuous_bernoulli", "logits", {}, _gray, _continuous_bernoulli, ((0.3, 1e-2), (0.5, -2e-3), (0.9, 12.0))),
    Workload("discretized_logistic", "loc", {"scale": 8.0, "levels": LEVELS}, _levels, _discretized_logistic,
             ((200.0, 20.0), (100.0, 250.0), (0.0, 200.0), (255.0, 3.0))),
)  # fmt: skip
