"""Logistic density, log p(x) = -u - 2 log(1 + e**-u) - log scale, u = (x - loc)/scale, in nats.

Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2 (1995), chapter 23.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Folded, Form, Parameter
from elbocheck.densities.recipe import LINE
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import difference, finite, ratio, standardise
from elbocheck.kernels.libm import LOG1P_UNIT, exp_of_negative, exp_of_negative_parts, log1p_unit
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import EACH, polynomial

__all__ = ["logistic"]


def _energy(x: float, loc: float, scale: float) -> float:
    # even in u: both terms are positive, nothing overflows
    if EACH:
        high, low = ratio(x, loc, scale)
        e, short = exp_of_negative_parts(-abs(high))
        total, rest = difference(abs(high), -2.0 * e)
        low = low if high > 0.0 else -low  # which counts tanh(u/2) times, where it shows once
        curved = 2.0 * e * e * polynomial(LOG1P_UNIT, e)  # 2 e - 2 log(1 + e)
        return total + (finite(rest + (low + 2.0 * short / (1.0 + e))) - curved)
    return _rest(x, loc, scale) + 2.0 * log1p_unit(_odds(x, loc, scale))


def _rest(x: float, loc: float, scale: float) -> float:
    return abs(standardise(x, loc, scale))


def _odds(x: float, loc: float, scale: float) -> float:
    return exp_of_negative(-abs(standardise(x, loc, scale)))


def _two(_x: float, _loc: float, _scale: float) -> float:
    return 2.0


def _energy_by_loc(x: float, loc: float, scale: float) -> float:
    return -math.tanh(0.5 * standardise(x, loc, scale)) / scale


def _energy_by_scale(x: float, loc: float, scale: float) -> float:
    u = standardise(x, loc, scale)
    return -(u / scale) * math.tanh(0.5 * u)


def _normalizer(_loc: float, scale: float) -> float:
    return math.log(scale)


def _normalizer_by_scale(_loc: float, scale: float) -> float:
    return 1.0 / scale


def _log_standard(m: Any, u: Any) -> Any:
    return -u - 2 * m.softplus(-u)


def _definition(m: Any, x: Any, loc: Any, scale: Any) -> Any:
    return _log_standard(m, (x - loc) / scale)


def _log_mass(m: Any, _loc: Any, scale: Any) -> Any:
    return m.log(scale)


def _entropy(m: Any, _loc: Any, scale: Any) -> Any:
    return 2 + m.log(scale)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide) -> Wide:
    return loc + scale * rng.logistic(size=shape)


logistic = Density(
    name="logistic",
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
            folded=Folded(rest=_rest, odds=_odds, weight=_two),
            recipe=(replace(LINE[0], log_density=lambda m, t, _loc, _scale: _log_standard(m, t)),),
            draw=_draw,
            entropy=_entropy,
        ),
    ),
    source="Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2 (1995), chapter 23",
)
