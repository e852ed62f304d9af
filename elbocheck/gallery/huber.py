"""Huber's loss as a likelihood (Huber 1964): density proportional to exp(-H), whose mass hangs on the knot.

Z(delta) = sqrt(2 pi) erf(delta / sqrt 2) + (2 / delta) exp(-delta^2 / 2): a constant at a fixed knot, and what keeps a
learned knot from running away.
"""

from __future__ import annotations

import math

import numpy as np

from elbocheck.gallery.divergence import Array


def _huber(residual: Array, delta: Array | float) -> Array:
    size = np.abs(residual)
    return np.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


def fixed(prediction: Array, target: Array, delta: float = 0.7) -> np.floating:
    """Return the Huber loss summed, at a fixed knot."""
    return np.sum(_huber(target - prediction, delta))


def learned(prediction: Array, target: Array, delta: Array) -> np.floating:
    """Return the Huber loss summed, at a knot that training may move: log Z(delta) is missing."""
    return np.sum(_huber(target - prediction, delta))


def learned_normalised(prediction: Array, target: Array, delta: Array) -> np.floating:
    """Return the negative log density of Huber's distribution, summed."""
    knot = float(delta)
    mass = math.sqrt(2 * math.pi) * math.erf(knot / math.sqrt(2)) + 2 / knot * math.exp(-(knot**2) / 2)
    return np.sum(_huber(target - prediction, delta)) + target.size * math.log(mass)
