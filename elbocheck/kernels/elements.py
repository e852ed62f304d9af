"""What loops over rows compute for each number, put together from kernels: log densities, their slopes, their supports.

Every function here takes all arguments of a density, x first. Names that are not defined here stand for kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from types import FunctionType
from typing import Any

from elbocheck.domain import Domain, Integers, Interval
from elbocheck.kernels._jit import Bound, Mended, Widened
from elbocheck.kernels.primitives import EACH, at, by_type, number, wide

__all__ = [
    "nothing",
    "one",
    "restricted",
    "together",
    "used_arguments",
    "whole",
    "wide_where_stored",
]

Function = Callable[..., Any] | Bound | Mended

LOW, HIGH = -inf, inf
CLOSED_LOW = CLOSED_HIGH = False
BETWEEN = True  # whether a kernel is asked between the integers of a support, where only the loss form is defined
INTEGRAL = by_type(
    float64=2.0**52, float32=2.0**23
)  # from here on every number is an integer, to which adding it rounds


def energy(*arguments: Any) -> Any:
    """Stand in for the kernel that replaces it."""
    raise NotImplementedError(f"an element was called uncompiled with {arguments}")


normalizer = widened = value = first = second = third = fourth = outside = energy


def nothing(*_arguments: Any) -> Any:
    """What a normalised energy is short of: -0, which added to anything leaves it."""
    return -0.0


def one(*_arguments: Any) -> Any:
    """What a logarithm weighs that nothing is said of."""
    return 1.0


def _whole(x: Any, *parameters: Any) -> Any:
    return energy(x, *parameters) + normalizer(*parameters)


def _whole_of_wide(x: Any, *parameters: Any) -> Any:
    if EACH:
        return energy(x, *parameters) + number(widened(*at(parameters, 0, wide(x))), x)
    return energy(x, *parameters) + normalizer(*parameters)


def _wide(x: Any, *parameters: Any) -> Any:
    if EACH:
        return number(widened(wide(x), *at(parameters, 0, wide(x))), x)
    return energy(x, *parameters)


def _restricted(x: Any, *parameters: Any) -> Any:
    found = energy(x, *parameters)
    return inf if outside(x) else found  # NaN is not outside: it stays


def _beyond(x: Any) -> Any:
    below = (x < LOW) if CLOSED_LOW else (x <= LOW)
    above = (x > HIGH) if CLOSED_HIGH else (x >= HIGH)
    return below | above


def _no_integer(x: Any) -> Any:
    rounded = (x + INTEGRAL) - INTEGRAL
    return (x < LOW) | (x > HIGH) | (x == inf) | ((x < INTEGRAL) & (rounded != x))


def _neither(x: Any) -> Any:
    product = (x - LOW) * (x - HIGH)
    return (product < 0.0) | (product > 0.0)


def _alone(*arguments: Any) -> Any:
    return (value(*arguments),)


def _with_one(*arguments: Any) -> Any:
    return value(*arguments), -first(*arguments)


def _with_two(*arguments: Any) -> Any:
    return value(*arguments), -first(*arguments), -second(*arguments)


def _with_three(*arguments: Any) -> Any:
    return value(*arguments), -first(*arguments), -second(*arguments), -third(*arguments)


def _with_four(*arguments: Any) -> Any:
    return value(*arguments), -first(*arguments), -second(*arguments), -third(*arguments), -fourth(*arguments)


_TOGETHER = (_alone, _with_one, _with_two, _with_three, _with_four)


def whole(kernel: Function, log_normalizer: Function, widen: bool = False) -> Bound:
    """The energy and the log normaliser, which `widen` computes in float64 where the tier `fast` stores each value."""
    names: tuple[tuple[str, Any], ...] = (("energy", kernel), ("normalizer", log_normalizer))
    return Bound(_whole_of_wide, (*names, ("widened", Widened(log_normalizer)))) if widen else Bound(_whole, names)


def wide_where_stored(kernel: Function) -> Bound:
    """The same in float64 where the tier `fast` stores each value."""
    return Bound(_wide, (("energy", kernel), ("widened", Widened(kernel))))


def restricted(kernel: Function, support: Domain) -> Function:
    """The energy inside the support, infinity outside."""
    if isinstance(support, Integers):
        names: tuple[tuple[str, Any], ...] = (("LOW", float(support.low)), ("HIGH", float(support.high)))
        outside = _neither if support.high == support.low + 1 else _no_integer
        if isinstance(kernel, FunctionType):
            kernel = Bound(kernel, (("BETWEEN", False),))
        return Bound(_restricted, (("energy", kernel), ("outside", Bound(outside, names))))
    if not isinstance(support, Interval) or (support.low == -inf and support.high == inf):
        return kernel
    names = (("LOW", support.low), ("HIGH", support.high))
    names += (("CLOSED_LOW", support.closed_low), ("CLOSED_HIGH", support.closed_high))
    return Bound(_restricted, (("energy", kernel), ("outside", Bound(_beyond, names))))


def together(kernel: Function, slopes: tuple[Function, ...] = ()) -> Bound:
    """A value and up to four others with the other sign, slopes of a log density from those of its energy, as a tuple."""
    names = (("value", kernel), *zip(("first", "second", "third", "fourth"), slopes, strict=False))
    return Bound(_TOGETHER[len(slopes)], names)


def used_arguments(kernel: Function) -> tuple[bool, ...]:
    """Which arguments a kernel uses: the others are spelled with an underscore."""
    code = kernel.__code__  # type: ignore[union-attr]  # a kernel is a function
    return tuple(not name.startswith("_") for name in code.co_varnames[: code.co_argcount])
