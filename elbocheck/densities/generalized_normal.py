"""Generalised normal density, log p(x) = -|u|**power - log(2 scale Gamma(1 + 1/power)), u = (x - loc)/scale, in nats.

Laplace at power 1, normal of standard deviation scale/sqrt(2) at power 2.
Source: Nadarajah, A generalized normal distribution, J. Appl. Statist. 32 (2005).
"""

import math
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import STEPS, Chart
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import standardise
from elbocheck.kernels.gamma import digamma, log_gamma
from elbocheck.kernels.lift import Wide, lift

__all__ = ["generalized_normal"]

LOG_TWO = 0.6931471805599453
ROOT_TWO = 1.4142135623730951


def _power(x: float, loc: float, scale: float, exponent: float) -> float:
    """|u|**exponent; a quotient of powers where u overflows or underflows and a small power of it does not."""
    u = abs(standardise(x, loc, scale))
    if 1e-300 < u < 1e300 or x == loc or abs(exponent) > 1.1:
        return math.pow(u, exponent)
    if u > 1.0:
        return math.pow(abs(0.5 * x - 0.5 * loc), exponent) / math.pow(0.5 * scale, exponent)
    return math.pow(abs(x - loc), exponent) / math.pow(scale, exponent)


def _log_size(x: float, loc: float, scale: float) -> float:
    """Log |u|, also where u overflows or underflows."""
    u = abs(standardise(x, loc, scale))
    if 1e-300 < u < 1e300:
        return math.log(u)
    gap = math.log(abs(0.5 * x - 0.5 * loc)) + LOG_TWO if u > 1.0 else math.log(abs(x - loc))
    return gap - math.log(scale)


def _energy(x: float, loc: float, scale: float, power: float) -> float:
    return _power(x, loc, scale, power)


def _energy_by_loc(x: float, loc: float, scale: float, power: float) -> float:
    # power |u|**power / (x - loc): power - 1 would lose the digits of a small power
    if x == loc:
        return 0.0  # the middle of the kink, or cusp, of powers up to 1
    if math.isinf(x):
        return math.copysign(math.pow(inf, power - 1.0) * power / scale, -x)
    gap = abs(x - loc)
    root = _power(x, loc, scale, 0.5 * power)
    root /= math.sqrt(gap) if gap < inf else ROOT_TWO * math.sqrt(abs(0.5 * x - 0.5 * loc))
    return math.copysign(power * root * root, loc - x)


def _energy_by_scale(x: float, loc: float, scale: float, power: float) -> float:
    root = _power(x, loc, scale, 0.5 * power) / math.sqrt(scale)  # its square may be normal where |u|**power is not
    return -power * root * root


def _energy_by_power(x: float, loc: float, scale: float, power: float) -> float:
    root = _power(x, loc, scale, 0.5 * power)
    return 0.0 if x == loc else root * _log_size(x, loc, scale) * root


def _normalizer(_loc: float, scale: float, power: float) -> float:
    log_width = math.log(2.0 * scale) if scale < 1e300 else LOG_TWO + math.log(scale)
    return log_width + log_gamma(1.0 + 1.0 / power)


def _normalizer_by_scale(_loc: float, scale: float, _power: float) -> float:
    return 1.0 / scale


def _normalizer_by_power(_loc: float, _scale: float, power: float) -> float:
    part = 1.0 / power
    top = 1.0 + part  # what this rounding loses counts near the root of digamma: put back with trigamma, roughly
    lost = part - (top - 1.0)
    return -(digamma(top) + lost * (1.0 + (0.5 + 1.0 / (6.0 * top)) / top) / top) / power / power


def _definition(m: Any, x: Any, loc: Any, scale: Any, power: Any) -> Any:
    size = abs(x - loc) / scale
    return m.select(-size, lambda: m.exact(0), lambda: -m.power(size, power))  # 0 has no logarithm


def _log_mass(m: Any, _loc: Any, scale: Any, power: Any) -> Any:
    return m.log(2 * scale) + m.lgamma(1 + 1 / power)


def _entropy(m: Any, loc: Any, scale: Any, power: Any) -> Any:
    return 1 / power + _log_mass(m, loc, scale, power)


def _breaks(m: Any, _loc: Any, _scale: Any, power: Any) -> list[Any]:
    # about the mode; e**t - e**(power t) turns within 1/power where power is large, within 1/sqrt(power) where it is small
    mode, width = -m.log(power) / power, 1 / m.maximum(power, m.sqrt(power))
    return [-inf, *(mode + step * width for step in STEPS), inf]


def _side(sign: int) -> Chart:
    """X = loc + sign * scale e**t: log-concave in t for every power, and no cusp."""
    return Chart(
        point=lambda m, t, loc, scale, _power: loc + sign * scale * m.exp(t),
        jacobian=lambda m, t, _loc, scale, _power: scale * m.exp(t),
        breaks=_breaks,
        log_density=lambda m, t, _loc, _scale, power: -m.exp(power * t),
    )


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide, power: Wide) -> Wide:
    # |u|**power is Gamma(1/power); one power of a uniform is taken out of it, which would underflow for large powers
    size = rng.gamma(1.0 + 1.0 / power, size=shape) ** (1.0 / power)
    return loc + scale * rng.uniform(-1.0, 1.0, shape) * size


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    return {**parameters, "scale": parameters["scale"] * weight ** (-1.0 / parameters["power"])}


generalized_normal = Density(
    name="generalized_normal",
    support=REAL,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="scale", domain=POSITIVE),
                Parameter(name="power", domain=POSITIVE, span=(1e-2, 1e3)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_power)),
            log_normalizer=lift(_normalizer),
            wide=True,
            log_normalizer_grad=(None, lift(_normalizer_by_scale), lift(_normalizer_by_power)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_side(-1), _side(1)),
            draw=_draw,
            entropy=_entropy,
            kinks=lambda _m, loc, _scale, _power: [loc],
        ),
    ),
    source="Nadarajah, A generalized normal distribution, J. Appl. Statist. 32 (2005)",
    shape="power",
    temper=_temper,
)
