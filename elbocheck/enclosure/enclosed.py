"""Numbers that are known to lie in a ball: how they are asked for, combined and passed on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flint import arb

from elbocheck.enclosure.balls import GUARD_BITS, MAX_BITS, Ball, Balls, bits, coefficients, real, working
from elbocheck.errors import OracleError

__all__ = [
    "Enclosure", "enclose", "from_exact", "log", "log_derivatives", "negative", "pair", "quotient", "taylor",
    "total",
]  # fmt: skip


MOST_LOST = 300  # digits beyond which a number counts as 0


@dataclass(frozen=True)
class Enclosure:
    """A real ball with its radius relative to its value.

    Attributes:
        ball: contains the number.
        how: the way it was obtained.
    """

    ball: Any
    how: str

    @property
    def digits(self) -> float:
        """Decimal digits known, relative; 0 where not even the sign is."""
        return max(0.0, self.ball.rel_accuracy_bits() * math.log10(2)) if self.ball.is_finite() else 0.0

    def digits_of(self, floor: float) -> float:
        """Decimal digits known, relative to the value or to `floor`, whichever is larger."""
        if not self.ball.is_finite():
            return 0.0
        with working(GUARD_BITS):
            error = self.ball.rad() / self.ball.abs_upper().max(arb(floor))
            return 4000.0 if error == 0 else max(0.0, -float((error.log() / arb(10).log()).mid()))

    def holds(self, other: Enclosure) -> bool:
        """Whether the two balls can be the same number."""
        return bool(self.ball.overlaps(other.ball))

    def below(self, digits: int) -> bool:
        """Whether the number itself is smaller than 10**-digits."""
        return bool(self.ball.abs_upper() < arb(10) ** -digits)

    def positive(self) -> bool:
        """Whether the number exceeds 0 beyond doubt."""
        return bool(self.ball > 0)

    def less(self, other: Enclosure) -> bool:
        """Whether the number is below another beyond doubt."""
        return bool(self.ball < other.ball)

    def lost(self) -> int:
        """Digits that a number of order 1 loses when it cancels to this one."""
        size = self.ball.abs_upper().log() / arb(10).log() if self.ball != 0 else arb(0)
        return min(MOST_LOST, max(0, -int(size.floor().unique_fmpz() or 0))) if size.is_finite() else 0

    def holds_zero(self) -> bool:
        """Whether the number can be 0."""
        return bool(self.ball.contains(0))

    def small(self, bound: float) -> bool:
        """Whether the absolute error is below a bound."""
        return bool(self.ball.rad() < arb(bound))

    def __str__(self) -> str:
        return str(self.ball.str(20))

    def exact(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The midpoint and a bound of the radius as mantissa and exponent of 2, exactly."""
        if self.holds_zero():  # nothing but the error of a number that vanishes
            man, exp = self.ball.abs_upper().man_exp()
            return (0, 0), (int(man), int(exp))
        middle, radius = ((int(man), int(exp)) for man, exp in (self.ball.mid().man_exp(), self.ball.rad().man_exp()))
        return middle, radius

    def parts(self, digits: int) -> tuple[str, str]:
        """Decimal texts of the midpoint, to that many digits, and of a bound of the error, its rounding included."""
        rounded = self.ball.mid().str(digits + 5, radius=False)
        with working(bits(digits) + 4 * GUARD_BITS):
            error = (self.ball - arb(rounded)).abs_upper()
        return rounded, error.upper().str(5, radius=False)


def enclose(function: Callable[[Balls], Ball], digits: int, *, floor: float = 0.0) -> Enclosure:
    """Evaluate in balls at rising precision until that many digits are certain.

    Args:
        function: a real number from the vocabulary.
        digits: relative, in decimal digits.
        floor: absolute error that is good enough.

    Raises:
        OracleError: if the largest precision does not suffice.

    Example:
        >>> enclose(lambda m: m.log(m.sigmoid(m.exact(200.0))), 30).digits > 30
        True
    """
    return taylor(function, digits, 1, floor=floor)[0]


def taylor(function: Callable[[Balls], Ball], digits: int, order: int, *, floor: float = 0.0) -> list[Enclosure]:
    """The value and the derivatives below `order` of a function whose parameter is `m.variable`; see enclose."""
    precision = bits(digits) + GUARD_BITS
    while True:
        with working(precision):
            raw = function(Balls(order=order)).raw
            found = [real(c) * math.factorial(k) for k, c in enumerate(coefficients(raw, order))]
        if all(_known(ball, digits, floor) for ball in found):
            return [Enclosure(ball, f"balls of {precision} bits") for ball in found]
        precision *= 2
        if precision > MAX_BITS:
            raise OracleError(f"no {digits} digits with {MAX_BITS} bits: {[ball.str(10) for ball in found]}")


def from_exact(middle: tuple[int, int], radius: tuple[int, int], how: str) -> Enclosure:
    """The ball of a midpoint and a radius given as mantissa and exponent of 2."""
    with working(max(GUARD_BITS, middle[0].bit_length(), radius[0].bit_length())):
        ball, wide = (arb(man) * arb(2) ** exp for man, exp in (middle, radius))
        return Enclosure(ball + arb(0, wide), how)


def log(one: Enclosure) -> Enclosure:
    """The logarithm of a positive ball."""
    with _sharp(one):
        return Enclosure(one.ball.log(), f"log of {one.how}")


def negative(one: Enclosure) -> Enclosure:
    """The negative of a ball."""
    with _sharp(one):
        return Enclosure(-one.ball, one.how)


def log_derivatives(masses: Sequence[Enclosure]) -> tuple[Enclosure, Enclosure]:
    """The first two derivatives of log Z from Z and its first two."""
    with _sharp(*masses):
        zero, one, two = (part.ball for part in masses)
        first = one / zero
        second = two / zero - first * first  # a power of 0 +/- r is NaN
        return Enclosure(first, masses[0].how), Enclosure(second, masses[0].how)


def pair(function: Callable[[Balls], tuple[Ball, Ball]], digits: int) -> tuple[Enclosure, Enclosure]:
    """Two numbers that come from one evaluation, each enclosed to that many digits."""
    return enclose(lambda m: function(m)[0], digits, floor=1e-300), enclose(
        lambda m: function(m)[1], digits, floor=1e-300
    )


def quotient(one: Enclosure, other: Enclosure) -> Enclosure:
    """The quotient of balls."""
    with _sharp(one, other):
        return Enclosure(one.ball / other.ball, one.how)


def total(parts: Sequence[Enclosure]) -> Enclosure:
    """The sum of balls."""
    with _sharp(*parts):
        return Enclosure(sum((part.ball for part in parts), arb(0)), parts[0].how)


def _sharp(*parts: Enclosure) -> AbstractContextManager[None]:
    """A precision beyond that of every ball."""
    return working(max(one.ball.bits() for one in parts) + 2 * GUARD_BITS)


def _known(ball: Any, digits: int, floor: float) -> bool:
    if not ball.is_finite():
        return False
    return ball.is_exact() or ball.rel_accuracy_bits() >= bits(digits) or bool(ball.rad() < arb(floor))
