"""Huber's least favourable density, log p(x) = -H((x - loc)/scale) - log scale - log Z(delta), in nats.

H(u) = u**2/2 for |u| <= delta and delta (|u| - delta/2) beyond; Z(delta) = sqrt(2 pi) erf(delta/sqrt 2) +
(2/delta) e**(-delta**2/2), a sum of positive terms, at least sqrt(2 pi): no cancellation for any delta.
Source: Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964), for the density; Z as
in dhuber of the R package extraDistr.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import ROOT_TWO_PI, exp_minus_half_square, standardise
from elbocheck.kernels.lift import Wide, lift

__all__ = ["huber"]

ROOT_HALF = 0.7071067811865476


def _energy(x: float, loc: float, scale: float, delta: float) -> float:
    u = abs(standardise(x, loc, scale))
    return 0.5 * u * u if u <= delta else delta * (u - 0.5 * delta)


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
    return math.log(scale) + math.log(_mass(delta))


def _normalizer_by_scale(_loc: float, scale: float, _delta: float) -> float:
    return 1.0 / scale


def _normalizer_by_delta(_loc: float, _scale: float, delta: float) -> float:
    return -_tails(delta) / (delta * _mass(delta))


def _tail_share(delta: float) -> float:
    return _tails(delta) / _mass(delta)


def _definition(_ctx: Any, x: Any, loc: Any, scale: Any, delta: Any) -> Any:
    u = abs(x - loc) / scale
    return -(u**2) / 2 if u <= delta else -delta * (u - delta / 2)


def _breaks(ctx: Any, loc: Any, scale: Any, delta: Any) -> list[Any]:
    steps = [ctx.mpf(2) ** k for k in range(7) if 2**k < delta] + [delta, delta + 1 / delta]
    points = [*(-step for step in reversed(steps)), ctx.zero, *steps]
    return [-ctx.inf, *(loc + scale * point for point in points), ctx.inf]


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
                Parameter(name="delta", domain=POSITIVE),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_delta)),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=(None, lift(_normalizer_by_scale), lift(_normalizer_by_delta)),
            definition=_definition,
            breaks=_breaks,
            draw=_draw,
        ),
    ),
    source="Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964)",
    shape="delta",
    temper=_temper,
)
