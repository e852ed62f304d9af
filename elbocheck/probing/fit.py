"""Weighted least squares against known noise, and Gauss-Newton on one shape parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elbocheck.adapters import Array


@dataclass(frozen=True)
class Fit:
    """A linear fit.

    Attributes:
        coefficients: one per column.
        errors: how far the noise can have moved each.
        residual: the largest deviation, in units of the expected noise; at most 1 means the model explains the data.
    """

    coefficients: Array
    errors: Array
    residual: float

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
    noise = np.maximum(noise, 1e-150)  # a value of exactly 0 has no relative rounding
    weighted = columns / noise[:, None]
    if not np.all(np.isfinite(weighted)) or not np.all(np.isfinite(values)):
        blank = np.zeros(columns.shape[1])
        return Fit(blank, blank + np.inf, np.inf)
    norms = np.linalg.norm(weighted, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    inverse = np.linalg.pinv(weighted / norms)
    coefficients = inverse @ (values / noise) / norms
    errors = np.linalg.norm(inverse, axis=1) / norms
    residual = float(np.max(np.abs(values - columns @ coefficients) / noise))
    return Fit(coefficients, errors, residual)


def shaped(
    column: Callable[[float], Array], slope: Callable[[float], Array], values: Array, noise: Array, grid: Array
) -> tuple[float, Fit]:
    """Fit values = w * column(theta) + c over w, c and a positive theta: a scan, then Gauss-Newton in log theta.

    Theta stays within the grid: beyond what the points resolve, a family turns into one of its limits.

    Args:
        column: the curve for a shape parameter.
        slope: its derivative in the shape parameter.
        values: shape (points,).
        noise: shape (points,).
        grid: where to start looking.

    Returns:
        The shape parameter, and the fit of weight and constant there.
    """
    ones = np.ones_like(values)

    def at(theta: float) -> Fit:
        return linear(np.stack([column(theta), ones], axis=1), values, noise)

    best, fit = min(((float(t), at(float(t))) for t in grid), key=lambda pair: pair[1].residual)
    for _ in range(60):
        tangent = fit.coefficients[0] * slope(best) * best
        moved = linear(np.stack([column(best), ones, tangent], axis=1), values, noise)
        step = float(np.clip(moved.coefficients[2], -0.5, 0.5))
        trial = float(np.clip(best * np.exp(step), grid[0], grid[-1]))
        fitted = at(trial)
        if not fitted.residual < fit.residual:
            break
        best, fit = trial, fitted
    return best, fit
