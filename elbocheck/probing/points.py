"""Where the curve of one element is probed: pairs of datum and prediction, over as many decades as floats allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.probe import Probe
from elbocheck.roles import LIKELIHOOD_SCALES, LIKELIHOOD_SHAPES, POSITIVE, PREDICTIONS, Role

Pair = tuple[float, float]


@dataclass(frozen=True)
class Points:
    """Probes of the element curve: arrays of shape (points,), in float64.

    Attributes:
        x: data.
        prediction: what the loss was given as the prediction.
        scale: what it was given as the learned scale, or None.
        delta: what it was given as the learned shape, or None.
        value: the loss.
        shape: what it was given as another learned parameter of the likelihood, or None.
        shape_role: what that is called, or None.
    """

    x: Array
    prediction: Array
    scale: Array | None
    delta: Array | None
    value: Array
    shape: Array | None = None
    shape_role: Role | None = None

    def keep(self, mask: Array) -> Points:
        """Return the points where `mask` holds."""
        scale, delta, shape = (None if a is None else a[mask] for a in (self.scale, self.delta, self.shape))
        return Points(self.x[mask], self.prediction[mask], scale, delta, self.value[mask], shape, self.shape_role)

    def joined(self, other: Points) -> Points:
        """Return these points and others, of a loss without learned parameters of its likelihood."""
        pairs = ((self.x, other.x), (self.prediction, other.prediction), (self.value, other.value))
        x, prediction, value = (np.concatenate(pair) for pair in pairs)
        return Points(x, prediction, None, None, value)


def sample(probe: Probe, assumed: str | None = None) -> tuple[Points, str]:
    """Probe the element curve; return the finite points and where predictions may lie: `real`, `positive` or `unit`.

    Args:
        probe: the loss.
        assumed: where they are taken to lie, whatever the loss accepts.
    """
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    where = assumed or _where(probe, role)
    learned = _learned(probe)
    pairs = {"unit": _unit_pairs(), "positive": _positive_pairs(), "real": _real_pairs(bool(learned))}[where]
    if probe.layout.datum < 1 or (where != "real" and _of_proportions(probe)):
        pairs = [(x, r) for x in _INSIDE for r in dict.fromkeys(r for _, r in pairs)]
    grid = np.array([(*pair, *rest) for rest in _crossed(learned) for pair in pairs])
    return measure(probe, grid, (Role.X, role, *learned)), where


def _of_proportions(probe: Probe) -> bool:
    """Tell whether the data lie between 0 and 1; of those that are 0 or 1 nothing between is data either."""
    return not probe.accepts({Role.X: 2.0}) and probe.accepts({Role.X: _INSIDE[0]})


def _where(probe: Probe, role: Role) -> str:
    below, above = (_shut(probe, role, edge) for edge in (-1.5, 2.5))
    return "unit" if above else "positive" if below else "real"


def measure(probe: Probe, grid: Array, names: tuple[Role, ...]) -> Points:
    """Return the finite values of the loss on a grid of shape (points, roles)."""
    column = dict(zip(names, probe.cast(grid).T, strict=True))
    value = probe.table(column)
    scale = next((column[r] for r in names if r in LIKELIHOOD_SCALES), None)
    shape = next((r for r in names if r in LIKELIHOOD_SHAPES), None)
    other = None if shape is None else column[shape]
    points = Points(column[Role.X], column[names[1]], scale, column.get(Role.DELTA), value, other, shape)
    return points.keep(np.isfinite(value))


def _learned(probe: Probe) -> dict[Role, tuple[float, ...]]:
    """Return the learned parameters of the likelihood that the loss takes, and the values to try."""
    roles = probe.loss.roles
    values = {r: _SCALES if r in POSITIVE else _LOG_SCALES for r in sorted(roles) if r in LIKELIHOOD_SCALES}
    values |= {r: _COUNTS if r is Role.TOTAL_COUNT else _SHAPES for r in sorted(roles & LIKELIHOOD_SHAPES)}
    return values | ({Role.DELTA: _DELTAS} if Role.DELTA in roles else {})


def _crossed(learned: Mapping[Role, tuple[float, ...]]) -> Iterator[tuple[float, ...]]:
    """Yield settings of the learned parameters: all, or beside a shape of its own those that differ in one from the second."""
    every = product(*learned.values())
    if len(learned) < 2 or not LIKELIHOOD_SHAPES & set(learned):
        return every
    second = [values[1] for values in learned.values()]
    return (row for row in every if sum(a != b for a, b in zip(row, second, strict=True)) < 2)


_SCALES: tuple[float, ...] = (0.25, 0.6, 1.0, 1.7, 4.0)
_LOG_SCALES: tuple[float, ...] = (-2.0, -0.7, 0.0, 0.9, 2.0)
_DELTAS: tuple[float, ...] = (0.3, 1.0, 2.5)
_SHAPES: tuple[float, ...] = (0.4, 1.0, 2.5, 8.0)
_COUNTS: tuple[float, ...] = (0.5, 1.0, 4.0, 12.0, 40.0)
_INSIDE: tuple[float, ...] = (0.05, 0.2, 0.3, 0.5, 0.7, 0.9)


def _shut(probe: Probe, role: Role, edge: float) -> bool:
    """Tell whether the loss ends before `edge`: it raises there, is NaN, or is clipped flat.

    A bounded loss of the residual is flat far out too, but worth the same for every datum there.
    """
    beyond = np.full(probe.layout.shape(role), edge)
    farther = beyond.copy()
    farther.flat[0] *= 1.5
    values = probe.curve([{role: array, Role.X: x} for x in probe.data for array in (beyond, farther)])
    return bool(np.isnan(values).any() or (np.all(values[::2] == values[1::2]) and values[0] != values[2]))


def _real_pairs(learned: bool) -> list[Pair]:
    """Return (x, prediction) with log-spaced residuals, finely about x = 0, where they are exact; logits and counts too."""
    fine = 10.0 ** np.arange(-8, 4.01, 0.5 if learned else 0.125)
    coarse = 10.0 ** np.arange(-4, 4.01, 0.5)
    logits = [*np.arange(-8, 8.5, 1.0), -0.35, 0.35, 0.8]
    about = [(0.0, u) for u in (*-fine[::-1], 0.0, *fine)]
    about += [(x, x + u) for x in (0.3, 1.0) for u in (*-coarse, 0.0, *coarse)]
    return [*about, *((x, r) for x in (0.0, 0.3, 0.7, 1.0, 3.0, 12.0) for r in logits)]


def _unit_pairs() -> list[Pair]:
    levels = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.47, 0.5, 0.6, 0.66, 0.7, 0.8, 0.9, 0.95)
    return [(x, r) for x in (0.0, 0.2, 0.3, 0.7, 1.0, 3.0, 12.0) for r in levels]


def _positive_pairs() -> list[Pair]:
    levels = [*10.0 ** np.arange(-3, 3.01, 0.25), 0.3, 0.7, 1.5, 2.5]
    return [(x, float(r)) for x in (0.0, 0.3, 1.0, 2.0, 3.0, 7.0, 12.0) for r in levels]
