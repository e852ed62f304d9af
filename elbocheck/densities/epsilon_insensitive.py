"""The density that the epsilon-insensitive loss implies, log p(x) = -max(|u| - epsilon, 0) - log(2 scale (1 + epsilon)).

In nats, u = (x - loc)/scale: flat within epsilon of loc, Laplace beyond; Laplace throughout at epsilon = 0.
Source: Vapnik, The nature of statistical learning theory (1995), for the loss; Pontil, Mukherjee and Girosi, On the noise
model of support vector machine regression, MIT AI Memo 1651 (1998), for the density, with Z as in table 1 of Smola and
Schölkopf, A tutorial on support vector regression (2004).
"""

import math
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import NON_NEGATIVE, POSITIVE, REAL
from elbocheck.kernels.elementary import product_error, ratio, standardise
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import CAREFUL

__all__ = ["epsilon_insensitive"]

HUGE = 1e300
LOG_TWO = 0.6931471805599453


def _excess(x: float, loc: float, scale: float, epsilon: float) -> float:
    """|u| - epsilon, which may cancel: what the quotient and the difference lack is put back."""
    high, low = ratio(x, loc, scale)
    u = abs(high)
    beyond = u - epsilon
    if not CAREFUL or not u < HUGE:
        return beyond
    moved = beyond - u
    lost = (u - (beyond - moved)) - (epsilon + moved)
    return beyond + (lost + (low if high > 0.0 else -low))


def _energy(x: float, loc: float, scale: float, epsilon: float) -> float:
    excess = _excess(x, loc, scale, epsilon)
    return 0.0 if excess < 0.0 else excess


def _part(x: float, loc: float, scale: float, epsilon: float) -> float:
    """The slope of the energy in |u|: 0 inside, 1 beyond, and the middle at a kink."""
    excess = _excess(x, loc, scale, epsilon)
    return 1.0 if excess > 0.0 else 0.0 if excess < 0.0 else 0.5 + excess


def _energy_by_loc(x: float, loc: float, scale: float, epsilon: float) -> float:
    part = _part(x, loc, scale, epsilon) / scale
    return 0.0 if x == loc else -part if x > loc else part


def _energy_by_scale(x: float, loc: float, scale: float, epsilon: float) -> float:
    part = _part(x, loc, scale, epsilon)
    return 0.0 if part == 0.0 else -part * (abs(standardise(x, loc, scale)) / scale)


def _energy_by_epsilon(x: float, loc: float, scale: float, epsilon: float) -> float:
    return -_part(x, loc, scale, epsilon)


def _normalizer(_loc: float, scale: float, epsilon: float) -> float:
    # one logarithm of one product: beside the root, what its roundings lack is put back
    width = 1.0 + epsilon
    half = scale * width
    if not 1e-280 < half < 1e280 or not 1e-250 < scale < 1e250:
        return math.log(scale) + (LOG_TWO + math.log(width))
    lost = epsilon - (width - 1.0) if epsilon < 1.0 else 1.0 - (width - epsilon)
    return math.log(2.0 * half) + (product_error(scale, width, half) + scale * lost) / half


def _normalizer_by_scale(_loc: float, scale: float, _epsilon: float) -> float:
    return 1.0 / scale


def _normalizer_by_epsilon(_loc: float, _scale: float, epsilon: float) -> float:
    return 1.0 / (1.0 + epsilon)


def _definition(m: Any, x: Any, loc: Any, scale: Any, epsilon: Any) -> Any:
    return -m.maximum(abs(x - loc) / scale - epsilon, m.exact(0))


def _log_mass(m: Any, _loc: Any, scale: Any, epsilon: Any) -> Any:
    return m.log(2 * scale * (1 + epsilon))


def _entropy(m: Any, loc: Any, scale: Any, epsilon: Any) -> Any:
    return 1 / (1 + epsilon) + _log_mass(m, loc, scale, epsilon)  # the tails' share of the mass, times 1


def _tail(side: int) -> Chart:
    """u = side (epsilon + t), t >= 0: the energy is t, without a kink."""
    return Chart(
        point=lambda _m, t, loc, scale, epsilon: loc + side * scale * (epsilon + t),
        jacobian=lambda _m, _t, _loc, scale, _epsilon: scale,
        breaks=lambda m, *_: [m.exact(0), m.exact(1), m.exact(8), inf],
        log_density=lambda _m, t, _loc, _scale, _epsilon: -t,
        coordinate=lambda _m, x, loc, scale, epsilon: side * (x - loc) / scale - epsilon,
    )


_CORE = Chart(  # of no width at epsilon = 0
    point=lambda _m, t, loc, scale, epsilon: loc + scale * epsilon * t,
    jacobian=lambda _m, _t, _loc, scale, epsilon: scale * epsilon,
    breaks=lambda m, *_: [m.exact(-1), m.exact(0), m.exact(1)],
    log_density=lambda m, _t, _loc, _scale, _epsilon: m.exact(0),
    coordinate=lambda m, x, loc, scale, epsilon: None if m.vanishes(epsilon) else (x - loc) / (scale * epsilon),
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide, epsilon: Wide) -> Wide:
    inside = rng.random(shape) < epsilon / (1.0 + epsilon)
    size = np.where(inside, epsilon * rng.random(shape), epsilon + rng.exponential(size=shape))
    return loc + scale * np.where(rng.random(shape) < 0.5, -size, size)


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    return {**parameters, "scale": parameters["scale"] / weight, "epsilon": parameters["epsilon"] * weight}


epsilon_insensitive = Density(
    name="epsilon_insensitive",
    support=REAL,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="scale", domain=POSITIVE),
                Parameter(name="epsilon", domain=NON_NEGATIVE, oracle_span=(1e-9, 1e6)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_epsilon)),
            log_normalizer=lift(_normalizer),
            wide=True,
            log_normalizer_grad=(None, lift(_normalizer_by_scale), lift(_normalizer_by_epsilon)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_tail(-1), _CORE, _tail(1)),
            draw=_draw,
            entropy=_entropy,
            kinks=lambda _m, loc, scale, epsilon: [loc - scale * epsilon, loc + scale * epsilon],
        ),
    ),
    source="Pontil, Mukherjee and Girosi, On the noise model of support vector machine regression, AI Memo 1651 (1998)",
    shape="epsilon",
    temper=_temper,
)
