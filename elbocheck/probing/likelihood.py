"""Which family the reconstruction is: every candidate's energy is fitted to the same probes, the simplest that explains them wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.densities import IDENTIFIED
from elbocheck.densities.density import Density, Form
from elbocheck.domain import REAL
from elbocheck.probing.fit import Fit, linear, shaped
from elbocheck.probing.probe import Probe, spread_of
from elbocheck.roles import LIKELIHOOD_SCALES, POSITIVE, PREDICTIONS, Role

SCALE_KINDS = ("log_var", "log_scale", "scale", "var")
SHAPES = np.geomspace(3e-4, 3e3, 57)
"""Where a free shape is looked for: the residuals of the probes run from 1e-4 to 1e4, and both sides must be seen."""
CORE = 8.0
"""Logits up to here identify a Bernoulli whose arithmetic breaks further out: 1 - p still has 12 digits."""


@dataclass(frozen=True)
class Points:
    """Probes of the element curve: arrays of shape (points,), in float64.

    Attributes:
        x: data.
        prediction: what the loss was given as the prediction.
        scale: what it was given as the learned scale, or None.
        delta: what it was given as the learned shape, or None.
        value: the loss.
    """

    x: Array
    prediction: Array
    scale: Array | None
    delta: Array | None
    value: Array

    def keep(self, mask: Array) -> Points:
        """Return the points where `mask` holds."""
        scale, delta = (None if a is None else a[mask] for a in (self.scale, self.delta))
        return Points(self.x[mask], self.prediction[mask], scale, delta, self.value[mask])


@dataclass(frozen=True)
class Candidate:
    """One reading of the element curve."""

    density: Density
    form: Form
    link: str = "identity"
    swapped: bool = False
    scale_as: str | None = None

    @property
    def parameter(self) -> str:
        """What the prediction is to the family."""
        return self.form.names[0]

    @property
    def guarded(self) -> bool:
        """Whether the loss takes logarithms, where a small guard or a softplus cut off at 20 is to be expected."""
        return self.parameter != "loc" or self.scale_as in ("scale", "var")

    def arguments(self, points: Points, shape: float | None) -> list[Array | float]:
        """Return x and the form's parameters, in the order of the family's kernels."""
        x, prediction = points.x, points.prediction
        if self.link == "sigmoid":
            prediction = 0.5 * (1 + np.tanh(prediction / 2))
        if self.swapped:
            x, prediction = prediction, x
        given: dict[str, Array | float] = {self.parameter: prediction, "scale": 1.0}
        if self.scale_as is not None and points.scale is not None:
            given["scale"] = spread_of(Role(self.scale_as), points.scale)
        if self.density.shape is not None:
            learned = 1.0 if points.delta is None else points.delta
            given[self.density.shape] = learned if shape is None else shape
        return [x, *(given[name] for name in self.form.names)]

    def energy(self, points: Points, shape: float | None) -> Array:
        """Return the family's energy at the points, in nats per element."""
        return self.form.energy.wide(*self.arguments(points, shape))

    def slope(self, points: Points, shape: float) -> Array:
        """Return the derivative of the energy in the free shape parameter."""
        place = self.form.names.index(str(self.density.shape))
        return self.form.energy_grad[place].wide(*self.arguments(points, shape))

    def normalizer(self, points: Points, shape: float | None) -> Array | None:
        """Return the log normaliser where a learned parameter varies it, else None."""
        varies = self.scale_as is not None or (self.density.shape is not None and points.delta is not None)
        if not varies or self.form.log_normalizer is None:
            return None
        return self.form.log_normalizer.wide(*self.arguments(points, shape)[1:]) * np.ones_like(points.value)


@dataclass(frozen=True)
class Match:
    """A candidate that explains the probes."""

    candidate: Candidate
    fit: Fit
    shape: float | None
    normalizer_ratio: float | None
    deviation: float

    @property
    def complexity(self) -> tuple[int, int, float]:
        """Fewest parameters first."""
        free = self.shape is not None
        return (int(free), int(self.candidate.swapped) + int(self.candidate.link != "identity"), self.fit.residual)


def candidates(points: Points, closed: bool) -> Iterator[Candidate]:
    """List the readings that fit the loss's arguments."""
    kinds: tuple[str | None, ...] = (None,) if points.scale is None else (None, *SCALE_KINDS)
    for density in IDENTIFIED:
        for form in density.forms:
            names = form.names
            if names[0] not in ("loc", "logits", "probs") or not set(names[1:]) <= {"scale", "delta"}:
                continue
            unit = form.parameters[0].domain is not REAL
            for kind in kinds if "scale" in names else (None,):
                if not unit or closed:
                    yield Candidate(density, form, scale_as=kind)
                if not closed and not unit:
                    yield Candidate(density, form, "sigmoid", scale_as=kind)
                if names[0] != "loc":
                    yield Candidate(density, form, swapped=True)


def sample(probe: Probe) -> tuple[Points, bool]:
    """Probe the element curve; return the points and whether predictions are confined to [0, 1]."""
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    closed = any(_shut(probe, role, edge) for edge in (-1.5, 2.5))
    learned = _learned(probe)
    pairs = _closed_pairs() if closed else _open_pairs(0.5 if learned else 0.125)
    grid = probe.cast(np.array([(*pair, *rest) for rest in product(*learned.values()) for pair in pairs]))
    names = (Role.X, role, *learned)
    value = probe.curve([dict(zip(names, row, strict=True)) for row in grid])
    column = dict(zip(names, grid.T, strict=True))
    scale = next((column[r] for r in learned if r in LIKELIHOOD_SCALES), None)
    points = Points(column[Role.X], column[role], scale, column.get(Role.DELTA), value)
    return points.keep(np.isfinite(value)), closed


def _learned(probe: Probe) -> dict[Role, tuple[float, ...]]:
    """Return the learned parameters of the likelihood that the loss takes, and the values to try."""
    roles = probe.loss.roles
    values = {r: _SCALES if r in POSITIVE else _LOG_SCALES for r in roles if r in LIKELIHOOD_SCALES}
    return values | ({Role.DELTA: _DELTAS} if Role.DELTA in roles else {})


_SCALES: tuple[float, ...] = (0.25, 0.6, 1.0, 1.7, 4.0)
_LOG_SCALES: tuple[float, ...] = (-2.0, -0.7, 0.0, 0.9, 2.0)
_DELTAS: tuple[float, ...] = (0.3, 1.0, 2.5)


def _shut(probe: Probe, role: Role, edge: float) -> bool:
    """Tell whether the loss ends before `edge`: it raises there, is NaN, or is clipped flat whatever the data are."""
    beyond = np.full(probe.layout.shape(role), edge)
    farther = beyond.copy()
    farther.flat[0] *= 1.5
    values = probe.curve([{role: array, Role.X: x} for x in (0.0, 1.0) for array in (beyond, farther)])
    return not np.all(np.isfinite(values)) or bool(np.all(values[::2] == values[1::2]))


def _open_pairs(step: float) -> list[tuple[float, float]]:
    """Return (x, prediction) about x = 0, 0.3 and 1 with log-spaced residuals; predictions also across the logits."""
    residuals = 10.0 ** np.arange(-4, 4 + step / 2, step)
    steps = np.concatenate([-residuals[::-1], [0.0], residuals])
    logits = np.concatenate([np.arange(-8, 8.5, 1.0), [-0.35, 0.35, 0.8]])
    return [(x, x + u) for x in (0.0, 0.3, 1.0) for u in steps] + [(x, r) for x in (0.0, 0.3, 0.7, 1.0) for r in logits]


def _closed_pairs() -> list[tuple[float, float]]:
    levels = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.47, 0.5, 0.6, 0.66, 0.7, 0.8, 0.9, 0.95)
    return [(x, r) for x in (0.0, 0.2, 0.3, 0.7, 1.0) for r in levels]


def match(probe: Probe, points: Points, closed: bool) -> list[Match]:
    """Return the readings that explain the probes, simplest first."""
    core = points.keep(np.abs(points.prediction) <= CORE)
    classes = points.keep((points.x == 0) | (points.x == 1))
    for region, guard in product((points, core, classes), budget.GUARDS):
        readings = [c for c in candidates(points, closed) if c.guarded or (not guard and region is points)]
        found = [m for c in readings if (m := _try(probe, region, c, guard)) is not None]
        if found:
            return sorted(found, key=lambda m: m.complexity)
    return []


def match_signed(probe: Probe) -> list[Match]:
    """Return the Bernoulli readings of a loss whose classes are -1 and 1."""
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    logits = probe.cast(np.concatenate([np.arange(-8, 8.5, 0.5), [-0.35, 0.35]]))
    calls = [(x, float(r)) for x in (-1.0, 1.0) for r in logits]
    value = probe.curve([{Role.X: x, role: r} for x, r in calls])
    x, prediction = np.array(calls).T
    points = Points((x + 1) / 2, prediction, None, None, value).keep(np.isfinite(value))
    if points.value.size < len(calls):
        return []
    readings = [c for c in candidates(points, closed=False) if c.parameter == "logits" and not c.swapped]
    return [m for c in readings if (m := _try(probe, points, c, 0.0)) is not None]


def _try(probe: Probe, points: Points, candidate: Candidate, guard: float) -> Match | None:
    """Fit one candidate, or return None where it does not explain the probes."""
    normalizer = candidate.normalizer(points, None)
    usable = np.isfinite(candidate.energy(points, None)) & (normalizer is None or np.isfinite(normalizer))
    if np.count_nonzero(usable) < max(8, 0.4 * usable.size):
        return None
    points = points.keep(usable)
    noise = _noise(probe, points, candidate, guard)
    shape, ratio, fit = _solve(candidate, points, noise)
    weight = float(fit.coefficients[0])
    if not fit.explains or abs(weight) <= 4 * fit.errors[0]:
        return None
    predicted = weight * candidate.energy(points, shape) + fit.coefficients[1]
    if ratio is not None:
        predicted += ratio * weight * np.asarray(candidate.normalizer(points, shape))
    deviation = float(np.max(np.abs(points.value - predicted))) / abs(weight) if guard else 0.0
    return Match(candidate, fit, shape, ratio, deviation)


def _solve(candidate: Candidate, points: Points, noise: Array) -> tuple[float | None, float | None, Fit]:
    """Return the free shape parameter, the weight of the normaliser over that of the energy, and the fit."""
    if candidate.density.shape is not None and points.delta is None:
        shape, fit = shaped(
            lambda theta: candidate.energy(points, theta),
            lambda theta: candidate.slope(points, theta),
            points.value,
            noise,
            SHAPES,
        )
        return shape, None, fit
    fit = linear(_columns(candidate, points), points.value, noise)
    return None, float(fit.coefficients[2] / fit.coefficients[0]) if fit.coefficients.size > 2 else None, fit


def _columns(candidate: Candidate, points: Points) -> Array:
    """Return energy, constant and, where a learned parameter varies it, the normaliser, side by side."""
    energy, normalizer = candidate.energy(points, None), candidate.normalizer(points, None)
    return np.stack([energy, np.ones_like(energy), *([] if normalizer is None else [normalizer])], axis=1)


def _noise(probe: Probe, points: Points, candidate: Candidate, guard: float) -> Array:
    """Return the error to expect: rounding of the value and of the terms it is made of, the loss's own floor, a guard."""
    columns = _columns(candidate, points)
    rough = linear(columns, points.value, 1e-3 + np.abs(points.value))
    weight = abs(float(rough.coefficients[0]))
    terms = np.abs(columns) @ np.abs(rough.coefficients)
    inner = weight * np.minimum(np.abs(points.prediction) * (1 + np.abs(points.x)), 1 + columns[:, 0])
    return np.asarray(
        probe.noise(points.value, terms, inner) + probe.floor + guard * weight + np.finfo(np.float64).tiny
    )
