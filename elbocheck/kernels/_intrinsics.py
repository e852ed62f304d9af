"""Operations on numbers that Numba lacks, as LLVM instructions: imported only when something is compiled.

None has branches, so that LLVM turns a loop over them into vector instructions.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

__all__ = [
    "add",
    "exponent",
    "fma",
    "fraction",
    "lesser",
    "polynomial",
    "polynomial_by_halves",
    "ready",
    "two_to",
    "two_to_minus",
    "wide",
]

INTEGER = {64: (ir.IntType(64), 52, 1023, 0x3FE6A09E667F3BCD), 32: (ir.IntType(32), 23, 127, 0x3F3504F3)}
"""By bits of a float: the integer of its size, the bits of its mantissa, its bias and the bits of sqrt(1/2)."""
LONG = 10  # coefficients that are summed in halves


def _require_one_type(*kinds: Any) -> None:
    """Raise where a float64 came in among float32, through an integer: its bits would be read as others."""
    if len(set(kinds)) != 1:
        raise TypingError(f"kernels compute in one type, got {', '.join(map(str, kinds))}: write integers as floats")


def _layout(kind: Any) -> tuple[Any, int, int, int]:
    return INTEGER[kind.bitwidth]


@intrinsic
def ready(_typing: Any) -> Any:
    """Ask for vectors of 512 bits where there are any: by default LLVM stops at 256 on Intel's processors."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a*b + c rounded once."""
    _require_one_type(a, b, c)

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _fma(builder, *arguments)

    return a(a, a, a), generate


@intrinsic
def polynomial(_typing: Any, coefficients: Any, u: Any) -> Any:
    """Horner's rule, highest coefficient first, unrolled."""
    _require_one_type(coefficients.dtype, u)

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _horner(builder, cgutils.unpack_tuple(builder, arguments[0], signature.args[0].count), arguments[1])

    return u(types.UniTuple(u, coefficients.count), u), generate


@intrinsic
def polynomial_by_halves(_typing: Any, coefficients: Any, u: Any) -> Any:
    """Return the same, of a long one the even and the odd powers apart: little more than half of the time where a kernel waits
    for itself. Where signs alternate it costs a few ulps, which rounding to a narrower type hides."""
    _require_one_type(coefficients.dtype, u)

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, at = arguments
        terms = cgutils.unpack_tuple(builder, table, signature.args[0].count)
        if len(terms) < LONG:
            return _horner(builder, terms, at)
        square, shift = builder.fmul(at, at), len(terms) % 2
        odd, even = (_horner(builder, terms[start::2], square) for start in (shift, 1 - shift))
        return _fma(builder, odd, at, even)

    return u(types.UniTuple(u, coefficients.count), u), generate


def _horner(builder: Any, terms: Any, at: Any) -> Any:
    total, *rest = terms
    for term in rest:
        total = _fma(builder, total, at, term)
    return total


@intrinsic
def add(_typing: Any, a: Any, b: Any) -> Any:
    """Return a + b, to be summed in any order: the only addition of a loop that may be reassociated, and that takes in a
    product where the tier lets that."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=("reassoc", "nsz", "contract"))

    return a(a, b), generate


@intrinsic
def two_to(_typing: Any, shifted: Any, offset: Any) -> Any:
    """Return 2**(k + offset) of a float whose lowest bits hold the integer k and the bias of exponents."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer, mantissa, _, _ = _layout(signature.args[0])
        bits, more = builder.bitcast(arguments[0], integer), arguments[1]
        power = builder.add(bits, more if more.type == integer else builder.trunc(more, integer))
        return builder.bitcast(builder.shl(power, ir.Constant(integer, mantissa)), arguments[0].type)

    return shifted(shifted, offset), generate


@intrinsic
def exponent(_typing: Any, x: Any) -> Any:
    """Return k as a float, x/2**k within sqrt(1/2) and sqrt(2), of a positive normal x."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer, mantissa, _, root = _layout(signature.args[0])
        bits = builder.sub(builder.bitcast(arguments[0], integer), ir.Constant(integer, root))
        return builder.sitofp(builder.ashr(bits, ir.Constant(integer, mantissa)), arguments[0].type)

    return x(x), generate


@intrinsic
def fraction(_typing: Any, x: Any) -> Any:
    """Return x/2**k, k its `exponent`."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer, mantissa, _, root = _layout(signature.args[0])
        bits = builder.bitcast(arguments[0], integer)
        power = builder.and_(builder.sub(bits, ir.Constant(integer, root)), ir.Constant(integer, -(1 << mantissa)))
        return builder.bitcast(builder.sub(bits, power), arguments[0].type)

    return x(x), generate


@intrinsic
def lesser(_typing: Any, _a: Any, _b: Any) -> Any:
    """Return the lesser of two integers: Numba's `min` is a function more to compile."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.select(builder.icmp_signed("<", *arguments), *arguments)

    return types.intp(types.intp, types.intp), generate


@intrinsic
def two_to_minus(_typing: Any, k: Any) -> Any:
    """Return 2**-k of an integer k held in a float, where that is a normal number."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer, mantissa, bias, _ = _layout(signature.args[0])
        power = builder.sub(ir.Constant(integer, bias), builder.fptosi(arguments[0], integer))
        return builder.bitcast(builder.shl(power, ir.Constant(integer, mantissa)), arguments[0].type)

    return k(k), generate


@intrinsic
def number(_typing: Any, value: Any, like: Any) -> Any:
    """Return a number as a float of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], signature.args[0], signature.args[1])

    return like(value, like), generate


@intrinsic
def wide(_typing: Any, x: Any) -> Any:
    """Return a float as a float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], signature.args[0], signature.return_type)

    return types.float64(x), generate


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = a.type
    function = builder.module.declare_intrinsic("llvm.fma", [kind], ir.FunctionType(kind, [kind] * 3))
    return builder.call(function, (a, b, c))
