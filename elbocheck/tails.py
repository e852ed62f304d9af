"""What lies beyond the last panel or the last term: bounds that the author of an integrand states, as objects.

Each works in either engine. `beyond` spot-checks the statement further out and returns None where it does not hold (yet):
the end then moves outwards, and a statement that never holds is an error, not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from elbocheck.arithmetic import Arithmetic, Number

__all__ = ["Exponential", "Gaussian", "Geometric", "LogConcave", "Power", "Tail"]

Size = Callable[[Number], Number]
"""|integrand| at a real point, or an upper bound that is sharp but for rounding."""

FURTHER = (1, 3, 10)  # widths beyond the end at which a statement is looked at


class Tail(Protocol):
    """A bound of the integral of |integrand| from `far` outwards; `near` is further in."""

    def beyond(self, m: Arithmetic, size: Size, near: Number, far: Number) -> Number | None:
        """The bound, or None where the statement does not hold yet."""


@dataclass(frozen=True)
class LogConcave:
    """|integrand| is log-concave from some point outwards: it falls at least as fast as its last chord."""

    def beyond(self, m: Arithmetic, size: Size, near: Number, far: Number) -> Number | None:
        """See Tail."""
        inner, outer = size(near), size(far)
        if m.vanishes(outer):
            return outer
        if not m.surely_less(outer, inner):
            return None
        width, slope = far - near, m.log(inner / outer)
        before, steep = (far, outer), slope
        for steps in FURTHER:
            at = far + width * steps
            here = size(at)
            if m.vanishes(here):
                break
            chord = m.log(before[1] / here) * abs(width) / abs(at - before[0])
            if m.surely_less(chord * m.rational(1001, 1000), steep):  # flatter than the chord before
                return None
            before, steep = (at, here), chord
        return outer * abs(width) / slope * m.rational(1001, 1000)


@dataclass(frozen=True)
class Exponential:
    """|integrand(t)| <= |integrand(far)| e**(-rate |t - far|) for every `far` from some point outwards."""

    rate: Number

    def beyond(self, m: Arithmetic, size: Size, _near: Number, far: Number) -> Number | None:
        """See Tail."""
        return _stated(m, size, far, 1 / self.rate, lambda d: m.exp(-d * self.rate), 1 / self.rate)


@dataclass(frozen=True)
class Gaussian:
    """|integrand(t)| <= |integrand(far)| e**(-(t - far)**2/(2 scale**2)) for every `far` from some point outwards."""

    scale: Number

    def beyond(self, m: Arithmetic, size: Size, _near: Number, far: Number) -> Number | None:
        """See Tail."""
        mass = self.scale * m.sqrt(m.pi / 2)
        return _stated(m, size, far, self.scale, lambda d: m.exp(-((d / self.scale) ** 2) / 2), mass)


@dataclass(frozen=True)
class Power:
    """|integrand(t)| <= |integrand(far)| |t/far|**-exponent for every `far` from some point outwards, exponent > 1."""

    exponent: Number

    def beyond(self, m: Arithmetic, size: Size, _near: Number, far: Number) -> Number | None:
        """See Tail."""
        reach = abs(far)
        mass = reach / (self.exponent - 1)
        return _stated(m, size, far, reach, lambda d: m.power(1 + d / reach, -self.exponent), mass)


def _stated(
    m: Arithmetic, size: Size, far: Number, width: Number, envelope: Callable[[Number], Number], mass: Number
) -> Number | None:
    """The bound |integrand(far)| * mass, if the envelope holds at a few points further out."""
    outer, outwards = size(far), far / abs(far)
    for steps in FURTHER:
        distance = width * steps
        if m.surely_less(outer * envelope(distance) * m.rational(1001, 1000), size(far + outwards * distance)):
            return None
    return outer * mass


@dataclass(frozen=True)
class Geometric:
    """The ratio of each term to the one before is at most `ratio(m, k)` from the k-th term outwards.

    What multiplies the terms (a logarithm, a derivative) grows at most like a polynomial: it may take up the square root
    of the ratio, once it is seen to.
    """

    ratio: Callable[[Arithmetic, int], Number]

    def beyond(self, m: Arithmetic, k: int, last: Sequence[Number], before: Sequence[Number]) -> list[Number] | None:
        """Bounds of the sums of what follows the last pieces, `before` the pieces before them; None if not yet."""
        plain = self.ratio(m, k)
        root = m.sqrt(plain)
        if not m.surely_less(root, m.exact(1)):
            return None
        if any(m.surely_less(abs(earlier) * root, abs(now)) for now, earlier in zip(last, before, strict=True)):
            return None
        return [abs(now) * root / (1 - root) for now in last]
