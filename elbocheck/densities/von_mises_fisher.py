"""Von Mises-Fisher density on the unit sphere, log p(x) = concentration loc'x - log Z_d(concentration), in nats.

Z_d(k) = area of the sphere times 0F1(; d/2; k**2/4) = (2 pi)**(d/2) I_(d/2-1)(k)/k**(d/2-1), with respect to surface
measure. x and loc are unit vectors of shape (…, d), d >= 2. Source: Mardia and Jupp, Directional Statistics (2000),
eq. (9.3.4); the sampler is Wood, Simulation of the von Mises Fisher distribution, Commun. Statist. Simul. 23 (1994).
"""

import math
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.multivariate_normal import sphere_area
from elbocheck.densities.recipe import Chart
from elbocheck.domain import NON_NEGATIVE, SPHERE
from elbocheck.kernels.bessel import bessel_ratio, log_bessel_growth
from elbocheck.kernels.lift import Wide, lift, vectorise

__all__ = ["von_mises_fisher"]

_growth, _ratio = lift(log_bessel_growth), lift(bessel_ratio)


def _energy(x: Wide, loc: Wide, concentration: Wide) -> Any:
    return -concentration * np.sum(loc * x, axis=-1)


def _energy_by_loc(x: Wide, loc: Wide, concentration: Wide) -> Any:
    return -concentration[..., None] * x * np.ones_like(loc)


def _energy_by_concentration(x: Wide, loc: Wide, _concentration: Wide) -> Any:
    return -np.sum(loc * x, axis=-1)


def _normalizer(loc: Wide, concentration: Wide) -> Any:
    half = loc.shape[-1] / 2
    area = math.log(2) + half * math.log(math.pi) - math.lgamma(half)
    return area + _growth.wide(half - 1, concentration)


def _normalizer_by_concentration(loc: Wide, concentration: Wide) -> Any:
    return _ratio.wide(loc.shape[-1] / 2 - 1, concentration)


def _dot(m: Any, a: Any, b: Any) -> Any:
    return sum((one * other for one, other in zip(a, b, strict=True)), m.exact(0))


def _unit(m: Any, vector: Any) -> list[Any]:
    """The direction of a vector: a float vector is of length 1 to rounding only."""
    length = m.sqrt(_dot(m, vector, vector))
    return [entry / length for entry in vector]


def _definition(m: Any, x: Any, loc: Any, concentration: Any) -> Any:
    return concentration * _dot(m, _unit(m, loc), _unit(m, x))


def _log_mass(m: Any, loc: Any, concentration: Any) -> Any:
    return sphere_area(m, len(loc)) + m.log(m.hyp0f1(m.rational(len(loc), 2), concentration**2 / 4))


def _entropy(m: Any, loc: Any, concentration: Any) -> Any:
    half, argument = m.rational(len(loc), 2), concentration**2 / 4
    mean = concentration / len(loc) * m.hyp0f1(half + 1, argument) / m.hyp0f1(half, argument)
    return _log_mass(m, loc, concentration) - concentration * mean


def _point(m: Any, t: Any, loc: Any, _concentration: Any) -> list[Any]:
    """At the angle t from loc, towards a direction that is parallel to no usual one."""
    pole = _unit(m, loc)
    other = [m.rational(1, 3 + i * i) for i in range(len(loc))]
    along = _dot(m, pole, other)
    side = _unit(m, [a - along * b for a, b in zip(other, pole, strict=True)])
    return [m.cos(t) * a + m.sin(t) * b for a, b in zip(pole, side, strict=True)]


def _breaks(m: Any, _loc: Any, concentration: Any) -> list[Any]:
    eighth, width = m.pi / 8, 1 / m.sqrt(1 + concentration)
    fine = [width * 2**k for k in range(7) if m.surely_less(width * 2**k, eighth)]
    return [m.exact(0), *fine, *(eighth * k for k in range(1, 9))]


_ANGLE = Chart(  # all points at the angle t: a sphere of radius sin t in one dimension less
    point=_point,
    jacobian=lambda m, t, loc, _k: m.sin(t) ** (len(loc) - 2),
    factor=lambda m, loc, _k: m.exp(sphere_area(m, len(loc) - 1)),
    breaks=_breaks,
    log_density=lambda m, t, _loc, concentration: concentration * m.cos(t),
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, concentration: Wide) -> Any:
    size = loc.shape[-1]
    k = np.broadcast_to(concentration, shape)
    b = (size - 1) / (2 * k + np.hypot(2 * k, size - 1))
    x0 = (1 - b) / (1 + b)
    top = k * x0 + (size - 1) * np.log1p(-(x0**2))
    cosine = np.full(shape, np.nan)
    while np.isnan(cosine).any():
        z = rng.beta((size - 1) / 2, (size - 1) / 2, size=shape)
        w = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        keep = k * w + (size - 1) * np.log1p(-x0 * w) - top >= np.log(rng.random(shape))
        cosine = np.where(np.isnan(cosine) & keep, w, cosine)
    side = rng.standard_normal((*shape, size))
    side = side - np.sum(side * loc, axis=-1, keepdims=True) * loc
    side = side / np.linalg.norm(side, axis=-1, keepdims=True)
    return cosine[..., None] * loc + np.sqrt(1 - cosine**2)[..., None] * side


def _example(rng: np.random.Generator) -> tuple[Any, ...]:
    vector = rng.normal(size=int(rng.choice([2, 3, 4, 8, 16, 64])))
    return tuple((vector / np.linalg.norm(vector)).tolist()), float(10.0 ** rng.uniform(-3, 6))


von_mises_fisher = Density(
    name="von_mises_fisher",
    support=SPHERE,
    event_rank=1,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=SPHERE, event_rank=1),
                Parameter(name="concentration", domain=NON_NEGATIVE, span=(1e-3, 1e6)),
            ),
            energy=vectorise(_energy),
            energy_grad=(vectorise(_energy_by_loc), vectorise(_energy_by_concentration)),
            log_normalizer=vectorise(_normalizer),
            log_normalizer_grad=(None, vectorise(_normalizer_by_concentration)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_ANGLE,),
            draw=_draw,
            entropy=_entropy,
            example=_example,
        ),
    ),
    source="Mardia and Jupp, Directional Statistics (2000), eq. (9.3.4)",
)
