"""Integrals and sums in balls: panels by Gauss-Legendre with proven errors, ends by a bound that somebody stated."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flint import acb, acb_series, arb

from elbocheck.arithmetic import Number
from elbocheck.enclosure.balls import (
    GUARD_BITS,
    MAX_BITS,
    NOT_A_NUMBER,
    Ball,
    Balls,
    bits,
    coefficients,
    real,
    working,
)  # fmt: skip
from elbocheck.enclosure.enclosed import Enclosure
from elbocheck.errors import OracleError
from elbocheck.tails import Geometric, Tail

__all__ = ["integrate", "summate"]

SECONDS = 30.0
EVALUATIONS = 200_000  # of one panel
ZOOMS = 40  # halvings in search of the largest value
MAX_PANELS = 200  # outwards, each twice as wide as the one before

Integrand = Callable[[Balls, Number], Number]


def integrate(
    integrand: Integrand,
    breaks: Callable[[Balls], Sequence[Number]],
    digits: int,
    tail: Tail | None = None,
    *,
    order: int = 1,
    scale: Enclosure | None = None,
    seconds: float = SECONDS,
) -> list[Enclosure]:
    """Enclose an integral over the line or a part of it, and its derivatives in a parameter.

    Args:
        integrand: `integrand(m, t)`, analytic between break points or built so that the vocabulary can tell where not.
        breaks: `breaks(m)`, increasing: ends, kinks, modes. An infinite end needs two finite breaks next to it and a tail.
        digits: relative accuracy asked of the value, in decimal digits; derivatives are as accurate on the value's scale.
        tail: the bound of what lies beyond the last panel; panels are added until that is negligible.
        order: how many of value, first derivative, … in the parameter that enters by `m.variable`.
        scale: what the digits are relative to where the value is smaller: integrands that cancel.
        seconds: the time limit.

    Returns:
        A list of `order` balls that contain the value and the derivatives.

    Raises:
        OracleError: if a tail is missing, the integrand is not finite, or a limit is reached.

    Example:
        >>> from elbocheck.tails import LogConcave
        >>> bell = integrate(lambda m, t: m.exp(-t * t), lambda m: [-INF, m.exact(-1), m.exact(1), INF], 30, LogConcave())
        >>> bell[0].ball.str(10, radius=False)
        '1.772453851'
    """
    work = _Work(
        integrand, breaks, bits(digits) + 16, tail, order, None if scale is None else scale.ball, _Clock(seconds)
    )
    precision, trouble = bits(digits) + GUARD_BITS, ""
    while precision <= MAX_BITS:
        with working(precision):
            found, trouble = work.attempt()
            enough = arb(0) if scale is None else abs(scale.ball) * arb(2) ** -bits(digits)
            if found and (found[0].rel_accuracy_bits() >= bits(digits) or found[0].rad() < enough):
                return [Enclosure(ball, f"Gauss-Legendre in balls of {precision} bits") for ball in found]
        precision *= 2
    raise OracleError(f"integral not enclosed to {digits} digits with {MAX_BITS} bits: {trouble or found[0].str(8)}")


INF = float("inf")


class _Clock:
    """The time limit of one call."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def late(self) -> bool:
        return time.monotonic() > self.end

    def error(self) -> OracleError:
        return OracleError(f"not enclosed within {self.seconds:g} s: ask for fewer digits or give break points")

    def check(self) -> None:
        if self.late():
            raise self.error()


Panel = tuple[Any, Any]


@dataclass(frozen=True)
class _Work:
    """One integral: what stays the same while the precision rises."""

    integrand: Integrand
    breaks: Callable[[Balls], Sequence[Number]]
    goal: int
    tail: Tail | None
    order: int
    scale: Any
    clock: _Clock

    def attempt(self) -> tuple[list[Any], str]:
        """The integral at the working precision, or an empty list and what more bits may mend."""
        m = Balls(order=self.order)
        panels, ends = self._panels(m)
        total = []
        least = arb(0) if self.scale is None else abs(self.scale.mid())
        for k in range(self.order):
            size, highest = self._size(panels, m, k)
            size = size.max(least)
            if not size.is_finite() or (k == 0 and self.scale is None and not self._sharp(m, highest)):
                return [], "the integrand is not known to as many digits"
            negligible = (size if size > 0 else arb(1)) * arb(2) ** -self.goal
            outer, beyond = list(panels), arb(0)
            for last in ends:
                added, bound = self._outwards(last, negligible, m, k)
                if bound is None:
                    return [], f"the tail does not decay, not by {added[-1][0].str(8, radius=False)}"
                outer, beyond = outer + added, beyond + bound
            parts = [self._panel(panel, negligible, k) for panel in outer]
            total.append((sum(parts, arb(0)) + beyond.union(-beyond)) * (1, 1, 2)[k])
            least = least.max(size)
        return total, ""

    def _panels(self, m: Balls) -> tuple[list[Panel], list[Panel]]:
        """Finite panels, and those next to an infinite end as (near, far)."""
        points = [point if isinstance(point, float) else real(point.raw) for point in self.breaks(m)]
        finite = [point for point in points if not isinstance(point, float)]
        if not all(bool(a < b) for a, b in pairwise(finite)) or len(finite) < 2:
            raise OracleError(f"break points must increase, got {[str(point) for point in points]}")
        if len(finite) < len(points) and self.tail is None:
            raise OracleError("an infinite end needs a tail: what lies beyond the last break is not nothing")
        low, high = isinstance(points[0], float), isinstance(points[-1], float)
        middle = [point.mid() for point in finite[1:-1]]
        first, last = (ends.mid() if open_ else ends for ends, open_ in ((finite[0], low), (finite[-1], high)))
        panels = list(pairwise([first, *middle, last]))
        return panels, [*([panels[0][::-1]] if low else []), *([panels[-1]] if high else [])]

    def _sharp(self, m: Balls, at: Any) -> bool:
        """Whether the integrand is known well enough to try: balls that lost their digits take long to add up."""
        value = real(coefficients(self.integrand(m, Ball(at, m)).raw, m.order)[0])
        return bool(value.is_finite()) and (value == 0 or value.rel_accuracy_bits() >= self.goal - GUARD_BITS // 2)

    def _size(self, panels: list[Panel], m: Balls, k: int) -> tuple[Any, Any]:
        """About the size of the integral: the value beside the largest |integrand| times the distance; and its place."""

        def height(at: Any) -> Any:
            value = self._upper(m, at, k)
            return value if value.is_finite() else arb(0)

        low, high = panels[0][0].mid(), panels[-1][1].mid()
        spots = [
            (height(a + (b - a) * step / 8) * (b - a), (a + (b - a) * step / 8).mid(), (b - a).mid() / 4)
            for a, b in panels
            for step in (1, 4, 7)
        ]
        _, at, radius = max(spots, key=lambda spot: spot[0].mid())
        size = arb(0)
        for _ in range(ZOOMS):
            beside = [(height(spot), spot) for spot in (at - radius, at + radius) if low <= spot <= high]
            near = sorted([(height(at), at), *beside], key=lambda pair: pair[0])
            size = size.max(near[-2][0] * radius) if beside else size
            at, radius = near[-1][1].mid(), radius / 2
        return size.mid(), at

    def _upper(self, m: Balls, at: Any, k: int) -> Any:
        """An upper bound of |integrand| at a point."""
        return arb(real(coefficients(self.integrand(m, Ball(at, m)).raw, m.order)[k]).abs_upper())

    def _outwards(self, last: Panel, negligible: Any, m: Balls, k: int) -> tuple[list[Panel], Any]:
        """More panels until the tail's bound is negligible, and the bound; None where it never is."""
        near, far = last
        added: list[Panel] = []
        for _ in range(MAX_PANELS):
            bound = self.tail.beyond(  # type: ignore[union-attr]  # an infinite end has one
                m, lambda t: Ball(self._upper(m, real(t.raw), k), m), Ball(near, m), Ball(far, m)
            )
            if bound is not None and real(bound.raw) <= negligible:
                return added, real(bound.raw).upper()
            near, far = far, far + 2 * (far - near)
            added.append((near, far) if bool(near < far) else (far, near))
        return added, None

    def _panel(self, panel: Panel, negligible: Any, k: int) -> Any:
        plain, strict = Balls(order=self.order), Balls(analytic=True, order=self.order)
        calls, late = 0, False

        def function(z: Any, analytic: bool) -> Any:
            nonlocal calls, late
            calls += 1
            late = late or (calls % 256 == 0 and self.clock.late())
            if late:
                return NOT_A_NUMBER
            m = strict if analytic else plain
            raw = self.integrand(m, Ball(z, m)).raw
            return acb(raw) if self.order == 1 else coefficients(raw, self.order)[k]

        ends, relative = (acb(panel[0]), acb(panel[1])), arb(2) ** -self.goal
        found = acb.integral(function, *ends, abs_tol=negligible, rel_tol=relative, eval_limit=EVALUATIONS)
        if late:
            raise self.clock.error()
        return real(found)


def summate(
    first: Callable[[Balls], Number],
    ratio: Callable[[Balls, int], Number],
    start: int,
    digits: int,
    tail: Geometric,
    *,
    weight: Callable[[Balls, int], Number] | None = None,
    lowest: int = 0,
    order: int = 1,
    seconds: float = SECONDS,
) -> list[Enclosure]:
    """Enclose a sum over the integers from `lowest` upwards, term by term from its largest, and its derivatives.

    Args:
        first: the term at `start`, from the vocabulary.
        ratio: `ratio(m, k)`, the term at k + 1 over the term at k.
        start: where the terms are largest.
        digits: relative accuracy asked, in decimal digits.
        tail: the bound of the terms above the last one summed; below, every term is summed until they are negligible.
        weight: a factor of each term; None stands for 1.
        lowest: the first integer.
        order: how many of value, first derivative, … in the parameter that enters by `m.variable`.
        seconds: the time limit.

    Raises:
        OracleError: if the terms do not become negligible within the limits.

    Example:
        >>> from elbocheck.tails import Geometric
        >>> halves = Geometric(lambda m, k: m.rational(1, 2))
        >>> summate(lambda m: m.exact(1), lambda m, k: m.rational(1, 2), 0, 20, halves)[0].ball.str(5, radius=False)
        '2.0000'
    """
    run = _Run(ratio, weight, lowest, tail, _Clock(seconds))
    precision, found = bits(digits) + GUARD_BITS, []
    while precision <= MAX_BITS:
        with working(precision):
            m = Balls(order=order)
            term = first(m)
            total = term if weight is None else term * weight(m, start)
            total = total + run.upwards(m, term, start, bits(digits) + 12)
            total = total + run.downwards(m, term, start, bits(digits) + 12)
            found = [real(c) * (1, 1, 2)[k] for k, c in enumerate(coefficients(total.raw, order))]
        if found[0].is_finite() and found[0].rel_accuracy_bits() >= bits(digits):
            return [Enclosure(ball, f"sum in balls of {precision} bits") for ball in found]
        precision *= 2
    raise OracleError(f"sum not enclosed to {digits} digits with {MAX_BITS} bits: {found[0].str(8)}")


@dataclass(frozen=True)
class _Run:
    """The two sides of a sum from its largest term, that one excluded."""

    ratio: Callable[[Balls, int], Number]
    weight: Callable[[Balls, int], Number] | None
    lowest: int
    tail: Geometric
    clock: _Clock

    def upwards(self, m: Balls, term: Ball, k: int, goal: int) -> Ball:
        total, peak = m.exact(0), _magnitude(term)
        pieces: list[Any] = []
        while True:
            term = term * self.ratio(m, k)
            k += 1
            before, pieces = pieces, self._piece(m, term, k)
            total = total + Ball(_series(pieces, m), m)
            if k % 64 == 0 and before:
                self.clock.check()
                bound = self.tail.beyond(m, k, *([Ball(c, m) for c in side] for side in (pieces, before)))
                if bound is not None and all(real(b.raw) <= peak * arb(2) ** -goal for b in bound):
                    return total + Ball(_series([arb(0, real(b.raw).abs_upper()) for b in bound], m), m)

    def downwards(self, m: Balls, term: Ball, k: int, goal: int) -> Ball:
        # below the mode of a mass the terms fall, so that those left are at most k times the last one
        total, peak = m.exact(0), _magnitude(term)
        while k > self.lowest:
            term = term / self.ratio(m, k - 1)
            k -= 1
            pieces = self._piece(m, term, k)
            total = total + Ball(_series(pieces, m), m)
            if k % 64 == 0:
                self.clock.check()
                left = [abs(c) * k for c in pieces]
                if self.weight is None and m.order == 1 and left[0] <= peak * arb(2) ** -goal:
                    return total + Ball(arb(0, left[0].abs_upper()), m)
        return total

    def _piece(self, m: Balls, term: Ball, k: int) -> list[Any]:
        piece = term if self.weight is None else term * self.weight(m, k)
        return [real(c) for c in coefficients(piece.raw, m.order)]


def _magnitude(term: Ball) -> Any:
    return abs(real(coefficients(term.raw, 1)[0]))


def _series(coefficients: list[Any], m: Balls) -> Any:
    return coefficients[0] if m.order == 1 else acb_series([acb(c) for c in coefficients], prec=m.order)
