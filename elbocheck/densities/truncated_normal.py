"""Normal density truncated to low <= x <= high, log p(x) = -((x - loc)/scale)**2 / 2 - log Z, in nats.

Z = scale sqrt(2 pi) (Phi(b) - Phi(a)), a and b the standardised ends; the energy is infinite outside. Far in a tail Z is
e**(-d**2/2) times the integral of the density relative to its value at the end nearest to loc, d deviations away: from
erfcx where that falls, by quadrature where it hardly does, always of high - low, which the rounding of a and b spares.
Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), eq. (13.134).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import standardise
from elbocheck.kernels.gauss import erfcx
from elbocheck.kernels.lift import Wide, lift

__all__ = ["truncated_normal"]

ROOT_HALF = 0.7071067811865476
ROOT_HALF_PI = 1.2533141373155003
GAUSS_LEGENDRE = (  # nodes and weights of ten points on [-1, 1], right to 2e-17 where an exponent falls by at most 1
    (0.14887433898163122, 0.29552422471475287), (0.4333953941292472, 0.26926671930999635),
    (0.6794095682990244, 0.21908636251598204), (0.8650633666889845, 0.1494513491505806),
    (0.9739065285171717, 0.06667134430868814),
)  # fmt: skip


def _mass(a: float, width: float) -> float:
    """Integral of e**(-a v - v**2/2) over [0, width], a >= 0."""
    fall = width * (a + 0.5 * width)
    if fall >= 1.0:
        return ROOT_HALF_PI * (erfcx(a * ROOT_HALF) - math.exp(-fall) * erfcx((a + width) * ROOT_HALF))
    half, total = 0.5 * width, 0.0
    for node, weight in GAUSS_LEGENDRE:
        near, far = half * (1.0 - node), half * (1.0 + node)
        total += weight * (math.exp(-near * (a + 0.5 * near)) + math.exp(-far * (a + 0.5 * far)))
    return half * total


def _moment(a: float, width: float) -> float:
    """Integral of (a + v)**2 e**(-a v - v**2/2) over [0, width], a >= 0; by parts where that does not cancel."""
    fall = width * (a + 0.5 * width)
    if fall >= 1.0:
        return _mass(a, width) + (a - (a + width) * math.exp(-fall))
    half, total = 0.5 * width, 0.0
    for node, weight in GAUSS_LEGENDRE:
        near, far = half * (1.0 - node), half * (1.0 + node)
        lower = (a + near) * math.exp(-near * (a + 0.5 * near)) * (a + near)
        upper = (a + far) * math.exp(-far * (a + 0.5 * far)) * (a + far)
        total += weight * (lower + upper)
    return half * total


def _between(loc: float, scale: float, low: float, high: float) -> float:
    """Z / scale relative to the density at the point of [low, high] nearest to loc."""
    a, b = standardise(low, loc, scale), standardise(high, loc, scale)
    if a < 0.0 < b:
        return _mass(0.0, -a) + _mass(0.0, b)
    return _mass(a if a >= 0.0 else -b, standardise(high, low, scale))


def _moment_between(loc: float, scale: float, low: float, high: float) -> float:
    """E[z**2] times the same."""
    a, b = standardise(low, loc, scale), standardise(high, loc, scale)
    if a < 0.0 < b:
        return _moment(0.0, -a) + _moment(0.0, b)
    return _moment(a if a >= 0.0 else -b, standardise(high, low, scale))


def _energy(x: float, loc: float, scale: float, low: float, high: float) -> float:
    if x < low or x > high:
        return math.inf
    z = standardise(x, loc, scale)
    return 0.5 * z * z


def _energy_by_loc(x: float, loc: float, scale: float, low: float, high: float) -> float:
    return -standardise(x, loc, scale) / scale if low <= x <= high else math.nan


def _energy_by_scale(x: float, loc: float, scale: float, low: float, high: float) -> float:
    z = standardise(x, loc, scale)
    return -(z / scale) * z if low <= x <= high else math.nan


def _energy_by_low(x: float, _loc: float, _scale: float, low: float, high: float) -> float:
    return 0.0 if low <= x <= high else math.nan


def _energy_by_high(x: float, _loc: float, _scale: float, low: float, high: float) -> float:
    return 0.0 if low <= x <= high else math.nan


def _normalizer(loc: float, scale: float, low: float, high: float) -> float:
    distance = max(standardise(low, loc, scale), -standardise(high, loc, scale), 0.0)
    return math.log(scale * _between(loc, scale, low, high)) - 0.5 * distance * distance


def _normalizer_by_loc(loc: float, scale: float, low: float, high: float) -> float:
    # [e**(-a**2/2) - e**(-b**2/2)] / Z, the difference of exponents as (b - a)(a + b)/2
    a, b = standardise(low, loc, scale), standardise(high, loc, scale)
    fall = standardise(high, low, scale) * (0.5 * ((low - loc) + (high - loc)) / scale)
    root = math.exp(-0.25 * min(a * a, b * b)) if a < 0.0 < b else 1.0  # its square may be subnormal where Z' is not
    return math.copysign(root, fall) * -math.expm1(-abs(fall)) / (scale * _between(loc, scale, low, high)) * root


def _normalizer_by_scale(loc: float, scale: float, low: float, high: float) -> float:
    return _moment_between(loc, scale, low, high) / _between(loc, scale, low, high) / scale


def _normalizer_by_low(loc: float, scale: float, low: float, high: float) -> float:
    return -_normalizer_by_high(-loc, scale, -high, -low)


def _normalizer_by_high(loc: float, scale: float, low: float, high: float) -> float:
    a, b = standardise(low, loc, scale), standardise(high, loc, scale)
    fall = 0.0 if b <= 0.0 else standardise(high, low, scale) * (a + 0.5 * standardise(high, low, scale))
    root = math.exp(-0.25 * b * b) if a < 0.0 < b else math.exp(-0.5 * fall)
    return root / (scale * _between(loc, scale, low, high)) * root


def _definition(m: Any, x: Any, loc: Any, scale: Any, low: Any, high: Any) -> Any:
    nothing = 0 * (loc + scale + low + high)
    return m.select((x - low) * (high - x), lambda: -(((x - loc) / scale) ** 2) / 2, lambda: m.log(nothing))


def _ends(m: Any, loc: Any, scale: Any, low: Any, high: Any) -> tuple[Any, Any, Any]:
    """The standardised ends and Phi(b) - Phi(a), from the tails that are small."""
    a, b = (low - loc) / scale, (high - loc) / scale
    p, q = a / m.sqrt(m.exact(2)), b / m.sqrt(m.exact(2))
    twice = m.select(a + b, lambda: m.erfc(p) - m.erfc(q), lambda: m.erfc(-q) - m.erfc(-p))
    return a, b, m.select(high - low, lambda: twice / 2, lambda: 0 * twice)


def _log_mass(m: Any, loc: Any, scale: Any, low: Any, high: Any) -> Any:
    _, _, share = _ends(m, loc, scale, low, high)
    return m.log(scale) + m.log(2 * m.pi) / 2 + m.log(share)


def _entropy(m: Any, loc: Any, scale: Any, low: Any, high: Any) -> Any:
    a, b, share = _ends(m, loc, scale, low, high)
    edges = (a * m.exp(-a * a / 2) - b * m.exp(-b * b / 2)) / (m.sqrt(2 * m.pi) * share)
    return (1 + edges) / 2 + _log_mass(m, loc, scale, low, high)


def _breaks(m: Any, loc: Any, scale: Any, low: Any, high: Any) -> list[Any]:
    # from the point nearest to loc, d deviations off, the density falls within a 1/(1 + d) of one
    center = m.maximum(low, m.minimum(loc, high))
    step = scale / (1 + abs(center - loc) / scale)
    steps = [step * 4**k for k in range(7)]
    places = [*(center - one for one in steps[::-1]), center, *(center + one for one in steps)]
    inside = [x for x in places if m.surely_less(low, x) and m.surely_less(x, high)]
    return [m.exact(0), *((x - low) / (high - low) for x in inside), m.exact(1)]


def _point(_m: Any, t: Any, _loc: Any, _scale: Any, low: Any, high: Any) -> Any:
    return low + (high - low) * t


_INSIDE = Chart(
    point=_point,
    jacobian=lambda _m, _t, _loc, _scale, low, high: high - low,
    breaks=_breaks,
    log_density=lambda m, t, loc, scale, *ends: -(((_point(m, t, loc, scale, *ends) - loc) / scale) ** 2) / 2,
)


def _half_mass(b: float) -> float:
    return _mass(0.0, b)


_side = lift(_half_mass)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], *parameters: Wide) -> Wide:
    """From the point nearest to loc outwards, by Robert's rejection from an exponential, truncated as well.

    Of a e**(-a v - v**2/2) on [0, width] its rate is r = (a + sqrt(a**2 + 4))/2, and over half of the draws are kept.
    """
    shape = np.broadcast_shapes(shape, *(value.shape for value in parameters))
    loc, scale, low, high = (np.broadcast_to(value, shape) for value in parameters)
    a, b = (low - loc) / scale, (high - loc) / scale
    across = (a < 0.0) & (b > 0.0)
    up, down = _side.wide(np.where(across, b, 1.0)), _side.wide(np.where(across, -a, 1.0))
    right = np.where(across, rng.random(shape) * (up + down) < up, a >= 0.0)
    start = np.where(across, 0.0, np.maximum(a, -b))
    width = np.where(across, np.where(right, b, -a), (high - low) / scale)
    rate = 0.5 * (start + np.hypot(start, 2.0))
    step = np.full(shape, np.nan)
    while np.isnan(step).any():
        trial = -np.log1p(rng.random(shape) * np.expm1(-rate * width)) / rate
        keep = rng.random(shape) < np.exp(-0.5 * (trial - 1.0 / rate) ** 2)  # r - a = 1/r
        step = np.where(np.isnan(step) & keep, trial, step)
    drawn: Wide = np.clip(np.clip(loc, low, high) + np.where(right, scale, -scale) * step, low, high)
    return drawn


def _example(rng: np.random.Generator) -> tuple[float, ...]:
    """Intervals about loc and up to dozens of deviations off it, narrow and wide."""
    scale = 10.0 ** rng.uniform(-3.0, 3.0)
    loc = scale * rng.normal() * 10.0 ** rng.uniform(-3.0, 3.0)
    low = loc + scale * rng.normal() * 10.0 ** rng.uniform(-3.0, 1.5)
    high = low + (scale + 1e-9 * abs(low)) * 10.0 ** rng.uniform(-4.0, 2.0)
    return loc, scale, low, high


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    return {**parameters, "scale": parameters["scale"] / math.sqrt(weight)}


truncated_normal = Density(
    name="truncated_normal",
    support=REAL,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL, span=(1e-6, 1e6)),
                Parameter(name="scale", domain=POSITIVE, span=(1e-3, 1e3)),
                Parameter(name="low", domain=REAL, span=(1e-6, 1e6)),
                Parameter(name="high", domain=REAL, span=(1e-6, 1e6)),
            ),
            energy=lift(_energy),
            energy_grad=tuple(map(lift, (_energy_by_loc, _energy_by_scale, _energy_by_low, _energy_by_high))),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=tuple(
                map(lift, (_normalizer_by_loc, _normalizer_by_scale, _normalizer_by_low, _normalizer_by_high))
            ),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_INSIDE,),
            draw=_draw,
            entropy=_entropy,
            example=_example,
            increasing=("low", "high"),
        ),
    ),
    source="Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), eq. (13.134)",
    temper=_temper,
)
