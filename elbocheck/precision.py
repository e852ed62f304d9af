"""mpmath's home: numbers that two computations agree on, or an error.

A fixed precision is no oracle (log sigmoid(200) is 0 at 60 digits), nor are two that agree (e**s - 1 - s at
s = 1e-160 is -s at 50 digits and at 100), and quadrature overclaims without break points. So every value
comes from two precisions, one of them beyond the reach of float64 arguments, every integral also from two
rules, and it carries an error bound. Contexts are private: mpmath's global precision is neither read nor
changed.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import mpmath

from elbocheck.errors import OracleError

__all__ = ["Certified", "Context", "agree", "context", "integrate", "log_concave_tail"]

Context: TypeAlias = Any  # mpmath.MPContext: mpmath is untyped
Number: TypeAlias = Any  # its mpf
Function: TypeAlias = Callable[[Context, Number], Number]
Tail: TypeAlias = Callable[[Context, Number, Number], Number]
"""`tail(ctx, near, far)` bounds the integral of |integrand| from `far` outwards; `near` is further in."""

GUARD = 10  # digits beyond those asked
REACH = 1100  # the same where cancellation is possible: a float64 is at least 1e-324, so 1 + x**3 - 1 is not lost
INTERIOR = 4  # points per panel where the integrand is looked at
SPLITS = 3  # halvings of a panel on which the rules disagree
MAX_TAIL_PANELS = 120  # each twice as wide as the one before


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

    def split(self) -> tuple[float, float]:
        """The value as a sum of two floats: a double and what it lacks."""
        high = float(self.value)
        return high, float(self.value - high) if abs(self.value) < float("inf") else 0.0

    def log(self) -> "Certified":
        """The logarithm, the error divided by the value."""
        ctx = self.value.context
        return Certified(ctx.log(self.value), self.error / (self.value - self.error), f"log of {self.how}")

    def __sub__(self, other: "Certified") -> "Certified":
        return Certified(self.value - other.value, self.error + other.error, f"{self.how}; minus {other.how}")


def context(digits: int) -> Context:
    """A private mpmath context of that many digits, one per thread; its precision must not be changed."""
    return _context(digits, threading.get_ident())


@lru_cache(maxsize=256)
def _context(digits: int, _thread: int) -> Context:
    ctx = mpmath.MPContext()
    ctx.dps = digits
    return ctx


def agree(function: Callable[[Context], Number], digits: int) -> Certified:
    """Evaluate at rising precision until two evaluations agree to the digits asked.

    Args:
        function: a real number from an mpmath context.
        digits: relative agreement asked, in decimal digits.

    Returns:
        The value of the more precise of the two. Zero and infinity are believed only from
        the highest precisions tried, zero with the last of them as its error.

    Raises:
        OracleError: if no two agree or the value is not a real number.

    Example:
        >>> agree(lambda ctx: ctx.log(1 / (1 + ctx.exp(-200))), 20).value < 0
        True
    """
    rungs = [digits + GUARD, *((digits + REACH) << step for step in range(3))]
    previous = value = _real(function, rungs[0])
    for rung in rungs[1:]:
        previous, value = value, _real(function, rung)
        gap = abs(value - previous) if abs(value) < float("inf") else value.context.inf
        if value != 0 and gap <= abs(value) * _power(value, digits) < float("inf"):
            return Certified(value, gap + abs(value) * _power(value, rung), f"{rung} digits")
    if value == previous:
        return Certified(value, _power(value, rungs[-1]), f"{_short(value)} at {rungs[-1]} digits")
    seen = f"{_short(previous)} at {rungs[-2]} digits, {_short(value)} at {rungs[-1]}"
    raise OracleError(f"no agreement to {digits} digits: {seen}")


def integrate(
    integrand: Function, breaks: Callable[[Context], Sequence[Number]], digits: int, tail: Tail | None = None
) -> Certified:
    """Integrate by Gauss-Legendre and, at a higher precision, by tanh-sinh; they must agree on every panel.

    Args:
        integrand: `integrand(ctx, t)`, smooth between break points; its maximum is divided out first.
        breaks: `breaks(ctx)`, increasing: ends, kinks, modes, steps of the integrand's own width about them.
            An infinite end needs two finite breaks next to it and a tail.
        digits: relative accuracy asked, in decimal digits.
        tail: the bound of what lies beyond the last panel; wider panels are added until that is small.

    Raises:
        OracleError: naming the panel on which the rules disagree, or what else went wrong.

    Example:
        >>> def decay(ctx, t):
        ...     return ctx.exp(-t)
        >>> integrate(decay, lambda ctx: [0, 1, 2, ctx.inf], 20, log_concave_tail(decay)).how
        'Gauss-Legendre at 30 digits, tanh-sinh at 40'
    """
    for extra in (0, digits, 3 * digits, 9 * digits):  # digits that the cancellation of panels costs
        goal = digits + extra
        panels, beyond, peak = _layout(integrand, breaks, goal, tail)
        lost = _lost(integrand, panels, peak, goal)
        value, error = _compare(integrand, panels, peak, (goal + GUARD, goal + 2 * GUARD), lost)
        error += beyond
        if error <= abs(value) * _power(value, digits):
            return Certified(value, error, f"Gauss-Legendre at {goal + GUARD} digits, tanh-sinh at {goal + 2 * GUARD}")
    left = f"{_short(value)} with an error of {_short(error)}"
    raise OracleError(f"integral not known to {digits} digits: its panels cancel to {left}")


def log_concave_tail(integrand: Function) -> Tail:
    """The tail bound of a positive, log-concave integrand: it falls at least as fast as its last chord."""

    def bound(ctx: Context, near: Number, far: Number) -> Number:
        inner, outer = integrand(ctx, near), integrand(ctx, far)
        if outer == 0:
            return ctx.zero
        return outer * abs(far - near) / ctx.log(inner / outer) if inner > outer else ctx.inf

    return bound


Panel: TypeAlias = tuple[Number, Number]


def _layout(
    integrand: Function, breaks: Callable[[Context], Sequence[Number]], goal: int, tail: Tail | None
) -> tuple[list[Panel], Number, Number]:
    """Finite panels, the bound of what lies beyond, and the largest |integrand| * width."""
    ctx = context(goal + REACH)
    points = [ctx.convert(point) for point in breaks(ctx)]
    finite = [point for point in points if abs(point) < ctx.inf]
    panels = list(pairwise(finite))
    if not panels or any(not a < b for a, b in panels):
        raise OracleError(f"break points must increase, got {[_short(point) for point in points]}")
    if len(finite) < len(points) and tail is None:
        raise OracleError("an infinite end needs a tail bound")
    peak = max(abs(sample) for panel in panels for sample in _samples(integrand, panel, ctx))
    beyond = ctx.zero
    for end, (near, far) in ((points[0], panels[0][::-1]), (points[-1], panels[-1])):
        if tail is not None and abs(end) == ctx.inf:
            added, bound = _tail_panels(ctx, tail, (near, far), peak * _power(ctx.one, goal + 5))
            panels += added
            beyond += bound
    return sorted(panels), beyond, peak


def _tail_panels(ctx: Context, tail: Tail, last: Panel, negligible: Number) -> tuple[list[Panel], Number]:
    near, far = last
    added: list[Panel] = []
    for _ in range(MAX_TAIL_PANELS):
        bound = tail(ctx, near, far)
        if bound <= negligible:
            return added, bound
        near, far = far, far + 2 * (far - near)
        added.append((min(near, far), max(near, far)))
    raise OracleError(f"the tail does not decay: still {_short(bound)} beyond {_short(far)}")


def _samples(integrand: Function, panel: Panel, ctx: Context) -> list[Number]:
    """The integrand times the width at interior points, all computed in one context."""
    start, width = ctx.convert(panel[0]), ctx.convert(panel[1]) - ctx.convert(panel[0])
    steps = (ctx.mpf(2 * k + 1) / (2 * INTERIOR + 1) for k in range(INTERIOR))  # not dyadic: those hide rounding
    return [integrand(ctx, start + width * step) * width for step in steps]


def _lost(integrand: Function, panels: list[Panel], peak: Number, goal: int) -> int:
    """Extra digits that the integrand needs: it may cancel, or sit far from zero for its width."""
    truth = [_samples(integrand, panel, peak.context) for panel in panels]
    for lost in (0, 50, 100, 200, 400):
        ctx = context(goal + GUARD + lost)
        pairs = zip(panels, truth, strict=True)
        gaps = (
            abs(a - b) for panel, known in pairs for a, b in zip(known, _samples(integrand, panel, ctx), strict=True)
        )
        if all(gap <= peak * _power(peak, goal + 5) for gap in gaps):
            return lost
    return REACH


def _compare(
    integrand: Function, panels: list[Panel], peak: Number, digits: tuple[int, int], lost: int
) -> tuple[Number, Number]:
    """The integral and the summed disagreement of the two rules."""
    value = error = peak.context.zero
    if peak == 0:
        return value, error
    for panel in panels:
        part, gap = _part(integrand, panel, peak, digits, lost, SPLITS)
        value, error = value + part * peak, error + gap * peak
    return value, error


def _part(
    integrand: Function, panel: Panel, peak: Number, digits: tuple[int, int], lost: int, splits: int
) -> tuple[Number, Number]:
    """One panel by both rules relative to the maximum; where they disagree it is halved a few times."""
    first = _rule(integrand, panel, peak, "gauss-legendre", digits[0], lost)
    second = _rule(integrand, panel, peak, "tanh-sinh", digits[1], lost)
    gap = abs(second - first)
    if gap <= _power(second, digits[0] - GUARD):
        return second, gap
    if splits == 0:
        raise OracleError(
            f"the part from {_short(panel[0])} to {_short(panel[1])} disagrees by {_short(gap)}: "
            f"Gauss-Legendre {_short(first)}, tanh-sinh {_short(second)} of the maximum"
        )
    middle = (panel[0] + panel[1]) / 2
    halves = [
        _part(integrand, half, peak, digits, lost, splits - 1) for half in ((panel[0], middle), (middle, panel[1]))
    ]
    return halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]


def _rule(integrand: Function, panel: Panel, peak: Number, method: str, digits: int, lost: int) -> Number:
    """One panel, mapped to [0, 1] and divided by the maximum, because mpmath's stopping rule is absolute."""
    outer, inner = context(digits), context(digits + lost)
    start, end, factor = (inner.convert(number) for number in (*panel, peak))
    width, factor = end - start, (end - start) / factor
    return outer.quad(
        lambda step: outer.convert(integrand(inner, start + width * step) * factor), [0, 1], method=method
    )


def _real(function: Callable[[Context], Number], digits: int) -> Number:
    ctx = context(digits)
    value = +ctx.convert(function(ctx))  # the plus turns a constant such as ctx.pi into a number
    if not isinstance(value, ctx.mpf) or ctx.isnan(value):
        raise OracleError(f"not a real number: {value} at {digits} digits")
    return value


def _power(like: Number, digits: int) -> Number:
    """10**-digits in the context of a number."""
    return like.context.mpf(10) ** -digits


def _short(value: Number) -> str:
    return str(mpmath.nstr(value, 8))
