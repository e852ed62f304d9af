"""Beta density, log p(x) = (a - 1) log x + (b - 1) log(1 - x) - log B(a, b), a = concentration1, b = concentration0.

In nats, for 0 < x < 1; the energy is infinite outside [0, 1]. The chart is x = sigmoid(t), so that neither x nor 1 - x is lost.
Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.13).
"""

import math
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.gamma import expm1_minus, outwards
from elbocheck.densities.recipe import Chart
from elbocheck.domain import OPEN_UNIT, POSITIVE
from elbocheck.kernels.gamma import digamma_step, log_beta
from elbocheck.kernels.lift import Wide, lift

__all__ = ["beta"]


def _energy(x: float, concentration1: float, concentration0: float) -> float:
    if x < 0.0 or x > 1.0:
        return math.inf
    one = 0.0 if concentration1 == 1.0 else (1.0 - concentration1) * math.log(x)
    return one + (0.0 if concentration0 == 1.0 else (1.0 - concentration0) * math.log1p(-x))


def _energy_by_concentration1(x: float, _concentration1: float, _concentration0: float) -> float:
    return -math.log(x)


def _energy_by_concentration0(x: float, _concentration1: float, _concentration0: float) -> float:
    return -math.log1p(-x)


def _normalizer(concentration1: float, concentration0: float) -> float:
    return log_beta(concentration1, concentration0)


def _normalizer_by_concentration1(concentration1: float, concentration0: float) -> float:
    return -digamma_step(concentration1, concentration0)


def _normalizer_by_concentration0(concentration1: float, concentration0: float) -> float:
    return -digamma_step(concentration0, concentration1)


def _definition(m: Any, x: Any, a: Any, b: Any) -> Any:
    return (a - 1) * m.log(x) + (b - 1) * m.log1p(-x)


def _log_mass(m: Any, a: Any, b: Any) -> Any:
    return m.lgamma(a) + m.lgamma(b) - m.lgamma(a + b)


def _entropy(m: Any, a: Any, b: Any) -> Any:
    slopes = (a - 1) * m.digamma(a) + (b - 1) * m.digamma(b) - (a + b - 2) * m.digamma(a + b)
    return _log_mass(m, a, b) - slopes


def _kl(m: Any, this: Any, other: Any) -> Any:
    steps = [mine - theirs for mine, theirs in zip(this, other, strict=True)]
    both = (steps[0] + steps[1]) * m.digamma(this[0] + this[1])
    slopes = steps[0] * m.digamma(this[0]) + steps[1] * m.digamma(this[1]) - both
    return slopes + _log_mass(m, *other) - _log_mass(m, *this)


def _chart_log_product(m: Any, t: Any, a: Any, b: Any) -> Any:
    """-a softplus(-t) - b softplus(t).

    Of large a and b the two terms cancel about the mode, t = log(a/b) + s: with shares p = a/(a + b) and q, their sum is
    -a log p - b log q + (a + b) log(1 + q f(-p s) + p f(q s)), f(u) = e**u - 1 - u, where all is positive.
    """
    left, right = m.softplus(-t), m.softplus(t)
    total, size = a + b, a * b / (a + b)
    p, q = a / total, b / total

    def about_the_mode() -> Any:
        s = t - m.log(a / b)
        second_order = q * expm1_minus(m, -p * s, size) + p * expm1_minus(m, q * s, size)
        return total * m.log1p(second_order) - a * m.log(p) - b * m.log(q)

    return -m.select(size - m.rational(10_000, 3), about_the_mode, lambda: a * left + b * right)


def _chart_log_density(m: Any, t: Any, a: Any, b: Any) -> Any:
    """The same without the Jacobian sigmoid(t) sigmoid(-t)."""
    return _chart_log_product(m, t, a, b) + m.softplus(-t) + m.softplus(t)


def _breaks(m: Any, a: Any, b: Any) -> list[Any]:
    center, width = m.log((a + 1) / (b + 1)), m.sqrt(1 / (a + 1) + 1 / (b + 1))
    left, right = (outwards(m, width, width + 1 / slope) for slope in (a, b))
    return [-inf, *(center - step for step in left[::-1]), center, *(center + step for step in right), inf]


_LOGIT_CHART = Chart(
    point=lambda m, t, _a, _b: m.sigmoid(t),
    jacobian=lambda m, t, _a, _b: m.exp(-m.softplus(t) - m.softplus(-t)),  # sigmoid(t) sigmoid(-t), sharp on wide balls
    breaks=_breaks,
    log_density=_chart_log_density,
    log_product=_chart_log_product,
    fixed=True,
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], concentration1: Wide, concentration0: Wide) -> Wide:
    draws = rng.beta(concentration1, concentration0, shape)
    return np.clip(draws, np.finfo(np.float64).smallest_subnormal, 1.0 - 2.0**-53)  # what rounds to an end is inside


_CONCENTRATIONS = tuple(
    Parameter(name=name, domain=POSITIVE, oracle_span=(0.1, 1e9)) for name in ("concentration1", "concentration0")
)

beta = Density(
    name="beta",
    support=OPEN_UNIT,
    forms=(
        Form(
            parameters=_CONCENTRATIONS,
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_concentration1), lift(_energy_by_concentration0)),
            log_normalizer=lift(_normalizer),
            wide=True,
            log_normalizer_grad=(lift(_normalizer_by_concentration1), lift(_normalizer_by_concentration0)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_LOGIT_CHART,),
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.13)",
)
