"""Huber's least favourable density, log p(x) = -H((x - loc)/scale) - log scale - log Z(delta), in nats.

H(u) = u**2/2 for |u| <= delta and delta (|u| - delta/2) beyond; Z(delta) = sqrt(2 pi) erf(delta/sqrt 2) +
(2/delta) e**(-delta**2/2), a sum of positive terms, at least sqrt(2 pi): no cancellation for any delta.
Source: Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964), for the density; Z as
in dhuber of the R package extraDistr.
"""

import math
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import STEPS, Chart
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import ROOT_TWO_PI, exp_minus_half_square, finite, half_square, ratio, standardise
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import CAREFUL, EACH

__all__ = ["huber"]

HUGE = 1e300
ROOT_HALF = 0.7071067811865476


def _energy(x: float, loc: float, scale: float, delta: float) -> float:
    high, low = ratio(x, loc, scale)
    u = abs(high)
    if EACH:
        core = delta if u > delta else u
        rise = u - 0.5 * core
        return core * (rise + finite(((u - rise) - 0.5 * core) + (low if high > 0.0 else -low)))
    if not CAREFUL:
        core = delta if u > delta else u
        return core * (u - 0.5 * core)
    beyond = u - 0.5 * delta
    lost = ((u - beyond) - 0.5 * delta) + (low if high > 0.0 else -low)
    linear = delta * (beyond + lost if u < HUGE else beyond)
    return half_square(high, low) if u <= delta else linear


def _energy_by_loc(x: float, loc: float, scale: float, delta: float) -> float:
    u = standardise(x, loc, scale)
    return -min(max(u, -delta), delta) / scale


def _energy_by_scale(x: float, loc: float, scale: float, delta: float) -> float:
    u = abs(standardise(x, loc, scale))
    return -(u / scale) * min(u, delta)


def _energy_by_delta(x: float, loc: float, scale: float, delta: float) -> float:
    return max(abs(standardise(x, loc, scale)) - delta, 0.0)


def _tails(delta: float) -> float:
    return 2.0 / delta * exp_minus_half_square(delta)


def _mass(delta: float) -> float:
    return ROOT_TWO_PI * math.erf(delta * ROOT_HALF) + _tails(delta)


def _normalizer(_loc: float, scale: float, delta: float) -> float:
    product = scale * _mass(delta)  # the sum of the logs would cancel where scale is near 1/Z
    if 1e-300 < product < 1e300:
        return math.log(product)
    return math.log(scale) + math.log(_mass(delta))


def _normalizer_by_scale(_loc: float, scale: float, _delta: float) -> float:
    return 1.0 / scale


def _normalizer_by_delta(_loc: float, _scale: float, delta: float) -> float:
    return -_tails(delta) / (delta * _mass(delta))


def _tail_share(delta: float) -> float:
    return _tails(delta) / _mass(delta)


def _definition(m: Any, x: Any, loc: Any, scale: Any, delta: Any) -> Any:
    return -m.huber((x - loc) / scale, delta)


def _log_mass(m: Any, _loc: Any, scale: Any, delta: Any) -> Any:
    core = m.sqrt(2 * m.pi) * m.erf(delta / m.sqrt(m.exact(2)))
    return m.log(scale) + m.log(core + 2 / delta * m.exp(-(delta**2) / 2))


def _entropy(m: Any, _loc: Any, scale: Any, delta: Any) -> Any:
    # E H = 1 - (share of the core)/2: integration by parts of u H'(u) e**-H(u) leaves u H' = 2 H inside
    tail = 2 / delta * m.exp(-(delta**2) / 2)
    core = m.sqrt(2 * m.pi) * m.erf(delta / m.sqrt(m.exact(2)))
    inner = core / 2 - delta * m.exp(-(delta**2) / 2)
    outer = tail * (delta**2 / 2 + 1)
    return (inner + outer) / (core + tail) + _log_mass(m, _loc, scale, delta)


def _tail_chart(side: int) -> Chart:
    """u = side (delta + t/delta), t >= 0: the energy is delta**2/2 + t, without a kink."""
    return Chart(
        point=lambda _m, t, loc, scale, delta: loc + side * scale * (delta + t / delta),
        jacobian=lambda _m, _t, _loc, scale, delta: scale / delta,
        breaks=lambda m, *_: [m.exact(0), m.exact(1), m.exact(8), inf],
        log_density=lambda _m, t, _loc, _scale, delta: -(delta**2) / 2 - t,
        coordinate=lambda _m, x, loc, scale, delta: delta * (side * (x - loc) / scale - delta),
    )


_CORE_STEPS = (-64, -32, -16, *STEPS, 16, 32, 64)  # beyond 64 nothing is left, at any number of digits asked

_CORE = Chart(
    point=lambda _m, t, loc, scale, delta: loc + scale * delta * t,
    jacobian=lambda _m, _t, _loc, scale, delta: scale * delta,
    breaks=lambda m, _loc, _scale, delta: [
        m.exact(-1),
        *(m.exact(step) / delta for step in _CORE_STEPS if m.surely_less(m.exact(abs(step)), delta)),
        m.exact(1),
    ],
    log_density=lambda _m, t, _loc, _scale, delta: -((delta * t) ** 2) / 2,
    coordinate=lambda _m, x, loc, scale, delta: (x - loc) / (scale * delta),
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide, delta: Wide) -> Wide:
    shape = np.broadcast_shapes(shape, loc.shape, scale.shape, delta.shape)
    edge = np.broadcast_to(delta, shape)
    size = np.where(rng.random(shape) < _share.wide(edge), edge + rng.exponential(size=shape) / edge, np.nan)
    while np.isnan(size).any():  # inside: a half normal (or a uniform, for a narrow core) rejected to [0, delta]
        wide = edge > 1.0
        half = np.where(wide, np.abs(rng.standard_normal(shape)), edge * rng.random(shape))
        keep = np.where(wide, half <= edge, rng.random(shape) < np.exp(-0.5 * half * half))
        size = np.where(np.isnan(size) & keep, half, size)
    return loc + scale * np.where(rng.random(shape) < 0.5, -size, size)


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    root = math.sqrt(weight)  # weight * H_delta(u) = H_(delta root)(u root)
    return {**parameters, "scale": parameters["scale"] / root, "delta": parameters["delta"] * root}


_share = lift(_tail_share)

huber = Density(
    name="huber",
    support=REAL,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="scale", domain=POSITIVE),
                Parameter(name="delta", domain=POSITIVE, oracle_span=(1e-9, 1e6)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_delta)),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=(None, lift(_normalizer_by_scale), lift(_normalizer_by_delta)),
            wide_normalizer=True,
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_tail_chart(-1), _CORE, _tail_chart(1)),
            draw=_draw,
            entropy=_entropy,
            kinks=lambda _m, loc, scale, delta: [loc - scale * delta, loc + scale * delta],
        ),
    ),
    source="Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964)",
    shape="delta",
    temper=_temper,
)
