"""Where a family's parameters show most: random places over all decades, and the choice among them."""

from __future__ import annotations

import numpy as np

from elbocheck.adapters import Array

FAR = 15.0
"""Decades from 1 whose square, over that of a scale, and whose quotients float32 holds."""
UNIT = 30.0
"""Decades below 1 of a proportion, which is not squared."""
WIDE = 8.0
"""E-folds of what an exponential is taken of."""


def places(where: str, datum: float, count: int, reach: float, rng: np.random.Generator) -> Array:
    """Return random data and predictions, shape (about count, 2): each extreme with each, and those that meet.

    Args:
        where: predictions may lie: `real`, `positive` or `unit`.
        datum: an ordinary datum of the loss: below 1 where data are proportions.
        count: how many.
        reach: share of all decades to go to.
        rng: of the choice.
    """
    x = _inside(count, reach, rng) if datum < 1 else _data(count, reach, rng)
    kind = rng.integers(4, size=count)
    if where == "unit":
        found = np.where(kind < 3, _inside(count, reach, rng), x)
    elif where == "positive":
        far = 10 ** rng.uniform(-FAR * reach, FAR * reach, count)
        near = 10 ** rng.uniform(-3, 3, count)
        found = np.choose(kind, [far, near, np.abs(x) * 10 ** rng.uniform(-6, 6, count), np.abs(x) * near])
    else:
        signed = rng.choice([-1.0, 1.0], count)
        apart = signed * 10 ** rng.uniform(-FAR * reach, FAR * reach, count)
        with np.errstate(divide="ignore"):
            logs = np.log(np.abs(x)) + rng.normal(0, 1, count) * 10 ** rng.uniform(-3, 2, count)
        found = np.choose(kind, [apart, logs, rng.uniform(-WIDE, WIDE, count), x + apart])
        x = np.where(kind == 3, np.where(rng.random(count) < 0.5, 0.0, x), x)
    grid = np.column_stack([x, found])
    kept = np.all(np.isfinite(grid), axis=1) & ((where == "real") | (found > 0))
    return np.asarray(grid[kept])


def _inside(count: int, reach: float, rng: np.random.Generator) -> Array:
    """Return numbers between 0 and 1, at every distance from 0 and, as far as it can be told, from 1."""
    kind, far = rng.integers(3, size=count), 10 ** rng.uniform(-UNIT * reach, 0, count)
    return np.choose(kind, [far, rng.uniform(0, 1, count), 1 - 10 ** rng.uniform(-6, 0, count)])


def _data(count: int, reach: float, rng: np.random.Generator) -> Array:
    """Return counts, durations of every size and 0."""
    kind = rng.integers(4, size=count)
    counts = np.floor(10 ** rng.uniform(0, 6 * reach, count))
    far, near = (10 ** rng.uniform(-size, size, count) for size in (FAR * reach, 3.0))
    return np.choose(kind, [far, near, counts, np.floor(rng.uniform(0, 13, count))])


def chosen(
    slopes: Array, known: Array, meaning: Array, least: int, most: int, target: float
) -> tuple[list[int], Array]:
    """Return the places, in order, each of which adds most to what the worst known parameters want, and how far that goes.

    Args:
        slopes: derivatives of the values over their expected deviation, shape (places, vector).
        known: information so far, shape (vector, vector).
        meaning: derivatives of the logarithms of the parameters, shape (parameters, vector).
        least: how many at the least.
        most: how many at the most.
        target: standard error at which a parameter is known well enough.

    Returns:
        The places, and the standard errors of the parameters that they leave.
    """
    scale = 1 / np.sqrt(np.diag(known))
    slopes, meaning = slopes * scale, meaning * scale
    covariance = np.linalg.pinv(known * np.outer(scale, scale))
    left = np.ones(len(slopes), bool)
    found: list[int] = []
    while True:
        variances = np.einsum("ij,jk,ik->i", meaning, covariance, meaning)
        done = len(found) >= least and np.all(variances <= target**2)
        if done or len(found) >= min(most, len(slopes)):
            return found, np.sqrt(variances)
        moved = slopes @ covariance
        wanted = meaning[variances >= min(target**2, float(variances.max()))]
        gain = ((moved @ wanted.T) ** 2).sum(axis=1) / (1 + np.einsum("ij,ij->i", moved, slopes))
        best = int(np.argmax(np.where(left, gain, -1.0)))
        left[best] = False
        found.append(best)
        covariance = covariance - np.outer(moved[best], moved[best]) / (1 + float(moved[best] @ slopes[best]))
