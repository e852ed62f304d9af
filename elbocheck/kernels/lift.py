"""A scalar kernel over broadcast arrays: elementwise, or summed along the last axis.

In the tier `exact`, float32 inputs are computed in float64 and rounded once: right to the last bit but for ties closer than
the float64 error. In `fast` they are computed in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property, lru_cache
from math import fsum
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elbocheck.errors import UsageError
from elbocheck.kernels import loops
from elbocheck.kernels._jit import Bound, Layout, Widened, compiled, require_kernel
from elbocheck.kernels.arrange import Plan, Rows, arrange, result_dtype
from elbocheck.kernels.elements import Function, nothing, one, together
from elbocheck.kernels.threads import alone, shared

__all__ = [
    "Array", "Element", "Kernel", "Lifted", "Summation", "Summing", "Wide", "fill", "lift", "narrow", "result_dtype", "row_sum",
    "scalar", "summing", "sums", "total", "values", "vectorise",
]  # fmt: skip

GRAIN = 1 << 14  # numbers that stay together: the same are computed in vectors however many threads share them
STREAMED = 1 << 25  # bytes of results that go past the caches: more than a core's share of them
PART = 1 << 16  # numbers of a row that one thread sums before others may

Array = NDArray[np.floating[Any]]
Wide = NDArray[np.float64]


class Kernel(Protocol):
    """A function of arrays."""

    def __call__(self, *arguments: ArrayLike) -> Array:
        """Evaluate, in the common dtype of the arrays."""

    def wide(self, *arguments: ArrayLike) -> Wide:
        """Evaluate, float64."""


@dataclass(frozen=True)
class Lifted:
    """A scalar kernel that takes arrays."""

    scalar: Function

    def __call__(self, *arguments: ArrayLike, tier: str = "exact", out: Array | None = None) -> Array:
        """Evaluate elementwise: arrays broadcast, the result has their common dtype (NumPy's promotion).

        Args:
            *arguments: arrays or numbers.
            tier: "exact" or "fast".
            out: where to store the result: a C-contiguous array of its shape and dtype.

        Raises:
            UsageError: for an unknown tier, or an `out` of another shape or dtype.
        """
        return values(self.element, arrange(arguments, tier, flat=True), out)[0]

    def wide(self, *arguments: ArrayLike) -> Wide:
        """The same before the final rounding: always float64."""
        rows = arrange(arguments, "exact", flat=True, wide=True)
        return fill(self.element, rows, np.empty(rows.plan.shape))[0]

    def sums(self, *arguments: ArrayLike, tier: str = "exact") -> Array:
        """Sum over the last axis of the broadcast shape, within a few ulps of the true sum of the elements."""
        return sums(self.element, arrange(arguments, tier))[0]

    @cached_property
    def element(self) -> Element:
        """What loops are compiled for."""
        return Element(together(self.scalar))


class Summation(Enum):
    """How the values of an element are added, so that sums of equals are within three ulps too: what takes long affords more.

    Attributes:
        BLOCKS: some vectors at a time.
        VECTORS: few vectors at a time.
        KEPT: kept first, then few vectors at a time: LLVM makes none of the element, or better ones.
    """

    BLOCKS = "blocks"
    VECTORS = "vectors"
    KEPT = "kept"


@dataclass(frozen=True, eq=False)
class Element:
    """What a loop computes for each number, and for each row.

    Attributes:
        value: to a tuple, the value and minus its slopes.
        constant: what is added to every value of a row, a function of its arguments but the first, none of which varies.
        sign: what the results are multiplied by.
        folded: to a tuple, the rest and minus the odds of `densities.form.Folded`, and the slopes; None where there are none.
        weight: of the logarithms.
        summation: how the values are added.
        short: whether a row is a few dozen numbers, as latents are.
        halved: to a tuple, twice the value and 1, as `loops.halved_sum` adds them; None where that is no sum of few terms.
    """

    value: Bound
    constant: Function = nothing
    sign: float = 1.0
    folded: Bound | None = None
    weight: Function = one
    summation: Summation = Summation.BLOCKS
    short: bool = False
    halved: Bound | None = None


def values(element: Element, rows: Rows, out: Array | None = None) -> tuple[Array, bool]:
    """Evaluate elementwise, and whether every result is finite.

    Raises:
        UsageError: for an `out` of another shape or dtype than the result.
    """
    plan = rows.plan
    if out is None:
        found, finite = fill(element, rows, np.empty(plan.shape, plan.layout.result))
        return narrow(found, plan.dtype), finite
    if out.shape != plan.shape or out.dtype != plan.layout.result or not out.flags.carray:
        wanted = f"C-contiguous {plan.layout.result} of shape {plan.shape}"
        given = f"{out.dtype} of shape {out.shape}, strides {out.strides}"
        given += ", which may not be written" * (not out.flags.writeable) + ", unaligned" * (not out.flags.aligned)
        raise UsageError(f"out must be {wanted}, got {given}")
    return fill(element, rows, out)


def fill(element: Element, rows: Rows, out: Any) -> tuple[Any, bool]:
    """The same into an array, before what NumPy has no loop for is rounded."""
    plan, arrays = rows
    loop, size = _values(element, plan.layout, out.nbytes >= STREAMED), plan.size
    target = out.reshape(plan.count, size)
    if not out.size:
        return out, True
    if plan.count > 1 or size < 2 * GRAIN:
        return out, shared(loop, ((target,), arrays, size), plan.count, size)
    count, whole, rest = rows.cut(GRAIN)
    cut = count * GRAIN
    finite = shared(loop, ((target[:, :cut].reshape(count, GRAIN),), whole, GRAIN), count, GRAIN)
    if cut < size:
        finite &= alone(loop, ((target[:, cut:],), rest, size - cut), 1)
    return out, finite


def sums(element: Element, rows: Rows, slopes: tuple[Array, ...] = ()) -> tuple[Array, bool]:
    """Sum over the last axis, and whether every sum is finite; slopes are stored as arrays of two axes."""
    return summing(element, rows.plan, len(slopes))(rows.arrays, slopes)


@dataclass(frozen=True, slots=True)
class Summing:
    """Sums over the last axis of arguments of one plan."""

    plan: Plan
    loop: Any

    def __call__(self, arrays: tuple[Array, ...], slopes: tuple[Array, ...] = ()) -> tuple[Array, bool]:
        """The same of arrays as `Rows` has them."""
        plan = self.plan
        if not plan.size:
            return narrow(np.zeros(plan.outer), plan.dtype), True
        out = np.empty((plan.count, 1), plan.stored)
        finite = shared(self.loop, ((out,), slopes, arrays, plan.size), plan.count, plan.size)
        found = out.reshape(plan.outer)
        return found if plan.final else narrow(found, plan.dtype), finite


@lru_cache(maxsize=4096)  # by identity: the hash of a layout takes as long as the arithmetic of a small batch
def summing(element: Element, plan: Plan, slopes: int = 0) -> Summing:
    """What sums an element over rows, with so many slopes."""
    return Summing(plan, _sums(element, plan.layout, slopes))


def total(element: Element, rows: Rows) -> tuple[Array, bool]:
    """Sum over all axes, of sums of rows, or of parts of one long row, that are added without error."""
    plan = rows.plan
    if plan.count != 1 or plan.size <= PART:
        found, finite = sums(element, rows)
        return narrow(np.asarray(fsum(np.ravel(found))), plan.dtype), finite
    loop, (count, whole, rest) = _sums(element, plan.layout, 0), rows.cut(PART)
    left = plan.size - count * PART
    out = np.empty((count + (left > 0), 1), plan.stored)
    finite = shared(loop, ((out[:count],), (), whole, PART), count, PART)
    if left:
        finite &= alone(loop, ((out[count:],), (), rest, left), 1)
    return narrow(np.asarray(fsum(out.ravel())), plan.dtype), finite


@cache
def _values(element: Element, layout: Layout, many: bool = False) -> Any:
    names = (("element", element.value), ("constant", Widened(element.constant)), ("SIGN", element.sign))
    return compiled(Bound(loops.streams if many else loops.values, names), (1,), layout)


@cache
def _sums(element: Element, layout: Layout, slopes: int) -> Any:
    names: tuple[tuple[str, Any], ...] = (("row_sum", row_sum(element)), ("SIGN", element.sign))
    names += (("constant", Widened(element.constant)),)
    if element.constant is nothing:
        names += (("weighted", loops.unweighted),)
    return compiled(Bound(loops.sums, names), (1, slopes), layout)


def row_sum(element: Element) -> Bound:
    """The sum along a row, for other loops."""
    names: tuple[tuple[str, Any], ...] = (("element", element.value),)
    if element.summation is Summation.KEPT:
        return Bound(loops.kept_sum, names)
    if element.summation is Summation.VECTORS:
        names += (("BLOCK", loops.VECTORS),)
    plain = Bound(loops.row_sum, (*names, ("VECTORS", loops.VECTOR)) if element.short else names)
    if element.halved is not None:
        return Bound(loops.halved_sum, (("element", element.halved), ("term_by_term", plain)))
    if element.folded is None:
        return plain
    apart = (("element", element.folded), ("weight", Widened(element.weight)), ("term_by_term", plain))
    return Bound(loops.folded_sum, apart)


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


def scalar(kernel: Kernel) -> Function:
    """The function of numbers that a kernel was lifted from.

    Raises:
        TypeError: for a kernel of vectors.
    """
    if not isinstance(kernel, Lifted):
        raise TypeError(f"a kernel of vectors has no scalar form: {kernel!r}")
    return kernel.scalar


@dataclass(frozen=True)
class Vectorised:
    """A NumPy function of vectors and matrices along the last axes."""

    function: Callable[..., Any]

    @property
    def scalar(self) -> Callable[..., Any]:
        """What is wrapped, for its name."""
        return self.function

    def __call__(self, *arguments: ArrayLike) -> Array:
        """Evaluate, in the common dtype of the arrays."""
        return narrow(self.wide(*arguments), result_dtype(*arguments))

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
