"""Gamma density, log p(x) = (concentration - 1) log x - rate x + concentration log rate - log Gamma(concentration).

In nats, for x > 0; the energy is infinite below 0. With a the concentration, Stirling's form of log Gamma leaves of the
normaliser a (log(a/rate) - 1) - log(a)/2 + …: two terms of the size of a log a, which may cancel, are never formed.
Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (B.26).
"""

import math
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import POSITIVE
from elbocheck.errors import ParameterError
from elbocheck.kernels.elementary import product_error
from elbocheck.kernels.gamma import digamma, log_gamma, log_minus_digamma, stirling_error
from elbocheck.kernels.lift import Wide, lift

__all__ = ["expm1_minus", "gamma", "outwards"]

LOG_ROOT_TWO_PI = 0.9189385332046728


def _energy(x: float, concentration: float, rate: float) -> float:
    if x < 0.0 or x == math.inf:
        return math.inf
    return rate * x - (0.0 if concentration == 1.0 else (concentration - 1.0) * math.log(x))


def _energy_by_concentration(x: float, _concentration: float, _rate: float) -> float:
    return -math.log(x)


def _energy_by_rate(x: float, _concentration: float, _rate: float) -> float:
    return x


def _log_quotient(a: float, b: float) -> float:
    quotient = a / b
    return math.log(quotient) if 1e-300 < quotient < 1e300 else math.log(a) - math.log(b)


def _normalizer(concentration: float, rate: float) -> float:
    if concentration < 1.0:
        return log_gamma(concentration) - concentration * math.log(rate)
    main = concentration * (_log_quotient(concentration, rate) - 1.0)
    return main + (LOG_ROOT_TWO_PI - 0.5 * math.log(concentration) + stirling_error(concentration))


def _normalizer_by_concentration(concentration: float, rate: float) -> float:
    if 1e-140 < concentration < 1.0:
        # digamma(a) = digamma(1 + a) - 1/a: beside the root 1/a cancels log rate, so its rounding is put back
        inverse = 1.0 / concentration
        product = inverse * concentration
        rest = ((1.0 - product) - product_error(inverse, concentration, product)) * inverse
        return (-inverse - math.log(rate)) + (digamma(1.0 + concentration) - rest)
    if concentration <= 1e-140:
        return digamma(concentration) - math.log(rate)
    return _log_quotient(concentration, rate) - log_minus_digamma(concentration)


def _normalizer_by_rate(concentration: float, rate: float) -> float:
    return -concentration / rate


def _definition(m: Any, x: Any, concentration: Any, rate: Any) -> Any:
    return (concentration - 1) * m.log(x) - rate * x


def _log_mass(m: Any, concentration: Any, rate: Any) -> Any:
    return m.lgamma(concentration) - concentration * m.log(rate)


def _entropy(m: Any, concentration: Any, rate: Any) -> Any:
    return concentration - m.log(rate) + m.lgamma(concentration) + (1 - concentration) * m.digamma(concentration)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (a, rate), (b, far) = this, other
    ratio = far / rate
    return (a - b) * m.digamma(a) - m.lgamma(a) + m.lgamma(b) - b * m.log(ratio) + a * (ratio - 1)


def expm1_minus(m: Any, s: Any, factor: Any) -> Any:
    """e**s - 1 - s, to be multiplied by a factor; from 3,333 on sharp on wide balls of a size that then matters, |s| < 1.

    e**s - 1 and s are each as wide as s, their difference should be of second order. cosh(s) - 1 = 2 sinh(s/2)**2 is,
    and so is sinh(s)/s - cosh(s) = -s**2/3 0F1(; 5/2; s**2/4), the two halves of what is sought.
    """

    def second_order() -> Any:
        even = 2 * m.sinh(s / 2) ** 2
        return even + s * (even - s * s / 3 * m.hyp0f1(m.rational(5, 2), s * s / 4))

    return m.select(factor - m.rational(10_000, 3), second_order, lambda: m.expm1(s) - s)


def _chart_log_density(m: Any, t: Any, concentration: Any, rate: Any) -> Any:
    # (a - 1) log x - rate x at x = (a + 1)/rate e**t
    origin = (concentration - 1) * m.log((concentration + 1) / rate) - concentration
    return origin - t - m.exp(t) - concentration * expm1_minus(m, t, concentration)


def _chart_log_product(m: Any, t: Any, concentration: Any, rate: Any) -> Any:
    origin = concentration * (m.log((concentration + 1) / rate) - 1)
    return origin - m.exp(t) - concentration * expm1_minus(m, t, concentration)


def outwards(m: Any, width: Any, reach: Any) -> list[Any]:
    """Distances from a mode: in fours from its width to the reach of an exponential tail, and that doubled thrice."""
    near = [width * 2 * 4**k for k in range(6) if m.surely_less(width * 4 ** (k + 1), reach)]
    return [*near, *(reach * k for k in (2, 4, 8))]


def _breaks(m: Any, concentration: Any, _rate: Any) -> list[Any]:
    # below the mode the density of log x falls like e**(a t), above it faster than that of a normal
    width = 1 / m.sqrt(concentration + 1)
    left, right = outwards(m, width, width + 1 / concentration), outwards(m, width, width)
    return [-inf, *(-step for step in left[::-1]), m.exact(0), *right, inf]


_LOG_CHART = Chart(
    point=lambda m, t, concentration, rate: (concentration + 1) / rate * m.exp(t),
    jacobian=lambda m, t, concentration, rate: (concentration + 1) / rate * m.exp(t),
    breaks=_breaks,
    log_density=_chart_log_density,
    log_product=_chart_log_product,
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], concentration: Wide, rate: Wide) -> Wide:
    draws = rng.standard_gamma(concentration, shape) / rate
    return np.maximum(draws, np.finfo(np.float64).smallest_subnormal)  # what underflows is not outside the support


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    concentration = weight * (parameters["concentration"] - 1.0) + 1.0
    if not concentration > 0.0:
        given = parameters["concentration"]
        raise ParameterError(f"gamma: density**{weight!r} has no finite mass at concentration = {given!r}")
    return {"concentration": concentration, "rate": weight * parameters["rate"]}


gamma = Density(
    name="gamma",
    support=POSITIVE,
    forms=(
        Form(
            parameters=(
                Parameter(name="concentration", domain=POSITIVE, oracle_span=(0.1, 1e9)),
                Parameter(name="rate", domain=POSITIVE),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_concentration), lift(_energy_by_rate)),
            log_normalizer=lift(_normalizer),
            wide=True,
            log_normalizer_grad=(lift(_normalizer_by_concentration), lift(_normalizer_by_rate)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_LOG_CHART,),
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (B.26)",
    temper=_temper,
)
