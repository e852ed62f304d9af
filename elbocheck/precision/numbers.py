"""mpmath contexts with the vocabulary of definitions, and numbers that two precisions agree on."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import mpmath

from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.errors import OracleError
from elbocheck.precision.bessel import scaled_bessel_k

__all__ = ["GUARD", "REACH", "Certified", "Context", "agree", "certified", "context", "derivative", "power", "short"]

Context: TypeAlias = Any  # _Context: mpmath is untyped

GUARD = 10  # digits beyond those asked
STEPS = 3  # ever smaller ones in differences, each the square of the one before
REACH = 1100  # the same where cancellation is possible: a float64 is at least 1e-324, so 1 + x**3 - 1 is not lost


@dataclass(frozen=True)
class Certified:
    """A number, a bound of its absolute error and how both came about.

    Example:
        >>> root = agree(lambda ctx: ctx.sqrt(2), 30)
        >>> root.error < 1e-30
        True
    """

    value: Number
    error: Number
    how: str

    def exact(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The value and the error as mantissa and exponent of 2, exactly."""
        man, exp = self.value.man_exp  # without its sign
        return (-man if self.value < 0 else man, exp), self.error.man_exp

    def split(self) -> tuple[float, float]:
        """The value as a sum of two floats: a double and what it lacks."""
        high = float(self.value)
        return high, float(self.value - high) if abs(self.value) < float("inf") else 0.0

    def rounded(self, digits: int) -> "Certified":
        """The same with a few digits beyond those asked, the rest added to the error."""
        if abs(self.value) == float("inf"):
            return self
        ctx = context(digits + 2 * GUARD)
        value = +ctx.convert(self.value)
        return Certified(value, ctx.convert(self.error) + abs(value) * power(value, digits + GUARD), self.how)

    def __str__(self) -> str:
        ctx = self.value.context
        error = f"1e{int(ctx.ceil(ctx.log10(self.error)))}" if self.error else "0"
        return f"{mpmath.nstr(self.value, 20)} +/- {error}"

    def __sub__(self, other: "Certified") -> "Certified":
        return Certified(self.value - other.value, self.error + other.error, f"{self.how}; minus {other.how}")


def certified(middle: tuple[int, int], radius: tuple[int, int], digits: int, how: str) -> Certified:
    """A number given with its error as mantissa and exponent of 2, rounded to a few more digits than it has."""
    ctx = context(digits + 2 * GUARD)
    value = ctx.ldexp(ctx.mpf(middle[0]), middle[1])
    return Certified(value, ctx.ldexp(ctx.mpf(radius[0]), radius[1]) + abs(value) * power(value, digits + GUARD), how)


def context(digits: int) -> Context:
    """A private mpmath context of that many digits, one per thread; its precision must not be changed."""
    return _context(digits, threading.get_ident())


class _Context(mpmath.MPContext, Arithmetic):  # type: ignore[misc]  # mpmath is untyped
    """mpmath with the vocabulary of definitions; what mpmath has under the same name stays mpmath's."""

    def exact(self, value: float) -> Number:
        return self.mpf(value)

    def rational(self, numerator: int, denominator: int) -> Number:
        return self.mpf(numerator) / denominator

    def lgamma(self, x: Number) -> Number:
        return self.loggamma(x)

    def expm1_ratio(self, x: Number) -> Number:
        return self.expm1(x) / x if x else self.one

    def bessel_k(self, order: int, x: Number) -> Number:
        return scaled_bessel_k(self, context, order, self.convert(x))

    def log_det(self, matrix: Sequence[Sequence[Number]]) -> Number:
        return self.log(self.det(self.matrix(matrix)))

    def solve(self, matrix: Sequence[Sequence[Number]], vector: Sequence[Number]) -> list[Number]:
        return list(self.lu_solve(self.matrix(matrix), self.matrix(vector)))

    def select(self, sign_of: Number, positive: Callable[[], Number], negative: Callable[[], Number]) -> Number:
        return positive() if sign_of >= 0 else negative()

    def surely_less(self, a: Number, b: Number) -> bool:
        return bool(a < b)

    def vanishes(self, x: Number) -> bool:
        return bool(x == 0)


@lru_cache(maxsize=256)
def _context(digits: int, _thread: int) -> Context:
    ctx = _Context()
    ctx.dps = digits
    return ctx


def agree(function: Callable[[Context], Number], digits: int, reach: int = REACH) -> Certified:
    """Evaluate at rising precision until two evaluations agree to the digits asked.

    Args:
        function: a real number from an mpmath context.
        digits: relative agreement asked, in decimal digits.
        reach: digits beyond those asked at which it is confirmed; fewer where a ball is confirmed besides.

    Returns:
        The value of the more precise of the two. Zero and infinity are believed only from
        the highest precisions tried, zero with the last of them as its error.

    Raises:
        OracleError: if no two agree or the value is not a real number.

    Example:
        >>> agree(lambda ctx: ctx.log(1 / (1 + ctx.exp(-200))), 20).value < 0
        True
    """
    rungs = [digits + GUARD, *((digits + reach) << step for step in range(3))]
    previous = value = _real(function, rungs[0])
    for rung in rungs[1:]:
        previous, value = value, _real(function, rung)
        gap = abs(value - previous) if abs(value) < float("inf") else value.context.inf
        if value != 0 and gap <= abs(value) * power(value, digits) < float("inf"):
            return Certified(value, gap + abs(value) * power(value, rung), f"{rung} digits")
    if value == previous:
        return Certified(value, power(value, rungs[-1]), f"{short(value)} at {rungs[-1]} digits")
    seen = f"{short(previous)} at {rungs[-2]} digits, {short(value)} at {rungs[-1]}"
    raise OracleError(f"no agreement to {digits} digits: {seen}")


def derivative(function: Callable[[Context, Number], Number], at: float, order: int, digits: int) -> Certified:
    """A derivative by differences at ever smaller steps, until two agree.

    Args:
        function: (context, argument) to a number, smooth at `at`.
        at: where, as the exact binary number.
        order: 1 or 2.
        digits: accuracy asked, relative to the derivative or to the function over the argument, whichever is larger.

    Raises:
        OracleError: if the two disagree.
    """
    before = None
    for rung in [(digits + GUARD) << step for step in range(STEPS)]:
        ctx = context(4 * rung)
        place, step = ctx.mpf(at), (abs(ctx.mpf(at)) or ctx.one) * power(ctx.one, rung)
        values = [function(ctx, place + k * step) for k in (-1, 0, 1)]
        slope = (values[2] - values[0]) / (2 * step)
        now = slope if order == 1 else (values[2] - 2 * values[1] + values[0]) / step**2
        scale = abs(now) + abs(values[1]) / (abs(place) or 1) ** order
        if before is not None and abs(now - before) <= scale * power(scale, digits):
            error = abs(now - before) + scale * power(scale, 3 * digits)  # rounded, and cut off, at 10**(-2 rung)
            return Certified(now, error, f"differences at {4 * rung} digits")
        before, last = now, before
    raise OracleError(f"the derivative is {short(last)} by one step and {short(before)} by a smaller one")


def _real(function: Callable[[Context], Number], digits: int) -> Number:
    ctx = context(digits)
    value = +ctx.convert(function(ctx))  # the plus turns a constant such as ctx.pi into a number
    if not isinstance(value, ctx.mpf) or ctx.isnan(value):
        raise OracleError(f"not a real number: {value} at {digits} digits")
    return value


def power(like: Number, digits: int) -> Number:
    """10**-digits in the context of a number."""
    return like.context.mpf(10) ** -digits


def short(value: Number) -> str:
    """A number as an error message shows it."""
    return str(mpmath.nstr(value, 8))
