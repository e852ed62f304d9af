"""Hyperbolic secant density, which the log-cosh loss implies: log p(x) = -log cosh u - log(pi scale), in nats.

u = (x - loc)/scale. Its entropy is log(2 pi scale): with sinh u = tan(a) the angle a is uniform on (-pi/2, pi/2), so that
E log cosh u = -E log cos a = log 2.
Source: Baten, The probability law for the sum of n independent variables, Bull. Amer. Math. Soc. 40 (1934).
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import LINE
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import standardise
from elbocheck.kernels.lift import Wide, lift

__all__ = ["log_cosh"]

PI = math.pi
LOG_PI = 1.1447298858494002
LOG_TWO = 0.6931471805599453
FAR = 20.0  # log(1 + e**-2u) is below the rounding of u from here


def _energy(x: float, loc: float, scale: float) -> float:
    u = abs(standardise(x, loc, scale))
    if u > FAR:
        return u - LOG_TWO
    root = math.sinh(0.5 * u)
    return math.log1p(2.0 * root * root)  # cosh u - 1, without the cancellation at 0


def _energy_by_loc(x: float, loc: float, scale: float) -> float:
    return -math.tanh(standardise(x, loc, scale)) / scale


def _energy_by_scale(x: float, loc: float, scale: float) -> float:
    u = standardise(x, loc, scale)
    return -(u / scale) * math.tanh(u)


def _normalizer(_loc: float, scale: float) -> float:
    return math.log(PI * scale) if scale < 1e300 else LOG_PI + math.log(scale)


def _normalizer_by_scale(_loc: float, scale: float) -> float:
    return 1.0 / scale


def _definition(m: Any, x: Any, loc: Any, scale: Any) -> Any:
    return -m.log_cosh((x - loc) / scale)


def _log_mass(m: Any, _loc: Any, scale: Any) -> Any:
    return m.log(m.pi * scale)


def _entropy(m: Any, _loc: Any, scale: Any) -> Any:
    return m.log(2 * m.pi * scale)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide) -> Wide:
    return loc + scale * np.arcsinh(rng.standard_cauchy(shape))


log_cosh = Density(
    name="log_cosh",
    support=REAL,
    forms=(
        Form(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="scale", domain=POSITIVE)),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale)),
            log_normalizer=lift(_normalizer),
            wide=True,
            log_normalizer_grad=(None, lift(_normalizer_by_scale)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(replace(LINE[0], log_density=lambda m, t, _loc, _scale: -m.log_cosh(t)),),
            draw=_draw,
            entropy=_entropy,
        ),
    ),
    source="Baten, The probability law for the sum of n independent variables, Bull. Amer. Math. Soc. 40 (1934)",
)
