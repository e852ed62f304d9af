"""Which family the reconstruction is: every candidate is fitted to the same probes, the simplest that explains them wins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.member import TEMPERED, member
from elbocheck.probing.candidate import Candidate
from elbocheck.probing.errors import expected_errors, rough_errors
from elbocheck.probing.families import candidates
from elbocheck.probing.fit import Fit, Model, Shapes, scanned, shaped
from elbocheck.probing.match import Match
from elbocheck.probing.points import Points, measure
from elbocheck.probing.probe import Probe
from elbocheck.roles import PREDICTIONS, Role

CORE = 8.0
"""Logits up to here identify a Bernoulli whose arithmetic breaks further out: 1 - p still has 12 digits."""
SIMILAR = (0.5, 0.02)
"""Of the rise: what a fit may be off by, beyond rounding, and still be worth refining. The weights of the first count every
decade alike, those of the second are the rounding that the first says to expect."""
TOLD, INFORMED = 0.05, 0.12
"""At this share of the probes at least the rounding to be expected must be below this part of the rise: a family whose
parts nearly cancel explains everything by rounding."""
HUGE = 1e12
"""Times what is usual among ordinary predictions: values beyond say nothing that lesser ones do not, but an exponential's
shape would have to be known to twelve digits before they come near."""
ENOUGH = 60
"""Probes at one value of a learned scale that leave a family no room to bend to another's curve."""
DATA = 3
"""Data at the least, where a constant is free for each of them: from fewer, how the energy hangs on the data is not seen.
A categorical's, linear in one-hot data, needs the two that there are."""
LEAST = 0.4
"""Share of the probes at which a family must be defined to be considered."""


def match(probe: Probe, points: Points, where: str) -> list[Match]:
    """Return the readings that explain the probes, simplest first; only those of least complexity are tried to the end."""
    core = points.keep(np.abs(points.prediction) <= CORE)
    classes = points.keep((points.x == 0) | (points.x == 1))
    for region, guard in product((points, core, classes), budget.GUARDS):
        readings = [c for c in candidates(points, where) if c.guarded or (not guard and region is points)]
        found: list[Match] = []
        for reading in readings:
            if found and reading.complexity[0] > found[0].complexity[0]:
                break
            if (one := attempt(probe, region, reading, guard)) is not None:
                found.append(one)
        if found:
            return sorted(found, key=lambda m: m.complexity)
    return []


def match_signed(probe: Probe) -> list[Match]:
    """Return the Bernoulli readings of a loss whose classes are -1 and 1."""
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    logits = np.concatenate([np.arange(-8, 8.5, 0.5), [-0.35, 0.35]])
    grid = np.array([(x, r) for x in (-1.0, 1.0) for r in logits])
    points = measure(probe, grid, (Role.X, role))
    if points.value.size < len(grid):
        return []
    points = replace(points, x=(points.x + 1) / 2)
    readings = [c for c in candidates(points, "real") if c.family == "bernoulli" and not c.swapped]
    return [m for c in readings if c.parameter == "logits" and (m := attempt(probe, points, c, 0.0)) is not None]


@dataclass(frozen=True)
class Fitted:
    """What a candidate was fitted to, and how: the points where it is defined, its shapes, the fit and the noise."""

    points: Points
    shapes: Shapes
    fit: Fit
    noise: Array


def fitted(probe: Probe, points: Points, candidate: Candidate, guard: float) -> Fitted | None:
    """Return the fit of a candidate that explains the probes, for a closer look."""
    points = points.keep(_usable(candidate, points))
    solved = _solved(probe, points, candidate, model_of(candidate, points), guard)
    return None if solved is None else Fitted(points, *solved)


def approximate(probe: Probe, points: Points, candidate: Candidate) -> tuple[dict[str, float], float] | None:
    """Return the parameters with which a candidate comes closest, and the largest difference relative to the rise."""
    usable = _usable(candidate, points)
    if np.count_nonzero(usable) < max(8, LEAST * usable.size):
        return None
    points = points.keep(usable)
    model, rough = model_of(candidate, points), rough_errors(probe, points, model_of(candidate, points))
    starts = scanned(model, points.value, rough) if candidate.shapes else [()]
    shapes, fit = min(
        (shaped(model, points.value, rough, start) for start in starts), key=lambda found: found[1].misfit
    )
    if not np.isfinite(fit.residual):
        return None
    weight, parameters = candidate.read(
        fit.coefficients[: len(model.parts(*shapes))], [g.name for g in candidate.shapes], shapes
    )
    return (parameters, fit.residual) if np.isfinite(weight) else None


def attempt(probe: Probe, points: Points, candidate: Candidate, guard: float) -> Match | None:
    """Fit one candidate, or return None where it does not explain the probes."""
    usable = _usable(candidate, points)
    if np.count_nonzero(usable) < max(8, LEAST * usable.size):
        return None
    points = points.keep(usable)
    if candidate.datum is not None and np.unique(points.x).size < (2 if candidate.family == "categorical" else DATA):
        return None
    if not _plausible(probe, points, candidate, guard):
        return None
    model = model_of(candidate, points)
    solved = _solved(probe, points, candidate, model, guard)
    if solved is None:
        return None
    shapes, fit, noise = solved
    told = np.count_nonzero(noise < TOLD * rough_errors(probe, points, model))
    if not fit.explains or told < max(8, INFORMED * noise.size):
        return None
    count = len(model.parts(*shapes))
    weight, parameters = candidate.read(fit.coefficients[:count], [g.name for g in candidate.shapes], shapes)
    errors, _ = model.uncertainty(shapes, fit, noise)
    error = float(np.max(errors[:count]))
    if not abs(weight) > 4 * error:  # NaN too
        return None
    found = _matched(candidate, points, model, shapes, fit, noise, weight, parameters, guard)
    return None if candidate.whole and found.datum != "whole" else found


def _plausible(probe: Probe, points: Points, candidate: Candidate, guard: float) -> bool:
    """Tell whether a candidate explains the probes where the learned parameters have one value: a fifth of them or less.

    What explains all of them explains these; a normaliser is then a constant, so that a curve that is not even similar shows.
    """
    if points.scale is None:
        return True
    one = points.keep(points.scale == np.sort(points.scale)[points.scale.size // 2])
    if one.value.size < ENOUGH:
        return True
    alone = replace(candidate, normalizer=None) if one.delta is None else candidate
    solved = _solved(probe, one, alone, model_of(alone, one), guard)
    return solved is not None and solved[1].residual <= budget.SCREENED


def _matched(
    candidate: Candidate,
    points: Points,
    model: Model,
    shapes: Shapes,
    fit: Fit,
    noise: Array,
    weight: float,
    parameters: dict[str, float],
    guard: float,
) -> Match:
    count, free = len(model.parts(*shapes)), model.free.shape[1]
    moved, shape_error = model.uncertainty(shapes, fit, noise)
    datum, constant, plain = "none", float(fit.coefficients[-1]), candidate
    if candidate.datum is not None:
        x, found = np.unique(points.x), fit.coefficients[-free:] / weight
        errors = moved[-free:] / abs(weight) + np.abs(found) * float(np.finfo(np.float32).eps)
        candidate, share, parameters, datum, own = _with_datum(candidate, parameters, x, found, errors)
        weight *= share
        constant = own * weight
    ratio = float(fit.coefficients[count] / weight) if candidate.normalizer is not None else None
    if (
        ratio is not None and ratio > 0 and candidate.family in TEMPERED - {"log_normal"}
    ):  # log scale tells the weight of the whole
        whole = member(candidate.family, 1 / ratio, parameters)
        if whole is not None and whole.density is not None:
            candidate, parameters = replace(candidate, family=whole.family), dict(whole.parameters)
            weight, ratio = weight * ratio, 1.0
    return Match(
        candidate,
        weight,
        float(np.max(moved[:count])),
        constant,
        float(np.max(moved[-free:])),
        parameters,
        shape_error,
        ratio,
        float(np.max(model.off(points.value, shapes, fit))) / abs(weight) if guard else 0.0,
        fit.residual,
        datum,
        float(np.max(model.off(points.value, shapes, fit) / (np.abs(points.value) + abs(weight)))),
        plain,
        shapes,
        fit.coefficients[:count],
        points,
    )


def _with_datum(
    candidate: Candidate, parameters: dict[str, float], x: Array, found: Array, errors: Array
) -> tuple[Candidate, float, dict[str, float], str, float]:
    """Return the family that the data's own term tells, its share of the weight and parameters, and what becomes of it.

    Another family of the same parts is read only where its own term is there whole.
    """
    assert candidate.datum is not None
    datum, own = _datum(x, found, errors, candidate.datum(x, parameters))
    told = candidate.reread(candidate, x, found) if datum == "other" and candidate.reread else None
    if told is not None:
        other, share, others = told
        assert other.datum is not None
        whole, rest = _datum(x, found / share, errors / share, other.datum(x, others))
        if whole == "whole":
            return other, share, others, whole, rest
    return candidate, 1.0, parameters, datum, own


def _datum(x: Array, found: Array, errors: Array, own: Array) -> tuple[str, float]:
    """Say what becomes of the term of the data alone, and return the constant that is left (at x = 1 where unsure)."""
    told = np.isfinite(own)
    if not told.any():
        return "other", float(np.mean(found))
    x, found, errors, own = x[told], found[told], errors[told], own[told]
    for name, rest in (("whole", found - own), ("dropped", found)):
        middle = float(np.median(rest))
        if np.all(np.abs(rest - middle) <= 4 * (errors + np.max(errors[np.abs(rest - middle).argmin()]))):
            return name, middle
    return "other", float(found[np.argmin(np.abs(x - 1))])


def _usable(candidate: Candidate, points: Points) -> Array:
    """Tell where the parts are finite, at the middle of what their shapes may be."""
    middle = [grid.values[grid.values.size // 2] for grid in candidate.shapes]
    with np.errstate(all="ignore"):
        parts = [*candidate.parts(points, *middle)]
        if candidate.normalizer is not None:
            parts.append(candidate.normalizer(points))
    size = np.abs(points.value)
    usual = np.max(size, initial=0.0, where=np.abs(points.prediction) <= CORE)
    if not usual:  # a dead zone that all of them lie in
        usual = np.min(size, initial=np.inf, where=size > 0)
    return np.asarray(np.all(np.isfinite(parts), axis=0) & (size <= HUGE * usual))


def model_of(candidate: Candidate, points: Points) -> Model:
    """Return the candidate as a model of the values: its parts, its normaliser, and a constant (for every datum)."""
    free = np.ones((points.value.size, 1))
    if candidate.datum is not None:
        free = (points.x[:, None] == np.unique(points.x)).astype(np.float64)
    fixed = [] if candidate.normalizer is None else [candidate.normalizer(points)]

    def parts(*shapes: float | Array) -> tuple[Array, ...]:
        with np.errstate(all="ignore"):
            return candidate.parts(points, *shapes)

    return Model(parts, fixed, free, candidate.shapes)


def _solved(
    probe: Probe, points: Points, candidate: Candidate, model: Model, guard: float
) -> tuple[Shapes, Fit, Array] | None:
    """Return shapes, the fit there, and the noise that it was held against; None where the curve is not even similar."""
    noise = rough_errors(probe, points, model)
    starts = scanned(model, points.value, noise) if candidate.shapes else [()]
    shapes, fit = min(
        (shaped(model, points.value, noise, start) for start in starts), key=lambda found: found[1].misfit
    )
    rough = noise
    for similar in SIMILAR:
        shapes, fit = shaped(model, points.value, noise, shapes)
        noise = expected_errors(probe, points, candidate, model, shapes, fit, guard)
        if shapes and not model.fixed and np.any(model.off(points.value, shapes, fit) > noise + similar * rough):
            return None
    return *shaped(model, points.value, noise, shapes), noise
