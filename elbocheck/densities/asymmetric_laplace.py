"""Asymmetric Laplace density, log p(x) = -rho(u) - log(scale / (quantile (1 - quantile))), u = (x - loc)/scale, in nats.

rho(u) = quantile u for u >= 0 and (1 - quantile) |u| below: the pinball loss, whose best loc is that quantile of the data.
Source: Koenker and Machado, Goodness of fit and related inference processes for quantile regression, JASA 94 (1999); Yu and
Moyeed, Bayesian quantile regression, Statist. Probab. Lett. 54 (2001).
"""

import math
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import OPEN_UNIT, POSITIVE, REAL
from elbocheck.kernels.elementary import product_error, standardise
from elbocheck.kernels.lift import Wide, lift

__all__ = ["asymmetric_laplace"]


def _weight(x: float, loc: float, quantile: float) -> float:
    return 1.0 - quantile if x < loc else quantile


def _energy(x: float, loc: float, scale: float, quantile: float) -> float:
    weight, u = _weight(x, loc, quantile), abs(standardise(x, loc, scale))
    return weight * u if u < inf else weight / (0.5 * scale) * abs(0.5 * x - 0.5 * loc)  # the product may be finite


def _energy_by_loc(x: float, loc: float, scale: float, quantile: float) -> float:
    if x == loc:
        return (0.5 - quantile) / scale  # the middle of the kink
    return -quantile / scale if x > loc else (1.0 - quantile) / scale if x < loc else math.nan


def _energy_by_scale(x: float, loc: float, scale: float, quantile: float) -> float:
    weight = _weight(x, loc, quantile)  # 0 where a float32 rounds quantile to 1
    return 0.0 if weight == 0.0 else -(weight / scale) * abs(standardise(x, loc, scale))


def _energy_by_quantile(x: float, loc: float, scale: float, _quantile: float) -> float:
    return standardise(x, loc, scale)


def _normalizer(_loc: float, scale: float, quantile: float) -> float:
    # one logarithm of one quotient: beside the root, what its roundings lack is put back
    rest = 1.0 - quantile
    share = quantile * rest
    mass = scale / share
    if not 1e-280 < mass < 1e280 or not 1e-250 < scale < 1e250:
        return math.log(scale) - math.log(share)
    lost = product_error(quantile, rest, share) + quantile * ((1.0 - rest) - quantile)
    return math.log(mass) - (product_error(mass, share, scale) + mass * lost) / scale


def _normalizer_by_scale(_loc: float, scale: float, _quantile: float) -> float:
    return 1.0 / scale


def _normalizer_by_quantile(_loc: float, _scale: float, quantile: float) -> float:
    return (2.0 * quantile - 1.0) / (quantile * (1.0 - quantile))


def _definition(m: Any, x: Any, loc: Any, scale: Any, quantile: Any) -> Any:
    u = (x - loc) / scale
    return -m.select(u, lambda: quantile * u, lambda: (quantile - 1) * u)


def _log_mass(m: Any, _loc: Any, scale: Any, quantile: Any) -> Any:
    return m.log(scale / (quantile * (1 - quantile)))


def _entropy(m: Any, loc: Any, scale: Any, quantile: Any) -> Any:
    return 1 + _log_mass(m, loc, scale, quantile)


def _side(sign: int) -> Chart:
    """X = loc + sign * scale t/weight, t >= 0: the energy is t, without a kink."""

    def weight(quantile: Any) -> Any:
        return quantile if sign > 0 else 1 - quantile

    return Chart(
        point=lambda _m, t, loc, scale, quantile: loc + sign * scale * t / weight(quantile),
        jacobian=lambda _m, _t, _loc, scale, quantile: scale / weight(quantile),
        breaks=lambda m, *_: [m.exact(0), m.exact(1), m.exact(8), inf],
        log_density=lambda _m, t, _loc, _scale, _quantile: -t,
        coordinate=lambda _m, x, loc, scale, quantile: weight(quantile) * (sign * (x - loc)) / scale,
    )


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide, quantile: Wide) -> Wide:
    above, below = rng.exponential(size=shape) / quantile, rng.exponential(size=shape) / (1.0 - quantile)
    return loc + scale * (above - below)


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    return {**parameters, "scale": parameters["scale"] / weight}


asymmetric_laplace = Density(
    name="asymmetric_laplace",
    support=REAL,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="scale", domain=POSITIVE),
                Parameter(name="quantile", domain=OPEN_UNIT),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_quantile)),
            log_normalizer=lift(_normalizer),
            wide=True,
            log_normalizer_grad=(None, lift(_normalizer_by_scale), lift(_normalizer_by_quantile)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_side(-1), _side(1)),
            draw=_draw,
            entropy=_entropy,
            kinks=lambda _m, loc, _scale, _quantile: [loc],
        ),
    ),
    source="Yu and Moyeed, Bayesian quantile regression, Statist. Probab. Lett. 54 (2001)",
    shape="quantile",
    temper=_temper,
)
