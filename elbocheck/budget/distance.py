"""What one budget is, and the distance in ulps that is held against it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["Budget", "ulp_distance"]


@dataclass(frozen=True)
class Budget:
    """An allowance in ulps, and why so much.

    Attributes:
        ulps: of the result.
        why: the derivation.
        of_terms: relative accuracy is out of reach, for a sum cancels beside a root or an exponent is steep: a density's
            kernel is then excused by what the rounding of its arguments moves the result by (`certify.kernels`), a
            special function by the size of its largest term.
    """

    ulps: float
    why: str
    of_terms: bool = False


def ulp_distance(
    actual: ArrayLike,
    expected: ArrayLike,
    dtype: DTypeLike,
    *,
    remainder: ArrayLike = 0.0,
    magnitude: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Distance in ulps of a dtype; infinities and NaNs are compared by kind before any distance.

    Args:
        actual: what was computed, in any float dtype, any shape.
        expected: what is true, in float64, broadcast against it.
        dtype: the float dtype whose spacing is the unit.
        remainder: what `expected` lacks: the truth is the sum of both.
        magnitude: size of the largest term of a sum that may cancel; the ulp is taken there if larger.

    Returns:
        The broadcast shape: 0 for equal infinities and for two NaNs, infinity for a difference in kind.

    Example:
        >>> ulp_distance([1.0, float("nan")], [1.0 + 2.0**-52, 1.0], "float64").tolist()
        [1.0, inf]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        got, truth = np.broadcast_arrays(np.asarray(actual, np.float64), np.asarray(expected, np.float64))
        unit_at = np.maximum(np.abs(truth), np.asarray(magnitude, np.float64)).astype(dtype)
        rounded = truth.astype(dtype).astype(np.float64)  # beyond the largest float only infinity is right
        unit = np.spacing(np.where(np.isfinite(unit_at), unit_at, 1.0).astype(dtype)).astype(np.float64)
        distance: NDArray[Any] = np.abs((got - truth) - np.asarray(remainder, np.float64)) / unit
    same_kind = ((got == rounded) & np.isinf(got)) | (np.isnan(got) & np.isnan(truth))
    odd = ~np.isfinite(got) | ~np.isfinite(rounded)
    return np.where(odd, np.where(same_kind, 0.0, np.inf), distance)
