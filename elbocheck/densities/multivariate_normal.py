"""Multivariate normal density, log p(x) = -(x - loc)' C**-1 (x - loc)/2 - log det(2 pi C)/2, in nats; C the covariance.

x and loc have shape (…, d), the covariance (…, d, d), symmetric and positive definite; d is free. The kernels solve with
the Cholesky factor, whose errors grow with the condition number of C. Source: Bishop, Pattern Recognition and Machine
Learning (2006), eq. (2.43).
"""

import math
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import POSITIVE_DEFINITE, REAL
from elbocheck.kernels.lift import Wide, vectorise

__all__ = ["multivariate_normal", "sphere_area"]

LARGEST = 8  # dimensions of random examples


def _white(x: Wide, loc: Wide, covariance: Wide) -> Any:
    """L**-1 (x - loc), C = L L'."""
    difference = np.asarray(x - loc)
    return np.linalg.solve(np.linalg.cholesky(covariance), difference[..., None])[..., 0]


def _energy(x: Wide, loc: Wide, covariance: Wide) -> Any:
    return 0.5 * np.sum(_white(x, loc, covariance) ** 2, axis=-1)


def _solved(x: Wide, loc: Wide, covariance: Wide) -> Any:
    """C**-1 (x - loc)."""
    factor = np.linalg.cholesky(covariance)
    return np.linalg.solve(np.swapaxes(factor, -1, -2), _white(x, loc, covariance)[..., None])[..., 0]


def _energy_by_loc(x: Wide, loc: Wide, covariance: Wide) -> Any:
    return -_solved(x, loc, covariance)


def _energy_by_covariance(x: Wide, loc: Wide, covariance: Wide) -> Any:
    solved = _solved(x, loc, covariance)
    return -0.5 * solved[..., :, None] * solved[..., None, :]


def _normalizer(loc: Wide, covariance: Wide) -> Any:
    diagonal = np.diagonal(np.linalg.cholesky(covariance), axis1=-2, axis2=-1)
    return 0.5 * loc.shape[-1] * math.log(2 * math.pi) + np.sum(np.log(diagonal), axis=-1)


def _normalizer_by_covariance(_loc: Wide, covariance: Wide) -> Any:
    return 0.5 * np.linalg.inv(covariance)


def sphere_area(m: Any, dimension: int) -> Any:
    """Log of the area of the unit sphere in that many dimensions: 2 pi**(d/2)/Gamma(d/2)."""
    half = m.rational(dimension, 2)
    return m.log(m.exact(2)) + half * m.log(m.pi) - m.lgamma(half)


def _definition(m: Any, x: Any, loc: Any, covariance: Any) -> Any:
    difference = [a - b for a, b in zip(x, loc, strict=True)]
    solved = m.solve(covariance, difference)
    return -sum((a * b for a, b in zip(difference, solved, strict=True)), m.exact(0)) / 2


def _log_mass(m: Any, loc: Any, covariance: Any) -> Any:
    return (len(loc) * m.log(2 * m.pi) + m.log_det(covariance)) / 2


def _entropy(m: Any, loc: Any, covariance: Any) -> Any:
    return m.rational(len(loc), 2) + _log_mass(m, loc, covariance)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (loc, covariance), (far, wide) = this, other
    size = len(loc)
    columns = [m.solve(wide, [covariance[i][k] for i in range(size)]) for k in range(size)]
    trace = sum((columns[k][k] for k in range(size)), m.exact(0))
    shift = -2 * _definition(m, loc, far, wide)
    return (trace + shift - size + m.log_det(wide) - m.log_det(covariance)) / 2


def _breaks(m: Any, loc: Any, _covariance: Any) -> list[Any]:
    mode = m.log(m.exact(len(loc))) / 2
    return [-inf, *(mode + step for step in (-8, -4, -2, -1, 0, 1, 2)), inf]


_POLAR = Chart(  # x = loc + e**t L n for a direction n: the shells of radius e**t
    point=lambda m, t, loc, covariance: [
        at + m.exp(t) * row[0] / m.sqrt(covariance[0][0]) for at, row in zip(loc, covariance, strict=True)
    ],
    jacobian=lambda m, t, loc, _covariance: m.exp(len(loc) * t),
    factor=lambda m, loc, covariance: m.exp(m.log_det(covariance) / 2 + sphere_area(m, len(loc))),
    breaks=_breaks,
    log_density=lambda m, t, _loc, _covariance: -m.exp(2 * t) / 2,
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, covariance: Wide) -> Any:
    noise = rng.standard_normal((*shape, loc.shape[-1]))
    return loc + (np.linalg.cholesky(covariance) @ noise[..., None])[..., 0]


def _example(rng: np.random.Generator) -> tuple[Any, ...]:
    size = int(rng.integers(1, LARGEST + 1))
    root = rng.normal(size=(size, size)) * 10.0 ** rng.uniform(-3, 3, size=(size, 1))
    covariance = root @ root.T + np.diag(np.diag(root @ root.T))
    covariance = np.tril(covariance) + np.tril(covariance, -1).T
    return tuple(rng.normal(size=size).tolist()), tuple(map(tuple, covariance.tolist()))


multivariate_normal = Density(
    name="multivariate_normal",
    support=REAL,
    event_rank=1,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL, event_rank=1),
                Parameter(name="covariance", domain=POSITIVE_DEFINITE, event_rank=2),
            ),
            energy=vectorise(_energy),
            energy_grad=(vectorise(_energy_by_loc), vectorise(_energy_by_covariance)),
            log_normalizer=vectorise(_normalizer),
            log_normalizer_grad=(None, vectorise(_normalizer_by_covariance)),
            definition=_definition,
            log_mass=_log_mass,
            recipe=(_POLAR,),
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
            example=_example,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.43)",
)
