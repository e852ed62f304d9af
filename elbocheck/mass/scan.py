"""Where the mass may be: a log-spaced scan of the support, drawn in around minima and edges.

A minimum counts if a barrier parts it from a lower one. An edge is where a finite energy is followed by an
infinite one (or NaN), at a distance where no overflow explains that.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from elbocheck.domain import Interval
from elbocheck.mass.effort import Effort
from elbocheck.mass.meter import Meter, Wide

__all__ = ["Break", "Landscape", "breaks", "explore", "scan"]

BARRIER = 0.5  # nats: a density that dips by less between two peaks is integrated as one
CLEAR = 0.05  # nats between neighbours: a logarithm's dip may look flat at 0.5 long before its floor is seen
RELEVANT = 60.0  # nats above the lowest energy: an edge beyond cuts off nothing
PEAKS = 12  # lowest minima that are followed: a wiggle has any number
ROUNDS = 14  # of zooming: 64 points a round reach the last float of a bracket in ten


@dataclass(frozen=True)
class Landscape:
    """Energies at points in ascending order."""

    x: Wide
    energy: Wide

    def joined(self, x: Wide, energy: Wide) -> "Landscape":
        """With more points."""
        points, first = np.unique(np.concatenate([self.x, x]), return_index=True)
        return Landscape(points, np.concatenate([self.energy, energy])[first])

    @property
    def lowest(self) -> float:
        """The least finite energy; 0 if there is none."""
        finite = self.energy[np.isfinite(self.energy)]
        return float(finite.min()) if finite.size else 0.0


@dataclass(frozen=True)
class Break:
    """A point from which distances are measured: a peak of the density or an edge.

    Attributes:
        at: where.
        below: whether there is mass below it.
        above: whether there is mass above it.
        sharp: an edge found by bisection, known to one spacing.
    """

    at: float
    below: bool
    above: bool
    sharp: bool = False


def scan(meter: Meter, support: Interval, hint: float, effort: Effort) -> Landscape:
    """Look at log-spaced points of the whole support."""
    x = _spread(meter, support, hint, effort)
    return Landscape(x, meter(x))


def explore(meter: Meter, land: Landscape, effort: Effort) -> Landscape:
    """Draw in on every minimum and edge until their surroundings are known."""
    for _ in range(ROUNDS):
        more = [_between(meter, land, pair, effort.zoom) for pair in _unclear(meter, land)]
        x = np.setdiff1d(np.concatenate([np.empty(0), *more]), land.x)
        if not x.size or meter.spent:
            break
        land = land.joined(x, meter(x))
    return land


def breaks(meter: Meter, land: Landscape, support: Interval, hint: float) -> list[Break]:
    """The ends of the support, the edges within and the peaks between, in ascending order."""
    found = [Break(support.low, False, True)] if isfinite(support.low) else []
    found += [Break(support.high, True, False)] if isfinite(support.high) else []
    for inside, outside in _cliffs(meter, land):
        found.append(Break(float(land.x[inside]), below=inside < outside, above=outside < inside, sharp=True))
    edges = {one.at for one in found}
    peaks = {float(land.x[(first + last) // 2]) for first, last in _minima(land)} - edges
    if not peaks and not found:
        peaks = {_anchor(land, hint)}
    return sorted([*found, *(Break(at, True, True) for at in peaks)], key=lambda one: one.at)


def _anchor(land: Landscape, hint: float) -> float:
    """Where rays start that have no peak to start from: the finite point closest to the hint."""
    finite = land.x[np.isfinite(land.energy)]
    return float(finite[np.argmin(np.abs(finite - hint))]) if finite.size else hint


def _spread(meter: Meter, support: Interval, hint: float, effort: Effort) -> Wide:
    """Points about the hint, 0 and both ends of the support, at all distances that the dtype knows."""
    decades = np.log10(meter.reach)
    fine = np.arange(-effort.decades, effort.decades, 1 / effort.per_decade)
    far = np.linspace(effort.decades, decades, effort.beyond)
    away = 10.0 ** np.concatenate([-far[::-1], fine, far])
    away[[0, -1]] = 1 / meter.reach, meter.reach
    anchors = {a for a in (support.low, support.high, hint, 0.0) if isfinite(a)}
    x = [np.concatenate([[a], a + away, a - away]) for a in anchors if support.low <= a <= support.high]
    points = np.unique(meter.snap(np.clip(np.concatenate(x), -meter.reach, meter.reach)))
    return points[(points > support.low) & (points < support.high)]


def _between(meter: Meter, land: Landscape, pair: tuple[int, int], count: int) -> Wide:
    return meter.snap(np.linspace(land.x[pair[0]], land.x[pair[1]], count + 2)[1:-1])


def _unclear(meter: Meter, land: Landscape) -> list[tuple[int, int]]:
    """Brackets (indices of points) of minima whose neighbours are much higher, and of edges."""
    pairs = [(min(pair), max(pair)) for pair in _cliffs(meter, land)]
    for first, last in _minima(land):
        sides = land.energy[[first - 1, last + 1]] - land.energy[first]
        if np.any((sides > CLEAR) & (sides < np.inf)):  # an infinite side is an edge
            pairs.append((first - 1, last + 1))
    gaps = [(land.x[j] - land.x[i]) / max(meter.spacing(land.x[i]), meter.spacing(land.x[j])) for i, j in pairs]
    return [pair for pair, gap in zip(pairs, gaps, strict=True) if gap > pair[1] - pair[0]]


def _cliffs(meter: Meter, land: Landscape) -> list[tuple[int, int]]:
    """Pairs of neighbours (inside, outside): a relevant finite energy beside an infinite one."""
    finite = np.isfinite(land.energy) | (land.energy == -np.inf)
    at = np.flatnonzero(finite[1:] != finite[:-1])
    pairs = [(int(i), int(i) + 1) if finite[i] else (int(i) + 1, int(i)) for i in at]
    limit = land.lowest + RELEVANT
    near = np.sqrt(meter.reach)  # an infinity farther out is taken for the overflow of a square or a fourth power
    return [(i, j) for i, j in pairs if land.energy[i] <= limit and abs(land.x[i]) < near]


def _minima(land: Landscape) -> list[tuple[int, int]]:
    """First and last index of the plateaus (most of one point) that barriers part, the lowest ones."""
    e = land.energy
    starts = np.flatnonzero(np.concatenate([[True], e[1:] != e[:-1]]))
    levels = e[starts]
    inner = np.flatnonzero((levels[1:-1] < levels[:-2]) & (levels[1:-1] < levels[2:])) + 1
    kept: list[int] = []
    tops = np.maximum.reduceat(levels, inner) if inner.size else levels
    barrier = np.inf
    for top, i in zip(tops, inner, strict=False):
        if not kept or barrier - max(levels[kept[-1]], levels[i]) > BARRIER:
            kept.append(int(i))
            barrier = top
        elif levels[i] < levels[kept[-1]]:
            kept[-1], barrier = int(i), top
        else:
            barrier = max(barrier, top)
    kept = sorted(sorted(kept, key=lambda i: float(levels[i]))[:PEAKS])
    ends = np.append(starts[1:], e.size) - 1
    return [(int(starts[i]), int(ends[i])) for i in kept]
