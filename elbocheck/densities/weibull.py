"""Weibull density, log p(x) = -z**k + (k - 1) log z - log(scale/k), z = x/scale, k = concentration, in nats, for x > 0.

With log z, not log x, in the energy the mass is scale/k exactly; the energy is infinite below 0. The chart is t = log x.
Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 21.
"""

import math
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import STEPS, Chart
from elbocheck.domain import POSITIVE
from elbocheck.kernels.elementary import product_error, ratio
from elbocheck.kernels.lift import Wide, lift

__all__ = ["weibull"]


def _power(x: float, scale: float, exponent: float) -> float:
    """z**exponent, with what the quotient lacks; a quotient of powers where z overflows and a small power does not."""
    z, low = ratio(x, 0.0, scale)
    if not 1e-300 < z < 1e300 and exponent < 1.1:
        return math.pow(x, exponent) / math.pow(scale, exponent)
    return math.pow(z, exponent) * (1.0 + (exponent * low / z if low != 0.0 else 0.0))


def _log_ratio(x: float, scale: float) -> float:
    """Log z, also beside z = 1 and where z overflows or underflows."""
    z, low = ratio(x, 0.0, scale)
    return math.log(z) + low / z if 1e-300 < z < 1e300 else math.log(x) - math.log(scale)


def _energy(x: float, scale: float, concentration: float) -> float:
    if x < 0.0 or x == inf:
        return inf
    rise = 0.0 if concentration == 1.0 else (concentration - 1.0) * _log_ratio(x, scale)
    return _power(x, scale, concentration) - rise


def _energy_by_scale(x: float, scale: float, concentration: float) -> float:
    fall = concentration * _power(x, scale, concentration)
    if fall < inf or x == inf:
        return ((concentration - 1.0) - fall) / scale
    root = _power(x, scale, 0.5 * concentration) / math.sqrt(
        scale
    )  # the power may overflow where the quotient does not
    return -concentration * root * root


def _energy_by_concentration(x: float, scale: float, concentration: float) -> float:
    # (z**k - 1) log z >= 0: a product, each factor right beside z = 1
    log_z = _log_ratio(x, scale)
    size = concentration * log_z
    return log_z * (math.expm1(size) if abs(size) < 1.0 else _power(x, scale, concentration) - 1.0)


def _normalizer(scale: float, concentration: float) -> float:
    mass = scale / concentration
    if not 1e-280 < mass < 1e280 or not 1e-250 < scale < 1e250:
        return math.log(scale) - math.log(concentration)
    return math.log(mass) - product_error(mass, concentration, scale) / scale  # what the quotient lacks


def _normalizer_by_scale(scale: float, _concentration: float) -> float:
    return 1.0 / scale


def _normalizer_by_concentration(_scale: float, concentration: float) -> float:
    return -1.0 / concentration


def _definition(m: Any, x: Any, scale: Any, concentration: Any) -> Any:
    z = x / scale
    return (concentration - 1) * m.log(z) - m.power(z, concentration)


def _log_mass(m: Any, scale: Any, concentration: Any) -> Any:
    return m.log(scale / concentration)


def _mean_of_log(m: Any, concentration: Any) -> Any:
    return m.digamma(m.exact(1)) / concentration  # z**k is a standard exponential


def _entropy(m: Any, scale: Any, concentration: Any) -> Any:
    rise = (concentration - 1) * _mean_of_log(m, concentration)
    return 1 - rise + _log_mass(m, scale, concentration)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (scale, k), (far, power) = this, other
    log_ratio = m.log(scale / far)
    mean = m.exp(power * log_ratio + m.lgamma(1 + power / k)) - (power - 1) * (log_ratio + _mean_of_log(m, k))
    return mean + _log_mass(m, *other) - _entropy(m, *this)


def _height(m: Any, t: Any, scale: Any, concentration: Any) -> Any:
    """The log density of log x without its normaliser, k s - e**(k s) with s = t - log scale, but for log scale."""
    s = concentration * (t - m.log(scale))
    return s - m.exp(s)


_LOG_CHART = Chart(
    point=lambda m, t, _scale, _concentration: m.exp(t),
    jacobian=lambda m, t, _scale, _concentration: m.exp(t),
    breaks=lambda m, scale, k: [-inf, *(m.log(scale) + step / k for step in STEPS), inf],
    log_density=lambda m, t, scale, k: _height(m, t, scale, k) - (t - m.log(scale)),
    log_product=lambda m, t, scale, k: _height(m, t, scale, k) + m.log(scale),
    fixed=True,
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], scale: Wide, concentration: Wide) -> Wide:
    draws = scale * rng.standard_exponential(shape) ** (1.0 / concentration)
    return np.maximum(draws, np.finfo(np.float64).smallest_subnormal)  # what underflows is not outside the support


weibull = Density(
    name="weibull",
    support=POSITIVE,
    forms=(
        Form(
            parameters=(
                Parameter(name="scale", domain=POSITIVE),
                Parameter(name="concentration", domain=POSITIVE, span=(1e-2, 1e3), oracle_span=(0.05, 50.0)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_scale), lift(_energy_by_concentration)),
            log_normalizer=lift(_normalizer),
            wide=True,
            log_normalizer_grad=(lift(_normalizer_by_scale), lift(_normalizer_by_concentration)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_LOG_CHART,),
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
        ),
    ),
    source="Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 21",
    shape="concentration",
)
