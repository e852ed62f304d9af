"""The errors to expect of a loss's values, which weigh a fit and decide whether it explains them."""

from __future__ import annotations

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate
from elbocheck.probing.fit import Fit, Model, Shapes
from elbocheck.probing.points import Points
from elbocheck.probing.probe import Probe

LEAST_RISE = 1e-90


def rough_errors(probe: Probe, points: Points, model: Model) -> Array:
    """Return errors under which every decade of the curve counts alike: its rise above the lowest value of its constant."""
    lowest = np.array([np.min(points.value[one > 0]) for one in model.free.T])
    rise = points.value - model.free @ lowest
    nothing = LEAST_RISE * max(float(np.max(rise)), 1.0)
    least = np.min(
        rise, initial=np.inf, where=rise > nothing
    )  # 1 - e^-v is flat below its quantum: 0 is not exact there
    return np.asarray(rise + probe.noise(points.value) + (least if np.isfinite(least) else 1.0))


def expected_errors(
    probe: Probe, points: Points, candidate: Candidate, model: Model, shapes: Shapes, fit: Fit, guard: float
) -> Array:
    """Return the error to expect: rounding of the value and of the terms it is made of, the loss's own floor, a guard."""
    columns = model.columns(shapes)
    if not np.isfinite(fit.residual):
        return np.ones_like(points.value)
    count = columns.shape[1] - model.free.shape[1] - len(model.fixed)
    weight = float(np.max(np.abs(fit.coefficients[:count])))
    terms = np.abs(columns) @ np.abs(fit.coefficients)
    inner = candidate.inner(points, *shapes) if candidate.inner else products(points, columns[:, :count])
    return np.asarray(
        probe.noise(points.value, terms, weight * inner) + probe.floor + guard * weight + np.finfo(np.float64).tiny
    )


def products(points: Points, parts: Array) -> Array:
    """Return the size of the terms of log densities that cancel: x * logits beside softplus(logits)."""
    return np.asarray(np.minimum(np.abs(points.prediction) * (1 + np.abs(points.x)), 1 + np.max(np.abs(parts), axis=1)))
