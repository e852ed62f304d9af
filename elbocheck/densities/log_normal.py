"""Log-normal density, log p(x) = -u**2/2 - log x - log(scale sqrt(2 pi)), u = (log x - loc)/scale, in nats, for x > 0.

The energy u**2/2 + log x belongs to x, not to log x; it is infinite up to 0. scale = e**log_scale. Its chart is t = log x.
Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 14.
"""

import math
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import STEPS, Chart
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import difference, half_square, log_root_two_pi_times, ratio, shrink, standardise
from elbocheck.kernels.lift import Wide, lift

__all__ = ["log_normal"]

LOG_ROOT_TWO_PI = 0.9189385332046728  # nearest double of log(2 pi)/2
LOG_ROOT_TWO_PI_REST = -3.8782941580672414e-17  # what it lacks


def _energy(x: float, loc: float, scale: float) -> float:
    if x <= 0.0:
        return inf
    y = math.log(x)
    return half_square(*ratio(y, loc, scale)) + y


def _energy_by_loc(x: float, loc: float, scale: float) -> float:
    return -standardise(math.log(x), loc, scale) / scale


def _energy_by_scale(x: float, loc: float, scale: float) -> float:
    z = standardise(math.log(x), loc, scale)
    return -(z / scale) * z


def _normalizer(_loc: float, scale: float) -> float:
    return log_root_two_pi_times(scale)


def _normalizer_by_scale(_loc: float, scale: float) -> float:
    return 1.0 / scale


def _half(y: float, loc: float, log_scale: float) -> float:
    """u**2/2 of y = log x."""
    high, low = difference(y, loc)
    precision = math.exp(-2.0 * log_scale)
    if not (1e-300 < precision < 1e300 and 1e-140 < abs(high) < 1e140):
        z = shrink(high, 2.0 * log_scale)
        return 0.5 * z * z
    return half_square(high, low) * precision


def _energy_log_scale(x: float, loc: float, log_scale: float) -> float:
    if x <= 0.0:
        return inf
    y = math.log(x)
    return _half(y, loc, log_scale) + y


def _energy_log_scale_by_loc(x: float, loc: float, log_scale: float) -> float:
    return -shrink(shrink(math.log(x) - loc, 2.0 * log_scale), 2.0 * log_scale)


def _energy_log_scale_by_log_scale(x: float, loc: float, log_scale: float) -> float:
    return -2.0 * _half(math.log(x), loc, log_scale)


def _normalizer_log_scale(_loc: float, log_scale: float) -> float:
    return (log_scale + LOG_ROOT_TWO_PI) + LOG_ROOT_TWO_PI_REST  # exact where it cancels


def _normalizer_log_scale_by_log_scale(_loc: float, _log_scale: float) -> float:
    return 1.0


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide) -> Wide:
    floats = np.finfo(np.float64)
    with np.errstate(over="ignore"):
        draws = np.exp(loc + scale * rng.standard_normal(shape))
    return np.clip(draws, floats.smallest_subnormal, floats.max / 2)  # what leaves the floats stays in the support


def _form(parameter: Parameter, kernels: Any, normalizers: Any, scale: Any, log_scale: Any, draw: Any) -> Form:
    """A parametrisation by kernels, (m, parameter) to the scale and its logarithm, and the sampler."""

    def height(m: Any, t: Any, loc: Any, value: Any) -> Any:
        return -(((t - loc) / scale(m, value)) ** 2) / 2

    def log_mass(m: Any, _loc: Any, value: Any) -> Any:
        return m.log(2 * m.pi) / 2 + log_scale(m, value)

    def kl(m: Any, this: Any, other: Any) -> Any:
        (loc, value), (far, wide) = this, other
        gap, narrower = (loc - far) / scale(m, wide), scale(m, value) / scale(m, wide)
        return (gap**2 + narrower**2 - 1) / 2 - (log_scale(m, value) - log_scale(m, wide))

    chart = Chart(
        point=lambda m, t, _loc, _value: m.exp(t),
        jacobian=lambda m, t, _loc, _value: m.exp(t),
        breaks=lambda m, loc, value: [-inf, *(loc + scale(m, value) * step for step in STEPS), inf],
        log_density=lambda m, t, loc, value: height(m, t, loc, value) - t,
        log_product=height,
        fixed=True,
    )
    energy, *slopes = map(lift, kernels)
    normalizer, normalizer_slope = map(lift, normalizers)
    return Form(
        parameters=(Parameter(name="loc", domain=REAL, span=(1e-30, 700.0)), parameter),
        energy=energy,
        energy_grad=tuple(slopes),
        log_normalizer=normalizer,
        wide=True,
        log_normalizer_grad=(None, normalizer_slope),
        definition=lambda m, x, loc, value: height(m, m.log(x), loc, value) - m.log(x),
        log_mass=log_mass,
        recipe=(chart,),
        draw=draw,
        entropy=lambda m, loc, value: loc + m.rational(1, 2) + log_mass(m, loc, value),
        kl=kl,
    )


log_normal = Density(
    name="log_normal",
    support=POSITIVE,
    forms=(
        _form(
            Parameter(name="scale", domain=POSITIVE, oracle_span=(1e-9, 1e9)),
            (_energy, _energy_by_loc, _energy_by_scale),
            (_normalizer, _normalizer_by_scale),
            scale=lambda _m, value: value,
            log_scale=lambda m, value: m.log(value),
            draw=_draw,
        ),
        _form(
            Parameter(name="log_scale", domain=REAL, span=(1e-30, 100.0), oracle_span=(1e-30, 20.0)),
            (_energy_log_scale, _energy_log_scale_by_loc, _energy_log_scale_by_log_scale),
            (_normalizer_log_scale, _normalizer_log_scale_by_log_scale),
            scale=lambda m, value: m.exp(value),
            log_scale=lambda _m, value: value,
            draw=lambda rng, shape, loc, log_scale: _draw(rng, shape, loc, np.exp(log_scale)),
        ),
    ),
    source="Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), ch. 14",
)
