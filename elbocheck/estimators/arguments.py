"""What models are given, read as the exact binary numbers it is: arrays or nested lists in, nested tuples of floats out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.domain import REAL, Domain, Interval, Parameter
from elbocheck.errors import ParameterError
from elbocheck.oracle import frozen

__all__ = ["Matrix", "Vector", "number", "read", "require_positive_definite", "samples_of"]

Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]

FINITE = Interval(-np.finfo(np.float64).max, np.finfo(np.float64).max, True, True)


def read(owner: str, name: str, values: ArrayLike, shape: Sequence[int | None], domain: Domain = REAL) -> Any:
    """Nested tuples of floats, of a shape whose None entries stand for any size above 0.

    Raises:
        ParameterError: for another shape, numbers that float64 does not hold, or a value outside the domain.
    """
    try:
        given = np.asarray(values)
        exact = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{owner}: {name} must be an array of numbers, got {values!r}") from error
    if given.dtype.kind not in "biufO":
        raise ParameterError(f"{owner}: {name} must be an array of numbers, got {values!r}")
    expected = tuple("any" if size is None else size for size in shape)
    fits = [size > 0 if wanted is None else size == wanted for size, wanted in zip(given.shape, shape, strict=False)]
    if given.ndim != len(shape) or not all(fits):
        raise ParameterError(f"{owner}: {name} must have shape {expected}, got {given.shape}")
    for wanted in (FINITE, domain):
        Parameter(name=name, domain=wanted).require(owner, exact)
    lost = exact.astype(given.dtype) != given
    if lost.any():
        bad = given[lost].flat[0]
        raise ParameterError(f"{owner}: {name} must be numbers that float64 holds exactly, got {bad!r}")
    return frozen(exact.tolist())


def number(owner: str, name: str, value: ArrayLike, domain: Domain) -> float:
    """One float.

    Raises:
        ParameterError: see read.
    """
    return float(read(owner, name, value, (), domain))


def samples_of(owner: str, samples: Sequence[int]) -> tuple[int, ...]:
    """Numbers of importance samples.

    Raises:
        ParameterError: unless all are whole numbers above 0.
    """
    for count in samples:
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ParameterError(f"{owner}: samples must be whole numbers above 0, got {count!r}")
    if not samples:
        raise ParameterError(f"{owner}: samples must name at least one number, got {samples!r}")
    return tuple(samples)


def require_positive_definite(owner: str, name: str, matrix: Matrix) -> None:
    """Raise unless a matrix is symmetric and its pivots, in exact fractions, are positive.

    Raises:
        ParameterError: showing the entries that differ or the pivot.
    """
    size = range(len(matrix))
    for i in size:
        for j in range(i):
            if matrix[i][j] != matrix[j][i]:
                raise ParameterError(
                    f"{owner}: {name} must be symmetric, got {matrix[i][j]!r} at [{i}, {j}] and {matrix[j][i]!r} at [{j}, {i}]"
                )
    left = [[Fraction(entry) for entry in row] for row in matrix]
    for k in size:
        pivot = left[k][k]
        if pivot <= 0:
            raise ParameterError(
                f"{owner}: {name} must be positive definite, got the pivot {float(pivot)!r} in row {k}"
            )
        for i in range(k + 1, len(matrix)):
            factor = left[i][k] / pivot
            for j in range(k + 1, len(matrix)):
                left[i][j] -= factor * left[k][j]
