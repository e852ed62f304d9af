"""How the mass of a density is found: charts to integrate over, ladders and levels to sum over.

Written in the vocabulary of `elbocheck.arithmetic`, so that balls and mpmath follow the same recipe; what the recipe
leads to is held against the closed form, and the recipe's own shortcuts against the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from elbocheck.arithmetic import Number
from elbocheck.tails import Geometric, LogConcave, Tail

__all__ = ["LINE", "STEPS", "Chart", "Ladder", "Levels", "Recipe", "inserted", "line_breaks"]

FAR = 8  # doublings beyond the last break, where nothing is left of any density
STEPS = (-8, -4, -2, -1, 0, 1, 2, 4, 8)


_FALLS = LogConcave()


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A smooth coordinate t of a part of the support, in which the mass decays at least exponentially.

    Attributes:
        point: (m, t, *parameters) to x.
        jacobian: (m, t, *parameters) to |dx/dt|, or the measure of all points that t stands for.
        log_product: (m, t, *parameters) to log_density plus log(jacobian), where that is sharper in one piece.
        factor: (m, *parameters) to what multiplies every value of the Jacobian; None for 1.
        breaks: (m, *parameters) to increasing values of t: ends, modes, scale-spaced steps; kinks of the definition too.
            Derivatives in a parameter are taken at fixed t: the breaks must not cut where the integrand jumps.
        log_density: (m, t, *parameters) to the definition at point(t), where a form without kinks or cancellation exists.
        coordinate: (m, x, *parameters) to the t of a point: where another member's kinks lie; None where it has none.
        fixed: the point does not depend on the parameters, so that log_density serves other members at the same t.
        tail: the bound of what lies beyond the last panel at an infinite end.
    """

    point: Callable[..., Any]
    jacobian: Callable[..., Number]
    breaks: Callable[..., list[Number]]
    log_density: Callable[..., Number] | None = None
    log_product: Callable[..., Number] | None = None
    factor: Callable[..., Number] | None = None
    coordinate: Callable[..., Number] | None = None
    fixed: bool = False
    tail: Tail = _FALLS


def _themselves(_m: Any, *parameters: Number) -> Sequence[Number]:
    return parameters


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """All integers from 0 upwards, climbed from the mode.

    Attributes:
        mode: (*parameters as floats) to an integer near the largest term.
        ratio: (m, k, *constants) to the mass at k + 1 over the mass at k.
        limit: (m, k, *constants) to a bound of all ratios from k upwards; None where they fall.
        constants: (m, *parameters) to what the ratios are made of; by default the parameters.
    """

    mode: Callable[..., int]
    ratio: Callable[..., Number]
    limit: Callable[..., Number] | None = None
    constants: Callable[..., Sequence[Number]] = _themselves

    def tail(self, lift: Callable[[Any], list[Number]]) -> Geometric:
        """The bound of the terms above, from (m) to the parameters."""
        bound = self.limit or self.ratio
        return Geometric(lambda m, k: bound(m, k, *self.constants(m, *lift(m))))


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The integers from 0 to `highest(*parameters as floats)`, summed one by one."""

    highest: Callable[..., int]


Recipe = tuple[Chart, ...] | Ladder | Levels


def line_breaks(m: Any, *_parameters: Number) -> list[Number]:
    """The whole line, with steps that double about 0."""
    return [-inf, *(m.exact(step) for step in STEPS), inf]


LINE = (
    Chart(
        point=lambda _m, t, loc, scale, *_shape: loc + scale * t,
        jacobian=lambda _m, _t, _loc, scale, *_shape: scale,
        breaks=line_breaks,
        coordinate=lambda _m, x, loc, scale, *_shape: (x - loc) / scale,
    ),
)
"""The chart of smooth location-scale families: x = loc + scale t."""


def inserted(m: Any, breaks: Sequence[Number], at: Number) -> Sequence[Number]:
    """Increasing breaks with one more, unless it lies outside, on one of them, or far out at an infinite end.

    Beyond the last finite break the way there is paved with steps that double.
    """
    low, high = isinstance(breaks[0], float), isinstance(breaks[-1], float)
    finite = [one for one in breaks if not isinstance(one, float)]
    if high and m.surely_less(finite[-1], at):
        finite = _paved(m, finite, at)
    elif low and m.surely_less(at, finite[0]):
        finite = _paved(m, finite[::-1], at)[::-1]
    before = [one for one in finite if m.surely_less(one, at)]
    after = [one for one in finite if m.surely_less(at, one)]
    if before and after and len(before) + len(after) == len(finite):
        finite = [*before, at, *after]
    return [*breaks[:low], *finite, *breaks[len(breaks) - high :]]


def _paved(m: Any, finite: list[Number], at: Number) -> list[Number]:
    """The breaks in their order with steps past a point beyond the last; without them where it is too far."""
    near, far = finite[-2:]
    steps = []
    for _ in range(FAR):
        near, far = far, far + 2 * (far - near)
        steps.append(far)
        if m.surely_less(abs(at - finite[-1]), abs(far - finite[-1])):
            return [*finite, *steps]
    return finite
