"""Integrals that two rules at two precisions agree on, panel by panel."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from elbocheck.arithmetic import Number
from elbocheck.errors import OracleError
from elbocheck.precision.numbers import GUARD, REACH, Certified, Context, context, power, short
from elbocheck.tails import Tail

__all__ = ["integrate"]

Function: TypeAlias = Callable[[Context, Number], Number]

INTERIOR = 4  # points per panel where the integrand is looked at
SPLITS = 3  # halvings of a panel on which the rules disagree
MAX_TAIL_PANELS = 120  # each twice as wide as the one before


def integrate(
    integrand: Function,
    breaks: Callable[[Context], Sequence[Number]],
    digits: int,
    tail: Tail | None = None,
    *,
    scale: Number = 0,
) -> Certified:
    """Integrate by Gauss-Legendre and, at a higher precision, by tanh-sinh; they must agree on every panel.

    Args:
        integrand: `integrand(ctx, t)`, smooth between break points; its maximum is divided out first.
        breaks: `breaks(ctx)`, increasing: ends, kinks, modes, steps of the integrand's own width about them.
            An infinite end needs two finite breaks next to it and a tail.
        digits: relative accuracy asked, in decimal digits.
        tail: the bound of what lies beyond the last panel; wider panels are added until that is small.
        scale: what the digits are relative to where the value is smaller: integrands that cancel.

    Raises:
        OracleError: naming the panel on which the rules disagree, or what else went wrong.

    Example:
        >>> from elbocheck.tails import LogConcave
        >>> integrate(lambda ctx, t: ctx.exp(-t), lambda ctx: [0, 1, 2, ctx.inf], 20, LogConcave()).how
        'Gauss-Legendre at 30 digits, tanh-sinh at 40'
    """
    for extra in (0, digits, 3 * digits, 9 * digits):  # digits that the cancellation of panels costs
        goal = digits + extra
        panels, beyond, peak = _layout(integrand, breaks, goal, tail)
        peak = max(peak, peak.context.convert(scale))
        lost = _lost(integrand, panels, peak, goal)
        value, error = _compare(integrand, panels, peak, (goal + GUARD, goal + 2 * GUARD), lost)
        error += beyond
        if error <= max(abs(value), value.context.convert(scale)) * power(value, digits):
            return Certified(value, error, f"Gauss-Legendre at {goal + GUARD} digits, tanh-sinh at {goal + 2 * GUARD}")
    left = f"{short(value)} with an error of {short(error)}"
    raise OracleError(f"integral not known to {digits} digits: its panels cancel to {left}")


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
        raise OracleError(f"break points must increase, got {[short(point) for point in points]}")
    if len(finite) < len(points) and tail is None:
        raise OracleError("an infinite end needs a tail bound")
    peak = max(abs(sample) for panel in panels for sample in _samples(integrand, panel, ctx))
    beyond = ctx.zero
    for end, (near, far) in ((points[0], panels[0][::-1]), (points[-1], panels[-1])):
        if tail is not None and abs(end) == ctx.inf:
            negligible = peak * power(ctx.one, goal + 5)
            added, bound = _tail_panels(ctx, integrand, tail, (near, far), negligible)
            panels += added
            beyond += bound
    return sorted(panels), beyond, peak


def _tail_panels(
    ctx: Context, integrand: Function, tail: Tail, last: Panel, negligible: Number
) -> tuple[list[Panel], Number]:
    near, far = last
    added: list[Panel] = []
    for _ in range(MAX_TAIL_PANELS):
        bound = tail.beyond(ctx, lambda t: abs(integrand(ctx, t)), near, far)
        if bound is not None and bound <= negligible:
            return added, bound
        near, far = far, far + 2 * (far - near)
        added.append((min(near, far), max(near, far)))
    raise OracleError(f"the tail does not decay: still not negligible beyond {short(far)}")


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
        if all(gap <= peak * power(peak, goal + 5) for gap in gaps):
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
    if gap <= power(second, digits[0] - GUARD):
        return second, gap
    if splits == 0 and gap <= power(second, (digits[0] - GUARD) * 3 // 4):
        return second, gap  # an honest error, which more digits may mend
    if splits == 0:
        raise OracleError(
            f"the part from {short(panel[0])} to {short(panel[1])} disagrees by {short(gap)}: "
            f"Gauss-Legendre {short(first)}, tanh-sinh {short(second)} of the maximum"
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
