"""A scalar kernel over broadcast arrays: elementwise, or summed along the last axis.

In the tier `exact`, float32 inputs are computed in float64 and rounded once: right to the last bit but for ties closer than
the float64 error. In `fast` they are computed in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elbocheck.errors import UsageError
from elbocheck.kernels import loops
from elbocheck.kernels._jit import Bound, Layout, compiled, require_kernel
from elbocheck.kernels.arrange import Rows, arrange, result_dtype
from elbocheck.kernels.threads import shared

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

    scalar: Callable[..., float] | Bound

    def __call__(self, *arguments: ArrayLike, tier: str = "exact", out: Array | None = None) -> Array:
        """Evaluate elementwise: arrays broadcast, the result has their common dtype (NumPy's promotion).

        Args:
            *arguments: arrays or numbers.
            tier: "exact" or "fast".
            out: where to store the result: a C-contiguous array of its shape and dtype.

        Raises:
            UsageError: for an unknown tier, or an `out` of another shape or dtype.
        """
        rows = arrange(arguments, tier, flat=True)
        plan = rows.plan
        if out is None:
            return narrow(self._values(rows, np.empty(plan.shape, plan.layout.result)), plan.dtype)
        if out.shape != plan.shape or out.dtype != plan.layout.result or not out.flags.c_contiguous:
            wanted = f"C-contiguous {plan.layout.result} of shape {plan.shape}"
            raise UsageError(f"out must be {wanted}, got {out.dtype} of shape {out.shape}, strides {out.strides}")
        return self._values(rows, out)

    def wide(self, *arguments: ArrayLike) -> Wide:
        """The same before the final rounding: always float64."""
        rows = arrange(arguments, "exact", flat=True, wide=True)
        return self._values(rows, np.empty(rows.plan.shape))

    def sums(self, *arguments: ArrayLike, tier: str = "exact") -> Array:
        """Sum over the last axis of the broadcast shape, within a few ulps of the true sum of the elements."""
        plan, arrays = arrange(arguments, tier)
        out = np.empty((plan.count, 1), plan.layout.result)
        loop, size = _sums(self, plan.layout), plan.size
        shared(lambda first, last: loop((out,), arrays, size, first, last), plan.count, size)
        return narrow(out.reshape(plan.shape[:-1]), plan.dtype)

    @property
    def row_sum(self) -> Bound:
        """The sum of the kernel along a row, for other loops."""
        return Bound(loops.row_sum, (("element", self.scalar),))

    def _values(self, rows: Rows, out: Any) -> Any:
        plan, arrays = rows
        loop, size = _values(self, plan.layout), plan.size
        target = out.reshape(plan.count, size)
        if plan.count > 1:
            shared(lambda first, last: loop((target,), arrays, size, first, last), plan.count, size)
        elif out.size:
            shared(
                lambda first, last: loop((target[:, first:last],), rows.part(first, last), last - first, 0, 1), size, 1
            )
        return out


@cache
def _values(lifted: Lifted, layout: Layout) -> Any:
    return compiled(Bound(loops.values, (("element", lifted.scalar),)), loops.one_group, layout)


@cache
def _sums(lifted: Lifted, layout: Layout) -> Any:
    return compiled(Bound(loops.sums, (("row_sum", lifted.row_sum),)), loops.one_group, layout)


def lift(scalar: Callable[..., float]) -> Lifted:
    """Lift a plain Python function of floats over arrays.

    Args:
        scalar: a module-level function of one to five floats in the part of Python that Numba compiles.

    Returns:
        The same function of arrays, compiled when first called.

    Raises:
        TypeError: for what is no such function.

    Example:
        >>> from elbocheck.kernels.elementary import softplus
        >>> lift(softplus)([0.0, 1000.0]).tolist()
        [0.6931471805599453, 1000.0]
    """
    require_kernel(scalar)
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


def narrow(values: Any, dtype: np.dtype[np.floating[Any]]) -> Array:
    """Round float64 values once to a dtype; what is too large becomes infinite, and a single value a NumPy
    scalar."""
    if values.dtype == dtype and values.ndim:
        return values
    with np.errstate(over="ignore", under="ignore"):
        return values.astype(dtype, copy=False)[()]
