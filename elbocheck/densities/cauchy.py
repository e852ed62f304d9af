"""Cauchy density, log p(x) = -log(1 + u**2) - log(pi scale), u = (x - loc)/scale, in nats.

Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), eq. (16.1); the divergence from
Chyzak and Nielsen, A closed-form formula for the Kullback-Leibler divergence between Cauchy distributions,
arXiv:1905.10965.
"""

import math
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Folded, Form, Parameter
from elbocheck.densities.recipe import Chart, line_breaks
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import ratio, square, standardise
from elbocheck.kernels.elements import nothing
from elbocheck.kernels.libm import log1p_parts
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import EACH

__all__ = ["cauchy"]

PI = math.pi
LOG_PI = 1.1447298858494002
HUGE = 1e150  # its square is finite


def _energy(x: float, loc: float, scale: float) -> float:
    if EACH:
        value, short = log1p_parts(*square(*ratio(x, loc, scale)))
        return value + short
    u = abs(standardise(x, loc, scale))
    if u > HUGE:  # log(u**2), though u itself may overflow
        return 2.0 * (math.log(abs(0.5 * x - 0.5 * loc)) - math.log(0.5 * scale))
    return math.log1p(u * u)


def _square(x: float, loc: float, scale: float) -> float:
    u = standardise(x, loc, scale)
    return u * u


def _energy_by_loc(x: float, loc: float, scale: float) -> float:
    u = standardise(x, loc, scale)
    if abs(u) < 1.0:
        return -2.0 * u / (1.0 + u * u) / scale
    half, width = 0.5 * x - 0.5 * loc, 0.5 * scale  # u may overflow where the result does not
    return -1.0 / (half + width * (width / half))


def _energy_by_scale(x: float, loc: float, scale: float) -> float:
    u = standardise(x, loc, scale)
    if abs(u) < 1.0:
        return -2.0 * u / (1.0 + u * u) * (u / scale)
    return -2.0 / (1.0 + (1.0 / u) ** 2) / scale


def _normalizer(_loc: float, scale: float) -> float:
    return math.log(PI * scale) if scale < 1e300 else LOG_PI + math.log(scale)


def _normalizer_by_scale(_loc: float, scale: float) -> float:
    return 1.0 / scale


def _definition(m: Any, x: Any, loc: Any, scale: Any) -> Any:
    return -m.log1p(((x - loc) / scale) ** 2)


def _log_mass(m: Any, _loc: Any, scale: Any) -> Any:
    return m.log(m.pi * scale)


def _entropy(m: Any, _loc: Any, scale: Any) -> Any:
    return m.log(4 * m.pi * scale)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (loc, scale), (far, wide) = this, other
    return m.log1p(((scale - wide) ** 2 + (loc - far) ** 2) / (4 * scale * wide))


_SINH = Chart(
    point=lambda m, t, loc, scale: loc + scale * m.sinh(t),
    jacobian=lambda m, t, _loc, _scale: m.cosh(t),
    factor=lambda _m, _loc, scale: scale,
    breaks=line_breaks,
    log_density=lambda m, t, _loc, _scale: -2 * m.log_cosh(t),
    log_product=lambda m, t, _loc, _scale: -m.log_cosh(t),
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide) -> Wide:
    return loc + scale * rng.standard_cauchy(shape)


cauchy = Density(
    name="cauchy",
    support=REAL,
    forms=(
        Form(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="scale", domain=POSITIVE)),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale)),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=(None, lift(_normalizer_by_scale)),
            wide_normalizer=True,
            definition=_definition,
            log_mass=_log_mass,
            folded=Folded(rest=nothing, odds=_square),
            recipe=(_SINH,),
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
        ),
    ),
    source="Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), eq. (16.1)",
)
