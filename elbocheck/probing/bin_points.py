"""Probes of one level of data on a grid: predictions about its middle, at scales from half a bin to many."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.edges import FAR, Curve, Edges
from elbocheck.probing.probe import argument_of

__all__ = ["Seen", "denser", "measured", "plateau", "probed"]

SCALES = (0.6, 1.0, 2.0, 5.0, 15.0, 50.0)
"""Over half a width: the bins are seen from as one that has all the mass to one among many."""
AWAY = (0.0, 0.3, 0.7, 1.2, 2.0, 3.0, 5.0, 9.0, 16.0, 40.0, 90.0)
"""Predictions, over half a width off the middle of a bin."""


@dataclass(frozen=True)
class Seen:
    """Probes of one level: arrays of shape (points,).

    Attributes:
        off: the prediction less the level.
        scale: the learned scale argument.
        value: the loss, turned over where it is to be maximised, less its known constant.
        tail: whether the datum is the first level, whose bin is open, and `off` is counted from there.
        far: whether the datum is impossible, and a guard alone says what it costs.
        probability: of the bin, where it is known as a number; NaN elsewhere.
        constant: what the values are less of.
        open: the constant was read where an open bin has all the mass.
    """

    off: Array
    scale: Array
    value: Array
    tail: Array
    far: Array
    probability: Array
    constant: float
    open: bool

    @property
    def counted(self) -> Array:
        """Tell where the probability is known."""
        return np.isfinite(self.probability)

    def keep(self, mask: Array) -> Seen:
        """Return the points where `mask` holds."""
        off, scale, value, tail, far, probability = (column[mask] for column in self._points)
        return Seen(off, scale, value, tail, far, probability, self.constant, self.open)

    def thinned(self, count: int) -> Seen:
        """Return evenly spread points, not many more than a count."""
        return self.keep(np.arange(self.off.size) % max(self.off.size // count, 1) == 0)

    def joined(self, other: Seen) -> Seen:
        """Return both, one after the other."""
        pairs = zip(self._points, other._points, strict=True)
        off, scale, value, tail, far, probability = (np.concatenate(pair) for pair in pairs)
        return Seen(off, scale, value, tail, far, probability, self.constant, self.open)

    @property
    def _points(self) -> tuple[Array, ...]:
        return self.off, self.scale, self.value, self.tail, self.far, self.probability


def probed(curve: Curve, edges: Edges, first: float | None) -> Seen:
    """Measure one level about its middle, at several scales; where the loss holds its scale the open first bin too.

    Where the loss of an impossible datum stops to grow, that is measured as well.

    Args:
        curve: the loss.
        edges: the level.
        first: the lowest level, if its bin is open.
    """
    seen = _about(curve, edges, first)
    return seen.joined(_impossible(curve, edges, seen))


def denser(curve: Curve, edges: Edges, seen: Seen, scale: float) -> Seen:
    """Return many more probes of a level, from where its bin is cut off to where its ends are small numbers."""
    off = scale * np.linspace(*DENSE)
    more = measured(curve, edges, edges.level, off, np.zeros_like(off), seen.constant if seen.open else None)
    return seen.joined(more)


DENSE = (-4.0, 10.0, 800)
"""Predictions off a level, in scales, and how many."""


def _about(curve: Curve, edges: Edges, first: float | None) -> Seen:
    constant = None if first is None else float(curve(first, -FAR)[0])
    sides = np.array([*(-v for v in AWAY[:0:-1]), *AWAY])
    if curve.scale is None or edges.width is None:
        off = np.concatenate([s * sides / AWAY[-1] for s in SPANS])
        seen = measured(curve, edges, edges.level, off, np.zeros_like(off), constant)
        if first is None:
            return seen
        tail = measured(curve, edges, first, off, np.zeros_like(off), constant)
        return seen.joined(replace(tail, tail=np.ones_like(tail.tail)))
    half = edges.width / 2
    spreads = np.repeat(half * np.array(SCALES), sides.size)
    scales = np.asarray(argument_of(curve.scale, 2 * np.log(spreads)))
    return measured(curve, edges, edges.level, edges.offset + np.tile(half * sides, len(SCALES)), scales, constant)


SPANS = np.geomspace(2.0**-8, 2.0**9, 18)
"""How far predictions go off a level where no learned scale tells."""


def measured(curve: Curve, edges: Edges, level: float, off: Array, scales: Array, constant: float | None) -> Seen:
    """Return the finite values at predictions off a level."""
    level, known = float(curve.probe.cast(np.array(level))), constant or 0.0
    locs, scales = curve.probe.cast(level + off), curve.probe.cast(scales)
    values = edges.sign * (curve(level, locs, scales) - known)
    kept = np.isfinite(values)
    no, unknown = np.zeros(kept.size, bool), np.full(kept.size, np.nan)
    seen = Seen(locs - level, scales, values, no, no, unknown, edges.sign * known, constant is not None)
    return seen.keep(kept)


def plateau(curve: Curve, edges: Edges, constant: float = 0.0) -> float:
    """Return what an impossible datum costs where its loss, less a constant, does not grow any more; else infinity."""
    values = edges.sign * curve(edges.level, edges.level - FAR * np.array([1.0, 4.0])) - constant
    if not np.all(np.isfinite(values)):
        return np.inf
    noise = float(np.max(curve.probe.noise(values + constant))) + curve.probe.floor
    return float(values[0]) if abs(values[1] - values[0]) <= noise else np.inf


def _impossible(curve: Curve, edges: Edges, seen: Seen) -> Seen:
    """Return the probe of an impossible datum where its loss does not grow any more; none where it does."""
    value = np.array([plateau(curve, edges, seen.constant)])
    one, unknown = np.isfinite(value), np.array([np.nan])
    off, scale = np.array([-FAR]), np.array([curve.usual])
    return replace(seen, off=off, scale=scale, value=value, tail=~one, far=one, probability=unknown).keep(one)
