"""Probes of one level of data on a grid: predictions about its middle, at scales from half a bin to many."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.edges import FAR, Curve, Edges
from elbocheck.probing.probe import argument_of

__all__ = ["Seen", "probed"]

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
        constant: that one.
        tail: whether the datum is the first level, whose bin is open, and `off` is counted from there.
    """

    off: Array
    scale: Array
    value: Array
    constant: float
    tail: Array

    def keep(self, mask: Array) -> Seen:
        """Return the points where `mask` holds."""
        return Seen(self.off[mask], self.scale[mask], self.value[mask], self.constant, self.tail[mask])

    def joined(self, other: Seen) -> Seen:
        """Return both, one after the other."""
        return Seen(
            np.concatenate([self.off, other.off]),
            np.concatenate([self.scale, other.scale]),
            np.concatenate([self.value, other.value]),
            self.constant,
            np.concatenate([self.tail, other.tail]),
        )


def probed(curve: Curve, edges: Edges, first: float | None) -> Seen:
    """Measure one level about its middle, at several scales; where the loss holds its scale the open first bin too.

    Args:
        curve: the loss.
        edges: the level.
        first: the lowest level, if its bin is open.
    """
    constant = 0.0 if first is None else float(curve(first, -FAR)[0])
    sides = np.array([*(-v for v in AWAY[:0:-1]), *AWAY])
    if curve.scale is None or edges.width is None:
        off = np.concatenate([s * sides / AWAY[-1] for s in SPANS])
        seen = _measured(curve, edges, edges.level, off, np.zeros_like(off), constant)
        if first is None:
            return seen
        tail = _measured(curve, edges, first, off, np.zeros_like(off), constant)
        return seen.joined(replace(tail, tail=np.ones_like(tail.tail)))
    half = edges.width / 2
    spreads = np.repeat(half * np.array(SCALES), sides.size)
    scales = np.asarray(argument_of(curve.scale, 2 * np.log(spreads)))
    return _measured(curve, edges, edges.level, edges.offset + np.tile(half * sides, len(SCALES)), scales, constant)


SPANS = np.geomspace(2.0**-8, 2.0**9, 18)
"""How far predictions go off a level where no learned scale tells."""


def _measured(curve: Curve, edges: Edges, level: float, off: Array, scales: Array, constant: float) -> Seen:
    level = float(curve.probe.cast(np.array(level)))
    locs, scales = curve.probe.cast(level + off), curve.probe.cast(scales)
    values = edges.sign * (curve(level, locs, scales) - constant)
    kept = np.isfinite(values)
    return Seen((locs - level)[kept], scales[kept], values[kept], edges.sign * constant, np.zeros(kept.sum(), bool))
