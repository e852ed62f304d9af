"""What the probes cannot exclude: nested families near the one that was named, and the family nearest to an unnamed curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial, inf, sqrt

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.curves import CURVES, Curve
from elbocheck.probing.families import candidates
from elbocheck.probing.fit import linear
from elbocheck.probing.likelihood import Fitted, approximate
from elbocheck.probing.match import Match
from elbocheck.probing.points import Points, measure
from elbocheck.probing.probe import Probe
from elbocheck.roles import PREDICTIONS, Role

__all__ = ["Nearest", "doubts", "kink_width", "nearest"]


@dataclass(frozen=True)
class Nested:
    """A family that another turns into at one end of its shape.

    Attributes:
        curve: the wider family.
        shape: its parameter.
        at: where it turns into the narrower: 0, infinity or a number.
    """

    curve: str
    shape: str
    at: float


NESTED: dict[str, tuple[Nested, ...]] = {
    "normal": (
        Nested("huber", "delta", inf),
        Nested("charbonnier", "delta", inf),
        Nested("log_cosh", "scale", inf),
        Nested("cauchy", "scale", inf),
        Nested("generalized_normal", "power", 2.0),
    ),
    "laplace": (
        Nested("huber", "delta", 0.0),
        Nested("charbonnier", "delta", 0.0),
        Nested("log_cosh", "scale", 0.0),
        Nested("epsilon_insensitive", "epsilon", 0.0),
        Nested("generalized_normal", "power", 1.0),
    ),
}
FARTHEST = 1e15
HALVINGS = 40


def doubts(match: Match, fitted: Fitted) -> tuple[str, ...]:
    """Say which members of wider families the probes do not tell from the one that was named, each as an interval."""
    if match.candidate.scale_as is not None or match.candidate.link != "identity":
        return ()
    said = []
    for wider in NESTED.get(match.candidate.family, ()):
        curve = next(c for c in CURVES if c.name == wider.curve)
        edge = _edge(_agreement(curve, fitted), wider.at)
        if edge is None:
            continue
        what = f"{wider.curve} with {wider.shape}"
        if wider.at in (0.0, inf):
            said.append(f"{what} {'below' if wider.at == 0 else 'above'} {edge:.2g}")
        else:
            said.append(f"{what} within {edge:.1g} of {wider.at:g}")
    return tuple(said)


def _agreement(curve: Curve, fitted: Fitted) -> Callable[[float], bool]:
    points, noise = fitted.points, fitted.noise

    def agrees(shape: float) -> bool:
        with np.errstate(all="ignore"):
            parts = curve.parts(points.x - points.prediction, shape)
        columns = np.column_stack([*parts, np.ones_like(points.value)])
        return linear(columns, points.value, noise).explains

    return agrees


def _edge(agrees: Callable[[float], bool], at: float) -> float | None:
    """Return how far from its limit a shape may lie unseen, by bisection of logarithms; None where it is seen at once."""

    def shape(distance: float) -> float:
        return {0.0: distance, inf: 1 / distance}.get(at, at + distance)

    seen, unseen = 0.4 if at not in (0.0, inf) else FARTHEST**0.5, 1 / FARTHEST
    if not agrees(shape(unseen)):
        return None
    for _ in range(HALVINGS):
        middle = sqrt(seen * unseen)
        seen, unseen = (seen, middle) if agrees(shape(middle)) else (middle, unseen)
    return shape(unseen) if at in (0.0, inf) else unseen


def kink_width(probe: Probe, match: Match, fitted: Fitted) -> tuple[float, float] | None:
    """Look closely at a kink.

    A jump J of the n-th derivative that is rounded over a width h moves the curve by J h^n / (2^n (n + 1)!) or more.

    Returns:
        The width over which the kink may be rounded unseen, and the largest difference from the family beside it in units
        of the rounding to be expected; None where the family has none.
    """
    kinks = match.candidate.kinks(*fitted.shapes)
    if not kinks or match.candidate.scale_as is not None:
        return None
    size = kinks[0] or 1.0
    near = np.concatenate([kinks[0] + sign * size * 2.0 ** -np.arange(1, 34) for sign in (-1.0, 1.0)])
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    points = measure(probe, np.column_stack([np.zeros_like(near), near]), (Role.X, role))
    columns = np.column_stack([*match.candidate.parts(points, *fitted.shapes), np.ones_like(points.value)])
    noise = float(np.interp(abs(kinks[0]), *_sorted(np.abs(fitted.points.x - fitted.points.prediction), fitted.noise)))
    off = float(np.max(np.abs(points.value - columns @ fitted.fit.coefficients)))
    order, jump = next(c.jump for c in CURVES if c.name == match.candidate.family)(*fitted.shapes)
    steep = jump * float(np.max(np.abs(fitted.fit.coefficients[: fitted.fit.coefficients.size - 1])))
    return (noise * 2**order * factorial(order + 1) / steep) ** (1 / order), off / noise


def _sorted(x: Array, y: Array) -> tuple[Array, Array]:
    order = np.argsort(x)
    return x[order], np.maximum.accumulate(y[order])


@dataclass(frozen=True)
class Nearest:
    """The family that comes closest to a curve that none explains.

    Attributes:
        family: its name.
        parameters: its parameters.
        off: the largest difference, relative to the rise of the loss there.
    """

    family: str
    parameters: dict[str, float]
    off: float


def nearest(probe: Probe, points: Points, where: str) -> Nearest | None:
    """Return the family that is off the least, every decade of the curve counted alike."""
    found = []
    for candidate in candidates(points, where):
        near = approximate(probe, points, candidate)
        if near is not None:
            found.append(Nearest(candidate.family, near[0], near[1]))
    return min(found, key=lambda one: one.off, default=None)
