"""Where the bins of a likelihood of data on a grid lie, from calls alone: a level inside, the open ends, a first width.

With the prediction far below all data an open first bin has all the mass and costs nothing, every other bin costs much; far
above it is the last. With a learned scale near 0 a bin has all the mass while the prediction lies in it and none beside it,
whatever the distribution function, so that its edges are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.probe import Probe
from elbocheck.roles import LIKELIHOOD_SCALES, POSITIVE, Role
from elbocheck.shapes import ordinary

__all__ = ["Curve", "Edges", "box", "inside", "opened"]

FAR = 1e5
"""A prediction beyond all data, at an ordinary scale."""
LEVELS = (0.3, 3.3, 100.3)
"""Data that lie inside of some usual range: of [0, 1] and [-1, 1], of few integers, of bytes."""
STEPS = (2.0**-10, 2.0**-4)
"""In the datum: levels of bytes in [0, 1] lie many of the first apart, integers many of the second."""
OFF = (1.0, -1.0, 2.0**-6, -(2.0**-6), 2.0**4, -(2.0**4), 2.0**-10, -(2.0**-10), 2.0**6, -(2.0**6), 2.0**-3, -(2.0**-3))
"""Predictions off data of which the loss tells no two apart at any, where it rounds them: in float32, or beside a guard, two
of any data may cost the same at one."""
NARROW = {True: 1e-16, False: -40.0}
"""A learned scale near 0, where it is positive and where it is a logarithm."""
NEARER = {True: 1e-18, False: -44.0}
WIDE = {True: (3.0, 7.0), False: (1.0, 2.0)}
"""Two scales well above the width of a bin: the energy of a level at the prediction grows with their logarithm."""
MARGIN = 0.5
"""Nats: a bin of more than 0.6 of the mass is inside."""
BISECTIONS = 40
LEAST, MOST = 2.0**-20, 2.0**4
"""Half widths that are looked for."""


@dataclass(frozen=True)
class Curve:
    """The loss of a call in which all elements are alike, as a function of datum, prediction and learned scale."""

    probe: Probe
    role: Role
    scale: Role | None

    @classmethod
    def of(cls, probe: Probe, role: Role) -> Curve:
        """Return the curve of a loss."""
        return cls(probe, role, next((r for r in sorted(probe.loss.roles) if r in LIKELIHOOD_SCALES), None))

    @property
    def usual(self) -> float:
        """An ordinary scale."""
        return 0.0 if self.scale is None else ordinary(self.scale)

    def __call__(self, x: object, loc: object, scale: object = None) -> Array:
        """Return the values at broadcast arrays; infinite where they are no number."""
        columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, np.float64)) for v in (x, loc, self._scale(scale))))
        given = {Role.X: columns[0], self.role: columns[1]}
        if self.scale is not None:
            given[self.scale] = columns[2]
        with np.errstate(all="ignore"):
            found = self.probe.table(given)
        return np.where(np.isnan(found), np.inf, found)

    def _scale(self, scale: object) -> object:
        return self.usual if scale is None else scale


@dataclass(frozen=True)
class Edges:
    """A bin inside.

    Attributes:
        level: its datum; the middle of those that share it where the loss rounds its data.
        rounded: the distance between data that the loss does not tell apart; 0 where it tells all apart.
        sign: -1 where the loss is to be maximised.
        width: of the bin, roughly; None where no learned scale shows it.
        offset: of its middle from the level.
        rise: nats in the loss's unit, roughly; None where the width is.
    """

    level: float
    rounded: float
    sign: float
    width: float | None = None
    offset: float = 0.0
    rise: float | None = None


def _sides(curve: Curve, x: float) -> tuple[float, float]:
    """Return on which side of its value at the prediction a datum's loss lies with the prediction far below and above."""
    low, high, here = curve(x, np.array([x - FAR, x + FAR, x]))
    with np.errstate(invalid="ignore"):
        return float(np.sign(low - here)), float(np.sign(high - here))


def inside(curve: Curve) -> Edges | None:
    """Return a level whose loss rises to both sides; None where there is none."""
    for x in LEVELS:
        below, above = _sides(curve, x)
        if below == above and below in (-1.0, 1.0):
            return _middle(curve, x, below)
    return None


def _middle(curve: Curve, x: float, sign: float) -> Edges:
    """Return the middle of the data that the loss rounds to the same level."""
    for step in STEPS:
        data = x + step * np.arange(33)
        alike = _alike(curve, data[:-1], data[1:])
        if 0 < np.count_nonzero(alike) < alike.size:
            return _plateau(curve, x, sign)
        if not alike.all():
            break
    return Edges(x, 0.0, sign)


def _alike(curve: Curve, data: Array, others: Array) -> Array:
    """Tell of which pairs of data the loss tells none from the other, wherever the prediction lies."""
    alike = np.ones(data.shape, bool)
    for off in OFF:
        if not alike.any():
            break
        near = data[alike] + off
        alike[alike] = curve(data[alike], near) == curve(others[alike], near)
    return alike


def _plateau(curve: Curve, x: float, sign: float) -> Edges:
    def same(y: float) -> bool:
        return bool(_alike(curve, np.array([x]), np.array([y]))[0])

    ends = []
    for side in (-1.0, 1.0):
        reach = LEAST
        while reach < MOST and same(x + side * reach):
            reach *= 2
        ends.append(x + side * _boundary(lambda d, s=side: same(x + s * d), 0.0, reach))  # type: ignore[misc]
    width = _plain(ends[1] - ends[0])
    place = (ends[0] + ends[1]) / width  # twice the middle, which lies half way between two multiples or on one
    return Edges((round(place) if abs(place - round(place)) < PLAIN * place else place) / 2 * width, width, sign)


def _plain(width: float) -> float:
    """Return a width that a whole number of levels shares out, where this is one to the digits that bisection gives."""
    return 1 / round(1 / width) if width < 1 and abs(round(1 / width) * width - 1) < PLAIN else width


PLAIN = 1e-4
"""Relative: what bisection in float32 leaves of an edge."""


def _boundary(holds: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2


def opened(curve: Curve, x: float, sign: float) -> int:
    """Tell whether a datum's bin has all the mass when the prediction is far below (-1) or above (1), else 0."""
    low, high = curve(x, np.array([-FAR, FAR]))
    with np.errstate(invalid="ignore"):
        side = -1 if sign * (high - low) > 0 else 1
    near, far = curve(x, side * FAR * np.array([1.0, 4.0])), (high, low)[side == 1]
    if not np.all(np.isfinite(near)):
        return 0
    noise = float(np.max(curve.probe.noise(near))) + curve.probe.floor
    return side if np.ptp(near) <= noise and sign * (far - near[0]) > noise else 0


def box(curve: Curve, found: Edges) -> Edges | None:
    """Return the bin with its width and offset, seen at a scale near 0; None where the loss has no bins there."""
    assert curve.scale is not None
    positive = curve.scale in POSITIVE
    narrow, (low, high) = NARROW[positive], WIDE[positive]
    here = curve(found.level, found.level, np.array([narrow, NEARER[positive], low, high]))
    if not np.all(np.isfinite(here)):
        return None
    rise = abs(float(here[3] - here[2])) / float(np.log(high / low) if positive else high - low)
    if not rise or abs(here[0] - here[1]) > MARGIN * rise / 8:
        return None

    def within(distance: float) -> bool:
        value = float(curve(found.level, found.level + distance, narrow)[0])
        return bool(found.sign * (value - here[0]) < MARGIN * rise)

    ends = []
    for side in (-1.0, 1.0):
        reach = LEAST
        while reach < MOST and within(side * reach):
            reach *= 2
        if reach >= MOST:
            return None
        low_end = 0.0 if reach == LEAST else reach / 2
        ends.append(side * _boundary(lambda d, s=side: within(s * d), low_end, reach))  # type: ignore[misc]
    width, offset = ends[1] - ends[0], (ends[0] + ends[1]) / 2
    if width < 4 * LEAST:
        return None
    halves = round(2 * offset / width)
    if abs(2 * offset / width - halves) < 4 * PLAIN:
        offset = halves * width / 2
    return Edges(found.level, found.rounded, found.sign, width, offset, rise)
