"""Laplace density, log p(x) = -|x - loc|/scale - log(2 scale), in nats.

Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2 (1995), eq. (24.1).
"""

import math
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import ratio, standardise
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import EACH

__all__ = ["laplace"]

LOG_TWO = 0.6931471805599453


def _energy(x: float, loc: float, scale: float) -> float:
    if EACH:
        high, low = ratio(x, loc, scale)
        return abs(high + low)
    return abs(standardise(x, loc, scale))


def _energy_by_loc(x: float, loc: float, scale: float) -> float:
    if x == loc:
        return 0.0  # the middle of the kink
    return -1.0 / scale if x > loc else 1.0 / scale if x < loc else math.nan


def _energy_by_scale(x: float, loc: float, scale: float) -> float:
    return -abs(standardise(x, loc, scale)) / scale


def _normalizer(_loc: float, scale: float) -> float:
    return math.log(2.0 * scale) if scale < 1e300 else LOG_TWO + math.log(scale)  # the product is exact


def _normalizer_by_scale(_loc: float, scale: float) -> float:
    return 1.0 / scale


def _definition(_m: Any, x: Any, loc: Any, scale: Any) -> Any:
    return -abs(x - loc) / scale


def _log_mass(m: Any, _loc: Any, scale: Any) -> Any:
    return m.log(2 * scale)


def _entropy(m: Any, loc: Any, scale: Any) -> Any:
    return 1 + _log_mass(m, loc, scale)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (loc, scale), (far, wide) = this, other
    gap, ratio = abs(loc - far), scale / wide
    return gap / wide + ratio * m.expm1(-gap / scale) + (ratio - 1) - m.log(ratio)


def _side(sign: int) -> Chart:
    """X = loc + sign * scale t, t >= 0: no kink."""
    return Chart(
        point=lambda _m, t, loc, scale: loc + sign * scale * t,
        jacobian=lambda _m, _t, _loc, scale: scale,
        breaks=lambda m, *_: [m.exact(0), m.exact(1), m.exact(8), inf],
        log_density=lambda _m, t, _loc, _scale: -t,
        coordinate=lambda _m, x, loc, scale: sign * (x - loc) / scale,
    )


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide) -> Wide:
    return loc + scale * rng.laplace(size=shape)


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    return {**parameters, "scale": parameters["scale"] / weight}


laplace = Density(
    name="laplace",
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
            recipe=(_side(-1), _side(1)),
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
            kinks=lambda _m, loc, _scale: [loc],
        ),
    ),
    source="Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2 (1995), eq. (24.1)",
    temper=_temper,
)
