"""Normal density, log p(x) = -((x - loc)/scale)**2 / 2 - log scale - log(2 pi)/2, in nats.

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (1.46).
"""

import math
from collections.abc import Mapping
from math import log, sqrt
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import LINE, Chart, line_breaks
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import (
    difference,
    finite,
    half_square,
    log_root_two_pi_times,
    ratio,
    shrink,
    standardise,
)
from elbocheck.kernels.libm import exp_parts
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import CAREFUL, EACH, by_type, fma

__all__ = ["normal"]

LOG_TWO_PI = 1.8378770664093456  # nearest double of log(2 pi)
LOG_TWO_PI_REST = by_type(float64=-7.756588316134483e-17, float32=3.126835435018904e-08)  # what it lacks in each type


def _energy(x: float, loc: float, scale: float) -> float:
    high, low = ratio(x, loc, scale)
    return half_square(high, low)


def _energy_by_loc(x: float, loc: float, scale: float) -> float:
    return -standardise(x, loc, scale) / scale


def _energy_by_scale(x: float, loc: float, scale: float) -> float:
    z = standardise(x, loc, scale)
    return -(z / scale) * z  # z*z may overflow where the quotient does not


def _normalizer(_loc: float, scale: float) -> float:
    return log_root_two_pi_times(scale)


def _normalizer_by_scale(_loc: float, scale: float) -> float:
    return 1.0 / scale


def _energy_log_var(x: float, loc: float, log_var: float) -> float:
    if EACH:
        high, low = difference(x, loc)
        precision, short = exp_parts(-log_var)
        half = 0.5 * high * high
        lost = fma(0.5 * high, high, -half) + high * low
        return fma(half, precision, finite(fma(half, short, lost * precision))) if x != loc else 0.0
    if not CAREFUL:
        z = math.exp(-0.5 * log_var) * (x - loc)
        return 0.5 * z * z if x != loc else 0.0
    high, low = difference(x, loc)
    precision = math.exp(-log_var)
    if not (1e-300 < precision < 1e300 and 1e-140 < abs(high) < 1e140):
        z = shrink(high, log_var)
        return 0.5 * z * z
    return half_square(high, low) * precision


def _energy_log_var_by_loc(x: float, loc: float, log_var: float) -> float:
    return -shrink(shrink(x - loc, log_var), log_var)


def _energy_log_var_by_log_var(x: float, loc: float, log_var: float) -> float:
    return -_energy_log_var(x, loc, log_var)


def _normalizer_log_var(_loc: float, log_var: float) -> float:
    return 0.5 * ((log_var + LOG_TWO_PI) + LOG_TWO_PI_REST)  # exact where it cancels


def _normalizer_log_var_by_log_var(_loc: float, _log_var: float) -> float:
    return 0.5


def _definition(_m: Any, x: Any, loc: Any, scale: Any) -> Any:
    return -(((x - loc) / scale) ** 2) / 2


def _log_mass(m: Any, _loc: Any, scale: Any) -> Any:
    return m.log(2 * m.pi) / 2 + m.log(scale)


def _entropy(m: Any, _loc: Any, scale: Any) -> Any:
    return m.rational(1, 2) + _log_mass(m, _loc, scale)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (loc, scale), (far, wide) = this, other
    return (((loc - far) / wide) ** 2 + (scale / wide) ** 2 - 1) / 2 - m.log(scale / wide)


def _by_log_var(function: Any) -> Any:
    """The same formula of (m, …, loc, log_var)."""
    return lambda m, *rest: function(m, *rest[:-1], m.exp(rest[-1] / 2))


def _kl_log_var(m: Any, this: Any, other: Any) -> Any:
    return _kl(m, *((loc, m.exp(log_var / 2)) for loc, log_var in (this, other)))


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide) -> Wide:
    return loc + scale * rng.standard_normal(shape)


def _draw_log_var(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, log_var: Wide) -> Wide:
    return _draw(rng, shape, loc, np.exp(0.5 * log_var))


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    if "log_var" in parameters:
        return {**parameters, "log_var": parameters["log_var"] - log(weight)}
    return {**parameters, "scale": parameters["scale"] / sqrt(weight)}


normal = Density(
    name="normal",
    support=REAL,
    forms=(
        Form(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="scale", domain=POSITIVE)),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale)),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=(None, lift(_normalizer_by_scale)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=LINE,
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
        ),
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="log_var", domain=REAL, span=(1e-30, 1400.0)),
            ),
            energy=lift(_energy_log_var),
            energy_grad=(lift(_energy_log_var_by_loc), lift(_energy_log_var_by_log_var)),
            log_normalizer=lift(_normalizer_log_var),
            log_normalizer_grad=(None, lift(_normalizer_log_var_by_log_var)),
            definition=_by_log_var(_definition),
            log_mass=_by_log_var(_log_mass),
            recipe=(
                Chart(
                    point=lambda m, t, loc, log_var: loc + t * m.exp(log_var / 2),
                    jacobian=lambda m, _t, _loc, log_var: m.exp(log_var / 2),
                    breaks=line_breaks,
                    coordinate=lambda m, x, loc, log_var: (x - loc) / m.exp(log_var / 2),
                ),
            ),
            draw=_draw_log_var,
            entropy=_by_log_var(_entropy),
            kl=_kl_log_var,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (1.46)",
    temper=_temper,
)
