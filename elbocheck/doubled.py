"""Definitions read in double-double arithmetic, many points at once: about 97 bits, each value with a bound of its error.

The middle link of the chain. What a bound does not make sharp (a cancellation, a range left, a function that is not here) is
left to `enclosure`, whose balls take as long for one point as this takes for a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from elbocheck.arithmetic import Arithmetic
from elbocheck.kernels import double_double as kernels
from elbocheck.kernels import loops
from elbocheck.kernels._jit import Bound, Layout, dispatcher
from elbocheck.kernels.threads import alone

__all__ = ["DoubleDouble", "DoubleDoubles", "sharp_values"]

SHARP = 2.0**-80  # relative error from which a value says what the last bit of a float is worth
BLOCK = 4096  # points at a time, so that intermediate results stay in the cache
Part = Any  # a float64 array of one axis, or a float


class DoubleDouble:
    """Numbers: high + low, each off by at most error."""

    __slots__ = ("parts",)
    __array_priority__ = 1.0

    def __init__(self, high: Part, low: Part = 0.0, error: Part = 0.0) -> None:
        self.parts = (high, low, error)

    def __add__(self, other: Any) -> DoubleDouble:
        return _apply(kernels.total, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> DoubleDouble:
        return _apply(kernels.difference, self, other)

    def __rsub__(self, other: Any) -> DoubleDouble:
        return _apply(kernels.difference, other, self)

    def __mul__(self, other: Any) -> DoubleDouble:
        return _apply(kernels.product, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> DoubleDouble:
        return _apply(kernels.quotient, self, other)

    def __rtruediv__(self, other: Any) -> DoubleDouble:
        return _apply(kernels.quotient, other, self)

    def __neg__(self) -> DoubleDouble:
        return _apply(kernels.negative, self)

    def __abs__(self) -> DoubleDouble:
        return _apply(kernels.absolute, self)

    def __pow__(self, exponent: int) -> DoubleDouble:
        if type(exponent) is not int or not 1 <= exponent <= 4:
            raise NotImplementedError(f"powers from 1 to 4, got {exponent!r}")
        found = self
        for _ in range(exponent - 1):
            found = found * self
        return found


def _function(kernel: Any) -> Any:
    return lambda _self, *numbers: _apply(kernel, *numbers)


def _refuse(_self: Any, *_numbers: Any) -> Any:
    raise NotImplementedError("not in double-double arithmetic")


_absent: Any = _refuse


class DoubleDoubles(Arithmetic):
    """The vocabulary of definitions; a function that is not here raises `NotImplementedError`."""

    pi = DoubleDouble(3.141592653589793, 1.2246467991473532e-16, 2.0**-105)

    def exact(self, value: Any) -> DoubleDouble:
        """Floats, or arrays of floats, as the numbers they are."""
        return value if isinstance(value, DoubleDouble) else DoubleDouble(value if np.ndim(value) else float(value))

    def rational(self, numerator: int, denominator: int) -> DoubleDouble:
        """A quotient of two integers that floats hold."""
        return self.exact(numerator) / self.exact(denominator)

    def select(
        self, sign_of: DoubleDouble, positive: Callable[[], DoubleDouble], negative: Callable[[], DoubleDouble]
    ) -> DoubleDouble:
        """Both branches, and where each is taken; unknown where the sign is."""
        return _apply(kernels.choose, sign_of, positive(), negative())

    def vanishes(self, x: DoubleDouble) -> bool:
        """Whether all are 0; an error where only some are."""
        zero = np.asarray(x.parts[0]) == 0.0
        if zero.any() and not zero.all():
            raise NotImplementedError("some of many numbers vanish")
        return bool(zero.all())

    def softplus(self, x: DoubleDouble) -> DoubleDouble:
        """Log(1 + e**x), without e**x where that overflows."""
        small: DoubleDouble = self.log1p(self.exp(-abs(x)))
        return self.select(x, lambda: x, lambda: self.exact(0)) + small

    def power(self, x: DoubleDouble, exponent: Any) -> DoubleDouble:
        """e**(exponent log x)."""
        found: DoubleDouble = self.exp(exponent * self.log(x))
        return found

    exp, expm1, log, log1p = map(_function, (kernels.exp, kernels.expm1, kernels.log, kernels.log1p))
    sqrt, lgamma = map(_function, (kernels.root, kernels.lgamma))
    sin = cos = erf = erfc = digamma = expm1_ratio = hyp0f1 = bessel_k = log_det = solve = surely_less = _absent


def sharp_values(definition: Callable[..., Any], *arguments: Any) -> tuple[Any, Any, Any]:
    """A definition at many points, each as a sum of two floats.

    Args:
        definition: (m, *arguments) in the vocabulary of `arithmetic`.
        *arguments: float64 arrays of one axis and length.

    Returns:
        high, low, and whether their sum is right to 80 bits; nowhere if the definition uses what is not here.
    """
    size = len(arguments[0])
    high, low, known = np.full(size, np.nan), np.zeros(size), np.zeros(size, np.bool_)
    m = DoubleDoubles()
    for start in range(0, size, BLOCK):
        part = slice(start, start + BLOCK)
        try:
            found = m.exact(definition(m, *(m.exact(np.ascontiguousarray(a[part])) for a in arguments)))
        except NotImplementedError:
            continue
        high[part], low[part], error = (np.broadcast_to(p, high[part].shape) for p in found.parts)
        with np.errstate(invalid="ignore"):
            known[part] = error <= SHARP * np.abs(high[part])  # not where the error is NaN
    return high, low, known


def _apply(kernel: Any, *numbers: Any) -> DoubleDouble:
    """A kernel of (high, low, error) of every number."""
    given = [n.parts if isinstance(n, DoubleDouble) else (_exactly(n), 0.0, 0.0) for n in numbers]
    columns = [part for parts in given for part in parts]
    size = max((part.size for part in columns if isinstance(part, np.ndarray)), default=1)
    rows = [part.reshape(1, -1) if isinstance(part, np.ndarray) else np.array([part]) for part in columns]
    out = tuple(np.empty((1, size)) for _ in range(3))
    alone(_loop(kernel, tuple(row.ndim == 2 for row in rows)), (out, tuple(rows), size), 1)
    return DoubleDouble(*(part[0] for part in out)) if size > 1 else DoubleDouble(*(float(part[0, 0]) for part in out))


def _exactly(value: Any) -> float:
    if type(value) is not int or int(float(value)) != value:
        raise TypeError(f"floats enter by m.exact and fractions by m.rational, got {value!r}")
    return float(value)


@cache
def _loop(kernel: Any, varies: tuple[bool, ...]) -> Any:
    layout = Layout(varies, "float64", "float64", "float64")
    return dispatcher(Bound(loops.triples, (("element", Bound(kernel, ())),)), (3,), layout)
