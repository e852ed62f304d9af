"""What kernels and loops are written with beside plain arithmetic; `_intrinsics` and `_rows` have the machine code of each.

A kernel that uses only `fma` and `polynomial` also runs as plain Python; the others stand in for what is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

__all__ = [
    "CAREFUL", "EACH", "LANES", "ROUNDED", "SHIFTER", "ByType", "accumulate", "add", "at", "by_type", "differs", "exponent", "fma",
    "fraction", "lesser", "number", "past_line", "polynomial", "prefetch", "put", "ready", "row_of", "scale", "scratch", "stream",
    "streamed", "two_to", "two_to_minus", "wide",
]  # fmt: skip


@dataclass(frozen=True)
class ByType:
    """A constant, or a table, that depends on the type a kernel computes in."""

    float64: Any
    float32: Any


def by_type(float64: Any, float32: Any) -> Any:
    """The constant of both types, which in machine code is one of them."""
    return ByType(float64, float32)


@dataclass(frozen=True)
class _Known:
    """Stand for a truth that is known when a kernel is compiled: in machine code what hangs on it is there or not."""

    value: bool

    def __bool__(self) -> bool:
        return self.value


CAREFUL: Any = _Known(True)
"""Whether intermediate results may overflow where the final one does not: not for float32 computed in float64, and of no
concern to the tier `fast`."""

ROUNDED: Any = _Known(False)
"""Whether results are stored in a narrower type than they are computed in, so that a few more roundings do not show."""

EACH: Any = _Known(False)
"""Whether the tier `fast` stores each value by itself: then the roundings of a difference and a quotient are put back, which
costs little beside the memory; in a sum they meet at random, and stay."""

SHIFTER = by_type(float64=1.5 * 2.0**52 + 1023.0, float32=1.5 * 2.0**23 + 127.0)
"""What moves an integer to the lowest bits of a sum, with the bias of exponents beside it: see `two_to`."""

LANES = 128  # numbers that `scratch` has room for


def fma(a: float, b: float, c: float) -> float:
    """a*b + c, rounded once."""
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def polynomial(coefficients: tuple[float, ...], u: float) -> float:
    """Horner's rule, highest coefficient first."""
    total = 0.0
    for coefficient in coefficients:
        total = total * u + coefficient
    return total


def _stand_in(name: str) -> Any:
    def primitive(*arguments: Any) -> Any:
        raise NotImplementedError(f"{name} exists in machine code only, and was called with {arguments}")

    primitive.__name__ = name
    return primitive


accumulate = _stand_in("accumulate")
add = _stand_in("add")
at = _stand_in("at")
differs = _stand_in("differs")
exponent = _stand_in("exponent")
fraction = _stand_in("fraction")
lesser = _stand_in("lesser")
number = _stand_in("number")
past_line = _stand_in("past_line")
prefetch = _stand_in("prefetch")
put = _stand_in("put")
ready = _stand_in("ready")
row_of = _stand_in("row_of")
scale = _stand_in("scale")
scratch = _stand_in("scratch")
stream = _stand_in("stream")
streamed = _stand_in("streamed")
two_to = _stand_in("two_to")
two_to_minus = _stand_in("two_to_minus")
wide = _stand_in("wide")
