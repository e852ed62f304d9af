"""All parameters of a reading fitted at once, with errors that the values themselves tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.floats import eps
from elbocheck.probing.fit import linear
from elbocheck.probing.parametric import Parametric
from elbocheck.probing.points import Points
from elbocheck.probing.probe import Probe

ROUNDS, GRADINGS = 12, 4
REGRADED = 0.1
"""Of a deviation: a change that asks for no further fit."""
SETTLED = 1e-5
"""Of the deviation to be expected: a step of a fit that moves no value by more is its last."""
ALIKE, TRACE = 32, 1e-9
"""Values whose deviations are averaged; of the noise, what none is taken to deviate by less than."""
BIAS = 0.1
"""Of a deviation, what all values may be off by the same way: a function's roundings do not quite even out."""
LOGARITHM = 0.635
"""By how much the mean logarithm of a normal deviate's size is below that of its deviation: (Euler's constant + log 2)/2."""
PULLED = 1e-3
"""How far from 1 the share of a value in its own fit is taken to be."""
READ = 4 * float(np.finfo(np.float64).eps)
"""What reading a fit costs each coefficient: a line through logarithms, their exponentials and quotients, in float64."""


@dataclass(frozen=True)
class Grades:
    """How far values deviate, in units of the noise allowed for, by how many roundings of the value that is.

    Terms that textbook code forms and that cancel may not be formed by this loss: then far less than is allowed for.

    Attributes:
        roundings: logarithms, increasing.
        units: logarithms of the deviations.
    """

    roundings: Array
    units: Array

    def deviation(self, probe: Probe, value: Array, noise: Array) -> Array:
        """Return the standard deviation of values, at least that of one rounding; of exact ones a trace of the noise."""
        units = np.exp(np.interp(_roundings(value, noise), self.roundings, self.units))
        return np.asarray(np.maximum(noise * units, _least(probe, value, noise)))


def _roundings(value: Array, noise: Array) -> Array:
    return np.asarray(np.log(noise) - np.log(np.abs(value) + np.finfo(np.float64).tiny))


def _least(probe: Probe, value: Array, noise: Array) -> Array:
    return np.asarray(np.maximum(TRACE * noise, eps(probe.dtype) / np.sqrt(12) * np.abs(value)))


def _graded(probe: Probe, value: Array, noise: Array, off: Array, vector: int) -> Grades:
    """Return grades of a fit of so many numbers: means of logarithms over values alike, on which a trend tells as little as
    a value far off."""
    kept = value != 0
    if not kept.any():
        return Grades(np.zeros(1), np.zeros(1))
    value, noise, off = value[kept], noise[kept], off[kept]
    roundings = _roundings(value, noise)
    order = np.array_split(np.argsort(roundings, kind="stable"), max(1, value.size // ALIKE))
    free = 0.5 * np.log(value.size / max(value.size - vector, 1)) + LOGARITHM
    units = np.log(np.maximum(np.abs(off), _least(probe, value, noise)) / noise)
    return Grades(*np.array([(np.mean(roundings[one]), free + np.mean(units[one])) for one in order]).T)


@dataclass(frozen=True)
class State:
    """A fit of all parameters at once.

    Attributes:
        points: all that were probed.
        vector: the parametric's.
        noise: error to allow each value.
        grades: what the values deviate by.
        deviation: that of each value, more where equal ones count as one.
        floor: share of the claims that constants, rounded once, have, shape (1 + parameters,).
        chance: share of the claims that more values lessen, of the same shape.
        claims: what the logarithms of the weight and of each parameter may be off by, shape (1 + parameters,).
    """

    points: Points
    vector: Array
    noise: Array
    grades: Grades
    deviation: Array
    floor: Array
    chance: Array
    claims: Array


def fitted(law: Parametric, probe: Probe, points: Points, vector: Array) -> State | None:
    """Return the fit of all parameters at once, from nearby; None where it does not explain the values.

    Values that are equal have one error, and count as one.
    """
    _, group, count = np.unique(points.value, return_inverse=True, return_counts=True)
    if count.size <= 2 * vector.size:
        return None
    noise, alike = law.noise(probe, points, vector), np.sqrt(count[group])
    deviation, grades = noise, Grades(np.zeros(1), np.zeros(1))
    vector, off = _descended(law, points, vector, deviation * alike)
    for _ in range(GRADINGS):  # weighed as they do not deserve, values are off by what others move the fit
        before, grades = deviation, _graded(probe, points.value, noise, off, vector.size)
        deviation = grades.deviation(probe, points.value, noise)
        vector, off = _descended(law, points, vector, deviation * alike)
        if np.all(np.abs(np.log(deviation / before)) < REGRADED):
            break
    if not np.max(np.abs(off) / noise) <= 1:  # NaN too
        return None
    return _claimed(law, probe, State(points, vector, noise, grades, deviation * alike, vector, vector, vector), off)


def _descended(law: Parametric, points: Points, vector: Array, deviation: Array) -> tuple[Array, Array]:
    """Return the vector of least squares by Gauss-Newton, and how far it is off at each point: NaN where it is lost."""
    for _ in range(ROUNDS):
        off = points.value - law.terms(points, vector).sum(axis=0)
        slopes = law.tangents(points, vector)
        if not (np.all(np.isfinite(slopes)) and np.all(np.isfinite(off))):
            return vector, np.full_like(off, np.nan)
        step = linear(slopes, off, deviation).coefficients
        vector = vector + step
        if np.max(np.abs(slopes @ step) / deviation) < SETTLED:
            break
    return vector, points.value - law.terms(points, vector).sum(axis=0)


def _claimed(law: Parametric, probe: Probe, fit: State, off: Array) -> State | None:
    """Return the fit with its claims: standard errors, the larger of two, and what rounded constants and biased functions do.

    The first takes the deviations to be as graded, but for a common factor; the second takes each as it is (White, A
    heteroskedasticity-consistent covariance matrix estimator, Econometrica (1980), with the deviations freed of their own
    pull on the fit: MacKinnon & White, Journal of Econometrics (1985), HC3). Equal values deviate together, and so may those
    of one datum or of one prediction, of which a loss rounds the same functions.
    """
    _, group, count = np.unique(fit.points.value, return_inverse=True, return_counts=True)
    slopes = law.tangents(fit.points, fit.vector)
    if not np.all(np.any(slopes, axis=0) & np.all(np.isfinite(slopes), axis=0)):  # what moves no value is not known
        return None
    by_value = inverse(slopes, fit.deviation)
    moved = law.meaning(fit.vector) @ by_value
    if not np.all(np.isfinite(moved)):
        return None
    pull = np.minimum(np.bincount(group, np.einsum("ij,ji->i", slopes, by_value)), 1 - PULLED)[group]
    factor = np.sqrt(np.sum((off / fit.deviation) ** 2) / (count.size - fit.vector.size))
    expected = max(float(factor), 1.0) * fit.deviation / np.sqrt(count[group])
    together = [group, *(np.unique(a, return_inverse=True)[1] for a in (fit.points.x, fit.points.prediction))]
    errors = [_summed(moved, expected, group), *(_summed(moved, off / (1 - pull), one) for one in together)]
    terms = law.terms(fit.points, fit.vector)
    floor = (eps(probe.dtype) / 2 + READ) * (1 + np.sum(np.abs(moved @ terms[:-1].T), axis=1))
    chance = budget.DEVIATIONS * np.max(errors, axis=0)
    return replace(fit, floor=floor, chance=chance, claims=chance + floor + BIAS * (np.abs(moved) @ expected))


def _summed(moved: Array, errors: Array, group: Array) -> Array:
    """Return the standard errors of what values move, where errors of one group add up before they are squared."""
    return np.asarray(np.linalg.norm([np.bincount(group, row * errors) for row in moved], axis=1))


def inverse(slopes: Array, noise: Array) -> Array:
    """Return what a vector moves by where values do, weighed by their noise, shape (vector, points)."""
    weighted = slopes / noise[:, None]
    norms = np.max(np.abs(weighted), axis=0)
    return np.asarray(np.linalg.pinv(weighted / norms) / norms[:, None] / noise)
