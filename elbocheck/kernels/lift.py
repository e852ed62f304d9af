"""A scalar kernel over broadcast arrays: computed in float64, rounded once to the dtype of the inputs.

float32 inputs are exact in float64, so a float32 result is the float64 one rounded: right to the last bit
but for ties closer than the float64 error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elbocheck.kernels._jit import compiled

__all__ = ["Array", "Kernel", "Lifted", "Wide", "lift", "narrow", "result_dtype", "vectorise"]

Array = NDArray[np.floating[Any]]
Wide = NDArray[np.float64]


class Kernel(Protocol):
    """A function of arrays in float64."""

    def wide(self, *arguments: ArrayLike) -> Wide:
        """Evaluate, float64."""


@dataclass(frozen=True)
class Lifted:
    """A scalar kernel that takes arrays."""

    scalar: Callable[..., float]

    def __call__(self, *arguments: ArrayLike) -> Array:
        """Evaluate elementwise: arrays broadcast, the result has their common dtype (NumPy's promotion)."""
        return narrow(self.wide(*arguments), result_dtype(*arguments))

    def wide(self, *arguments: ArrayLike) -> Wide:
        """The same before the final rounding: always float64."""
        arrays = [np.asarray(argument, dtype=np.float64) for argument in arguments]
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        out = np.empty(shape)
        flat = [item for array in arrays for item in _flat(array, shape)]
        compiled(self.scalar)(out.reshape(-1), *flat)
        return out


def lift(scalar: Callable[..., float]) -> Lifted:
    """Lift a plain Python function of floats over arrays.

    Args:
        scalar: a module-level function of one to five floats in the part of Python that Numba compiles.

    Returns:
        The same function of arrays, compiled when first called.

    Example:
        >>> from elbocheck.kernels.elementary import softplus
        >>> lift(softplus)([0.0, 1000.0]).tolist()
        [0.6931471805599453, 1000.0]
    """
    return Lifted(scalar)


@dataclass(frozen=True)
class Vectorised:
    """A NumPy function of vectors and matrices along the last axes."""

    function: Callable[..., Any]

    @property
    def scalar(self) -> Callable[..., Any]:
        """What is wrapped, for its name."""
        return self.function

    def wide(self, *arguments: ArrayLike) -> Wide:
        """Evaluate, float64."""
        return np.asarray(self.function(*(np.asarray(argument, dtype=np.float64) for argument in arguments)))


def vectorise(function: Callable[..., Any]) -> Vectorised:
    """Wrap a NumPy function of float64 arrays as a kernel."""
    return Vectorised(function)


def result_dtype(*arguments: ArrayLike) -> np.dtype[np.floating[Any]]:
    """The dtype of a result: the arrays decide, Python numbers follow, integers count as float64.

    Raises:
        TypeError: for complex, extended or non-numeric input.
    """
    known = (a if isinstance(a, (int, float, np.generic, np.ndarray)) else np.asarray(a) for a in arguments)
    dtype = np.result_type(*known)
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise TypeError(f"kernels take real numbers of up to 64 bits, got {dtype}")
    return dtype


def narrow(values: Wide, dtype: np.dtype[np.floating[Any]]) -> Array:
    """Round float64 values once to a dtype; what is too large becomes infinite, and a single value a NumPy
    scalar."""
    with np.errstate(over="ignore", under="ignore"):
        return values.astype(dtype, copy=False)[()]


def _flat(array: Wide, shape: tuple[int, ...]) -> tuple[Wide, int]:
    """An argument as the loop reads it: contiguous and aligned, a single value with step 0."""
    if array.size == 1:
        return np.ascontiguousarray(array).reshape(-1), 0
    return np.require(np.broadcast_to(array, shape), requirements=["C", "A"]).reshape(-1), 1
