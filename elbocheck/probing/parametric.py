"""A reading with its constants tied: values as a function of weights and shapes alone, once what the data add is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elbocheck.adapters import Array
from elbocheck.floats import eps
from elbocheck.probing.candidate import Candidate
from elbocheck.probing.errors import products
from elbocheck.probing.fit import STEP
from elbocheck.probing.points import Points
from elbocheck.probing.probe import Probe

Told = tuple[float, dict[str, float]]
"""The weight of the family's energy, and its parameters."""


@dataclass(frozen=True)
class Parametric:
    """A candidate with one constant for all data, unless what the data add is not known.

    Its vector holds the weights of the parts, that of a data term which tells another family (where there is one), the
    constants, and the shapes: logarithms where they are positive.

    Attributes:
        candidate: as it was fitted.
        parts: how many.
        whole: the data's own term is there.
        direction: x to the data's term that tells another family of the same parts, up to its weight; None: it does not.
        data: of the first probes.
        free: the data's own term is another: a constant for each of them.
    """

    candidate: Candidate
    parts: int
    whole: bool
    direction: Callable[[Array], Array] | None
    data: Array
    free: bool = False

    @property
    def _shapes(self) -> int:
        return len(self.candidate.shapes)

    def shapes(self, vector: Array) -> tuple[float, ...]:
        """Return the shapes that a vector holds."""
        logs = vector[vector.size - self._shapes :]
        return tuple(
            float(np.exp(v)) if g.positive else float(v) for g, v in zip(self.candidate.shapes, logs, strict=True)
        )

    def read(self, vector: Array) -> Told:
        """Return what a vector means."""
        names = [grid.name for grid in self.candidate.shapes]
        weight, parameters = self.candidate.read(vector[: self.parts], names, self.shapes(vector))
        if self.direction is None or self.candidate.reread is None:
            return weight, parameters
        share = vector[self.parts] / weight
        told = self.candidate.reread(self.candidate, self.data, share * self.direction(self.data))
        return (np.nan, {}) if told is None else (weight * told[1], told[2])

    def smooth(self, vector: Array) -> bool:
        """Tell whether the meaning moves with the vector: a number of trials does not."""
        return bool(np.all(np.isfinite(self.meaning(vector))))

    def terms(self, points: Points, vector: Array) -> Array:
        """Return the terms whose sum the values are, shape (terms, points); NaN where the reading says nothing."""
        with np.errstate(all="ignore"):
            parts = self.candidate.parts(points, *self.shapes(vector))
            found = [w * np.broadcast_to(part, points.x.shape) for w, part in zip(vector, parts, strict=False)]
            if self.direction is not None:
                found.append(vector[self.parts] * self.direction(points.x))
            elif self.whole and self.candidate.datum is not None:
                weight, parameters = self.read(vector)
                found.append(weight * self.candidate.datum(points.x, parameters))
        found.append(self._constants(points, vector))
        return np.asarray(found)

    def _constants(self, points: Points, vector: Array) -> Array:
        last = vector.size - self._shapes
        if not self.free:
            return np.full_like(points.x, vector[last - 1])
        place = np.minimum(np.searchsorted(self.data, points.x), self.data.size - 1)
        return np.where(self.data[place] == points.x, vector[last - self.data.size : last][place], np.nan)

    def noise(self, probe: Probe, points: Points, vector: Array) -> Array:
        """Return the error to expect of values: rounding of themselves and of the terms they are made of, and a floor."""
        terms = self.terms(points, vector)
        weight = float(np.max(np.abs(vector[: self.parts])))
        shapes = self.shapes(vector)
        with np.errstate(all="ignore"):
            parts = np.column_stack(self.candidate.parts(points, *shapes))
            inner = self.candidate.inner(points, *shapes) if self.candidate.inner else products(points, parts)
        least = float(np.finfo(probe.dtype).tiny / eps(probe.dtype))  # below, floats thin out
        return np.asarray(
            probe.noise(terms.sum(axis=0), np.sum(np.abs(terms), axis=0), weight * inner) + probe.floor + least
        )

    def steps(self, vector: Array) -> Array:
        """Return steps of differences that stand for derivatives: they steer, they do not move the optimum."""
        scale = np.maximum(np.abs(vector), np.max(np.abs(vector[: self.parts])))
        scale[vector.size - self._shapes :] = 1.0
        weights = self.parts + (self.direction is not None)
        scale[:weights] = np.abs(vector[:weights])
        return np.asarray(STEP * scale)

    def tangents(self, points: Points, vector: Array) -> Array:
        """Return the derivatives of the values, shape (points, vector)."""

        def values(v: Array) -> Array:
            return np.asarray(self.terms(points, v).sum(axis=0))

        return np.column_stack([_slope(values, vector, h) for h in self._moves(vector)])

    def meaning(self, vector: Array) -> Array:
        """Return the derivatives of the logarithms of the weight and of each parameter, shape (1 + parameters, vector)."""

        names = list(self.read(vector)[1])

        def logs(v: Array) -> Array:
            weight, parameters = self.read(v)
            same = list(parameters) == names
            return np.log(np.abs([weight, *(parameters[name] if same else np.nan for name in names)]))

        return np.column_stack([_slope(logs, vector, h) for h in self._moves(vector)])

    def _moves(self, vector: Array) -> Array:
        return np.asarray(np.diag(self.steps(vector)))


def _slope(function: Callable[[Array], Array], vector: Array, move: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray((function(vector + move) - function(vector - move)) / (2 * float(np.sum(move))))
