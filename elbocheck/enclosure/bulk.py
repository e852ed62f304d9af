"""Truths in bulk: what float kernels are held against, a million points at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import acb_series, arb

from elbocheck.enclosure.balls import Ball, Balls, real, working
from elbocheck.enclosure.enclosed import Enclosure, taylor
from elbocheck.errors import OracleError

__all__ = ["doubles", "known"]

SHARP_BITS = 110  # of a truth: two floats and a bit
MAX_AGAIN = 20_000  # points that are worth more bits


def doubles(truth: Callable[[Balls, Any], Ball], points: list[Any], precision: int, order: int) -> tuple[Any, Any]:
    """The last Taylor coefficient at many points, each as a sum of two floats.

    Args:
        truth: (m, point) to a number or a series.
        points: what truth takes.
        precision: bits to begin with; points that lose more are done again with 8 and 64 times as many.
        order: 1 for values, 2 for first derivatives.

    Returns:
        Two float64 arrays, the value and what it lacks; NaN where no ball is sharp, or the value is not real.
    """
    high, low = np.full(len(points), np.nan), np.zeros(len(points))
    left = list(range(len(points)))
    for rung in (precision, 8 * precision, 64 * precision):
        again = []
        with working(rung):
            m = Balls(order=order)
            for i in left:
                ball = _last(truth, m, points[i])
                if ball.rel_accuracy_bits() >= SHARP_BITS or ball == 0:
                    high[i] = head = float(ball.mid())
                    low[i] = float(ball - head) if math.isfinite(head) else 0.0
                else:
                    again.append(i)
        left = again[:MAX_AGAIN]
    return high, low


def _last(truth: Callable[[Balls, Any], Ball], m: Balls, point: Any) -> Any:
    """The last coefficient; not a number where a series cannot be taken (the logarithm of 0)."""
    try:
        raw = truth(m, point).raw
    except ValueError:
        return arb("nan")
    if m.order == 1:
        return real(raw)
    return raw[m.order - 1].real if type(raw) is acb_series else real(raw) * 0


def known(truth: Callable[[Balls, Any], Ball], point: Any, digits: int, order: int) -> Enclosure | None:
    """The ball of one point of `doubles`, or None where no precision makes it sharp."""
    try:
        found = taylor(lambda m: truth(m, point), digits, order, floor=1e-300)
    except OracleError:
        return None
    return found[order - 1]
