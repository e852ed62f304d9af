"""The density that the Charbonnier loss implies, symmetric hyperbolic: log p(x) = -C(u) - log scale - log Z(delta), in nats.

u = (x - loc)/scale, C(u) = delta**2 (sqrt(1 + (u/delta)**2) - 1), Z(delta) = 2 delta e**(delta**2) K_1(delta**2), K the
modified Bessel function. Normal as delta grows, Laplace of scale/delta as it falls. With x = loc + scale delta sinh t the
mean of cosh t is K_0/K_1 + 1/delta**2, which gives the entropy.
Source: Charbonnier et al., Two deterministic half-quadratic regularization algorithms for computed imaging (1994), for the
loss; Barndorff-Nielsen, Exponentially decreasing distributions for the logarithm of particle size (1977), for the density.
"""

import math
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.bessel_k import SMALL, log_bessel_excess, log_bessel_slope
from elbocheck.kernels.elementary import log_root_two_pi_times, standardise
from elbocheck.kernels.lift import Wide, lift

__all__ = ["charbonnier"]


def _energy(x: float, loc: float, scale: float, delta: float) -> float:
    u = abs(standardise(x, loc, scale))
    v = min(u / delta, 1e100)  # beyond, v / (1 + sqrt(1 + v**2)) is 1
    if v < 1.0:
        return u * (u / (1.0 + math.sqrt(1.0 + v * v)))  # sqrt(1 + v**2) - 1 = v**2 / (1 + sqrt(1 + v**2))
    return _times_u(delta * (v / (1.0 + math.sqrt(1.0 + v * v))), x, loc, scale)


def _times_u(factor: float, x: float, loc: float, scale: float) -> float:
    """Factor * |u|, also where u overflows and the product does not."""
    u = abs(standardise(x, loc, scale))
    return factor * u if u < inf else factor / (0.5 * scale) * abs(0.5 * x - 0.5 * loc)


def _slope(u: float, delta: float) -> float:
    """C'(u) = u / sqrt(1 + (u/delta)**2), u >= 0."""
    v = u / delta
    return u / math.sqrt(1.0 + v * v) if v < 1.0 else delta / math.sqrt(1.0 + (1.0 / v) ** 2)


def _energy_by_loc(x: float, loc: float, scale: float, delta: float) -> float:
    u = standardise(x, loc, scale)
    return -math.copysign(_slope(abs(u), delta), u) / scale


def _energy_by_scale(x: float, loc: float, scale: float, delta: float) -> float:
    u = abs(standardise(x, loc, scale))
    return -_times_u(_slope(u, delta) / scale, x, loc, scale)


def _energy_by_delta(x: float, loc: float, scale: float, delta: float) -> float:
    # 2 delta (q - 1) - (u/delta)**2 delta/q with q = sqrt(1 + v**2) is delta (q - 1)**2/q, a product
    u = abs(standardise(x, loc, scale))
    v = min(u / delta, 1e100)
    q = math.sqrt(1.0 + v * v)
    r = v / (1.0 + q)
    return u * (r * r) * (v / q)


def _normalizer(_loc: float, scale: float, delta: float) -> float:
    # delta and scale may both be tiny: one logarithm of their quotient
    lead = math.log(2.0 * scale / delta) if delta < SMALL else log_root_two_pi_times(scale)
    return lead + log_bessel_excess(delta)


def _normalizer_by_scale(_loc: float, scale: float, _delta: float) -> float:
    return 1.0 / scale


def _normalizer_by_delta(_loc: float, _scale: float, delta: float) -> float:
    return log_bessel_slope(delta) / delta


def _definition(m: Any, x: Any, loc: Any, scale: Any, delta: Any) -> Any:
    return -(delta**2) * m.charbonnier((x - loc) / (scale * delta))


def _log_mass(m: Any, _loc: Any, scale: Any, delta: Any) -> Any:
    return m.log(2 * scale * delta * m.bessel_k(1, delta**2))


def _entropy(m: Any, loc: Any, scale: Any, delta: Any) -> Any:
    k0, k1 = (m.bessel_k(order, delta**2) for order in (0, 1))
    return 1 - delta**2 * (k1 - k0) / k1 + _log_mass(m, loc, scale, delta)


def _breaks(m: Any, _loc: Any, _scale: Any, delta: Any) -> list[Any]:
    # cosh(t) e**(-delta**2 cosh t) is highest near t = log(1 + 1/delta**2) where delta is small: steps towards it and on
    far, width = m.log1p(1 / delta**2), 1 / m.sqrt(1 + delta**2)
    near = (1, 2, 3) if m.surely_less(delta, m.exact(1)) else ()
    half = [*(far * (2**k - 1) / 2**k for k in near), *(far + step * width for step in (0, 1, 2, 4, 8))]
    return [-inf, *(-t for t in reversed(half)), m.exact(0), *half, inf]


_SINH = Chart(
    point=lambda m, t, loc, scale, delta: loc + scale * delta * m.sinh(t),
    jacobian=lambda m, t, _loc, scale, delta: scale * delta * m.cosh(t),
    breaks=_breaks,
    log_density=lambda m, t, _loc, _scale, delta: -2 * (delta * m.sinh(t / 2)) ** 2,
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide, delta: Wide) -> Wide:
    # |u| of log-concave density f, f(0) = 2/Z: rejected from f(0) min(1, e**(1 - f(0) |u|)) (Devroye), one half accepted
    shape = np.broadcast_shapes(shape, loc.shape, scale.shape, delta.shape)
    width = np.broadcast_to(0.5 * np.exp(_normalizer_kernel.wide(0.0, 1.0, delta)), shape)
    size = np.full(shape, np.nan)
    while np.isnan(size).any():
        steps = np.where(rng.random(shape) < 0.5, rng.random(shape), 1.0 + rng.exponential(size=shape))
        height = _energy_kernel.wide(steps * width, 0.0, 1.0, delta) - np.maximum(steps - 1.0, 0.0)
        size = np.where(np.isnan(size) & (rng.exponential(size=shape) > height), steps * width, size)
    return loc + scale * np.where(rng.random(shape) < 0.5, -size, size)


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    root = math.sqrt(weight)
    return {**parameters, "scale": parameters["scale"] / root, "delta": parameters["delta"] * root}


_energy_kernel, _normalizer_kernel = lift(_energy), lift(_normalizer)

charbonnier = Density(
    name="charbonnier",
    support=REAL,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="scale", domain=POSITIVE),
                Parameter(name="delta", domain=POSITIVE),
            ),
            energy=_energy_kernel,
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_delta)),
            log_normalizer=_normalizer_kernel,
            wide=True,
            log_normalizer_grad=(None, lift(_normalizer_by_scale), lift(_normalizer_by_delta)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_SINH,),
            draw=_draw,
            entropy=_entropy,
        ),
    ),
    source="Charbonnier et al., Two deterministic half-quadratic regularization algorithms for computed imaging (1994)",
    shape="delta",
    temper=_temper,
)
