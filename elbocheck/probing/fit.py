"""Weighted least squares against known noise, and Gauss-Newton on shape parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.curves import Grid

Shapes = tuple[float, ...]
STEP = 1e-4
"""Of the differences that stand for derivatives in a shape: they steer, they do not move the optimum."""
NOTHING = 1e-150
RANK = 1e-15
"""Of the largest singular value: directions of columns that count less are none of their own."""
STALLED = 1e-6
"""Share of the misfit below which a gain moves the shapes by a thousandth of what noise does."""
ROUNDS, HALVINGS, STARTS, REFINEMENTS = 60, 6, 4, 2
FARTHEST = 0.5
"""Of a step in any shape; a longer one is shortened as a whole: along a narrow valley no shape moves without the others."""


@dataclass(frozen=True)
class Fit:
    """A linear fit.

    Attributes:
        coefficients: one per column.
        errors: how far the noise can have moved each.
        residual: the largest deviation, in units of the expected noise; at most 1 means the model explains the data.
        misfit: root of the sum of the squared deviations, in the same units.
    """

    coefficients: Array
    errors: Array
    residual: float
    misfit: float = np.inf

    @property
    def explains(self) -> bool:
        """Whether the model is right to within the noise."""
        return self.residual <= 1.0


def linear(columns: Array, values: Array, noise: Array) -> Fit:
    """Fit values = columns @ coefficients.

    Args:
        columns: shape (points, coefficients).
        values: shape (points,).
        noise: the expected error of each value, positive.
    """
    noise = np.maximum(noise, NOTHING)  # a value of exactly 0 has no relative rounding
    weighted = columns / noise[:, None]
    if not (np.isfinite(weighted).all() and np.isfinite(values).all()):
        blank = np.zeros(columns.shape[1])
        return Fit(blank, blank + np.inf, np.inf)
    norms = np.abs(weighted).max(axis=0)  # a sum of squares would overflow
    norms[norms == 0] = 1.0
    left, sizes, right = np.linalg.svd(weighted / norms, full_matrices=False)
    kept = sizes > RANK * sizes[0]
    inverse = (right[kept].T / sizes[kept]) @ left[:, kept].T
    coefficients = np.zeros(columns.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows explains nothing, and its residual says so
        for _ in range(REFINEMENTS):  # a value of 1e13 times its noise leaves a solver too few digits
            coefficients = coefficients + inverse @ ((values - columns @ coefficients) / noise) / norms
        errors = np.sqrt((inverse * inverse).sum(axis=1)) / norms
        off = np.minimum(np.abs(values - columns @ coefficients) / noise, 1e150)
        return Fit(coefficients, errors, float(off.max()), float(np.sqrt(off @ off)))


@dataclass(frozen=True)
class Model:
    """Values as a linear combination of parts that depend on shapes, fixed columns, and free constants.

    Attributes:
        parts: (*shapes) to columns of shape (points,); a leading axis of shapes gives a leading axis of columns.
        fixed: columns.
        free: one constant for each column of this indicator matrix, shape (points, constants).
        shapes: the free shapes.
    """

    parts: Callable[..., tuple[Array, ...]]
    fixed: list[Array]
    free: Array
    shapes: tuple[Grid, ...]

    def columns(self, shapes: Shapes) -> Array:
        """Return all columns side by side, shape (points, coefficients)."""
        return np.column_stack([*self.parts(*shapes), *self.fixed, self.free])

    def off(self, values: Array, shapes: Shapes, fit: Fit) -> Array:
        """Return how far the fit is off at each point."""
        return np.asarray(np.abs(values - self.columns(shapes) @ fit.coefficients))

    def tangents(self, shapes: Shapes, weights: Array) -> Array:
        """Return the derivative of the values in each shape (in its logarithm, where it is positive)."""
        found = []
        for place, grid in enumerate(self.shapes):
            ends = [self.parts(*grid.moved(shapes, place, sign * STEP)) for sign in (1.0, -1.0)]
            found.append(sum(w * (up - down) / (2 * STEP) for w, up, down in zip(weights, *ends, strict=False)))
        return np.column_stack(found) if found else np.zeros((len(self.free), 0))

    def holding(self, place: int, shape: float) -> Model:
        """Return the model in which the shape at a place is a number."""

        def parts(*others: float | Array) -> tuple[Array, ...]:
            return self.parts(*others[:place], shape, *others[place:])

        return replace(self, parts=parts, shapes=(*self.shapes[:place], *self.shapes[place + 1 :]))

    def moved(self, shapes: Shapes, steps: Array) -> Shapes:
        """Return the shapes a step further, each on its grid."""
        for place, grid in enumerate(self.shapes):
            shapes = grid.moved(shapes, place, float(steps[place]))
        return shapes

    def uncertainty(self, shapes: Shapes, fit: Fit, noise: Array) -> tuple[Array, float]:
        """Return how far the noise can have moved coefficients and shapes together: each coefficient, the worst shape.

        Shapes count relative, where positive.
        """
        if not shapes:
            return fit.errors, 0.0
        whole = np.column_stack([self.columns(shapes), self.tangents(shapes, fit.coefficients)])
        errors = linear(whole, np.zeros(len(whole)), noise).errors
        return errors[: -len(shapes)], float(np.max(errors[-len(shapes) :]))


def scanned(model: Model, values: Array, noise: Array) -> list[Shapes]:
    """Return shapes on their grids that explain the values well, best first: one for each value of all but the last shape.

    One part is taken; fixed columns and free constants are projected out.
    """
    weights = 1 / np.maximum(noise, NOTHING)
    span = np.linalg.qr(np.column_stack([*model.fixed, model.free]) * weights[:, None])[0]

    def rest(rows: Array) -> Array:
        rows = rows * weights
        return np.asarray(rows - (rows @ span) @ span.T)

    target, *outer = rest(values), *(grid.values for grid in model.shapes[:-1])
    found = []
    last = model.shapes[-1].values
    for others in product(*outer):
        with np.errstate(all="ignore"):
            rows = rest(model.parts(*others, last[:, None])[0])
            off = np.sum((target - (rows @ target / np.sum(rows * rows, axis=1))[:, None] * rows) ** 2, axis=1)
        off = np.where(np.isfinite(off), off, np.inf)
        found.append((float(off.min()), (*map(float, others), float(last[np.argmin(off)]))))
    return [shapes for _, shapes in sorted(found)[:STARTS]]


def shaped(model: Model, values: Array, noise: Array, start: Shapes) -> tuple[Shapes, Fit]:
    """Fit values over the coefficients and the shapes: Gauss-Newton, with steps halved until they help.

    Shapes stay within their grids: beyond what the points resolve, a family turns into one of its limits.

    Returns:
        The shapes, and the fit of the coefficients there.
    """

    def plainly(shapes: Shapes) -> tuple[Shapes, Fit]:
        return shapes, linear(model.columns(shapes), values, noise)

    return _descended(model, values, noise, plainly(start), plainly) if start else plainly(start)


def followed(model: Model, values: Array, noise: Array, start: Shapes, leader: int) -> tuple[Shapes, Fit]:
    """Fit as `shaped` does where shapes lie in a narrow, curved valley: one leads, the others are fitted wherever it goes.

    A step of all leaves the floor of such a valley, and would be refused unless it were tiny.

    Args:
        model: the energies.
        values: shape (points,).
        noise: the expected error of each value.
        start: the shapes.
        leader: the place of the shape that leads.
    """

    def beside(shapes: Shapes) -> tuple[Shapes, Fit]:
        others = *shapes[:leader], *shapes[leader + 1 :]
        found, fit = shaped(model.holding(leader, shapes[leader]), values, noise, others)
        return (*found[:leader], shapes[leader], *found[leader:]), fit

    return _descended(model, values, noise, beside(start), beside)


def _descended(
    model: Model,
    values: Array,
    noise: Array,
    start: tuple[Shapes, Fit],
    at: Callable[[Shapes], tuple[Shapes, Fit]],
) -> tuple[Shapes, Fit]:
    """Return the shapes and the fit that Gauss-Newton ends at, from those of a start; `at` fits near a trial of shapes."""
    shapes, fit = start
    for _ in range(ROUNDS):
        whole = np.column_stack([model.columns(shapes), model.tangents(shapes, fit.coefficients)])
        steps = linear(whole, values, noise).coefficients[-len(shapes) :]
        if not np.isfinite(steps).all():
            return shapes, fit
        steps = steps * (FARTHEST / max(float(np.max(np.abs(steps))), FARTHEST))
        trials = (at(model.moved(shapes, steps / 2**halved)) for halved in range(HALVINGS))
        better = next((trial for trial in trials if trial[1].misfit < fit.misfit), None)
        if better is None:
            return shapes, fit
        stalled = better[1].misfit > (1 - STALLED) * fit.misfit
        shapes, fit = better
        if stalled:
            return shapes, fit
    return shapes, fit
