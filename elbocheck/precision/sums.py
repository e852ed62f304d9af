"""Sums over infinitely many integers that two precisions agree on."""

from collections.abc import Callable

from elbocheck.arithmetic import Number
from elbocheck.errors import OracleError
from elbocheck.precision.numbers import GUARD, Certified, Context, context, power, short
from elbocheck.tails import Geometric

__all__ = ["summate"]

MAX_TERMS = 2_000_000


def summate(
    first: Callable[[Context], Number],
    ratio: Callable[[Context, int], Number],
    start: int,
    digits: int,
    tail: Geometric,
    *,
    weight: Callable[[Context, int], Number] | None = None,
) -> Certified:
    """Sum over the integers from 0 upwards, from the largest term outwards, at two precisions that must agree.

    Args:
        first: the term at `start`.
        ratio: `ratio(ctx, k)`, the term at k + 1 over the term at k.
        start: where the terms are largest.
        digits: relative accuracy asked, in decimal digits.
        tail: the bound of the terms above.
        weight: a factor of each term; None stands for 1.

    Raises:
        OracleError: if the two disagree, or the tail does not become negligible.
    """
    rungs = (digits + 2 * GUARD, 2 * digits + 4 * GUARD)
    sums = [_sum(context(rung), first, ratio, start, digits + GUARD, tail, weight) for rung in rungs]
    gap = abs(sums[1][0] - sums[0][0]) + sums[1][1]
    if gap > abs(sums[1][0]) * power(sums[1][0], digits):
        raise OracleError(f"the sum is {short(sums[0][0])} at {rungs[0]} digits and {short(sums[1][0])} at {rungs[1]}")
    return Certified(sums[1][0], gap, f"sum at {rungs[0]} and {rungs[1]} digits")


def _sum(
    ctx: Context,
    first: Callable[[Context], Number],
    ratio: Callable[[Context, int], Number],
    start: int,
    goal: int,
    tail: Geometric,
    weight: Callable[[Context, int], Number] | None,
) -> tuple[Number, Number]:
    """The sum and the bound of what was left out above; below, everything is summed down to nothing."""
    weigh = weight or (lambda ctx, _k: ctx.one)
    top = term = first(ctx)
    total, piece, negligible = term * weigh(ctx, start), ctx.zero, abs(top) * power(top, goal)
    for k in range(start, start + MAX_TERMS):
        term, before = term * ratio(ctx, k), piece
        piece = term * weigh(ctx, k + 1)
        total += piece
        if k % 16 == 15:
            bound = tail.beyond(ctx, k + 1, [piece], [before])
            if bound is not None and bound[0] <= negligible:
                break
    else:
        raise OracleError(f"the terms are not negligible after {MAX_TERMS:,} of them")
    term = top
    for k in range(start - 1, -1, -1):
        term = term / ratio(ctx, k)
        total += term * weigh(ctx, k)
        if abs(term) * (k + 1) ** 4 <= negligible * power(top, goal):
            break
    return total, bound[0]
