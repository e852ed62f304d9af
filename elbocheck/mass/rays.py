"""The support as rays: stretches that start at a peak or an edge, looked at by the logarithm of the distance."""

from dataclasses import dataclass
from math import inf, isfinite, log

import numpy as np

from elbocheck.mass.effort import Effort
from elbocheck.mass.ends import FADED, End, Fate, judge
from elbocheck.mass.meter import Meter, Wide
from elbocheck.mass.scan import Break, Landscape

__all__ = ["Ray", "Seen", "look", "rays", "tail"]

FIRST = 32.0
"""Spacings from a centre to the first distance: rounding to a float moves a point by less than 2 % of it."""

CELLS = 4.0  # the same between integers, which an energy that is integrated is smooth across
LAST_QUARTER = 0.25  # of the e-folds of a tail: where it has forgotten location and scale
ENOUGH = 6  # points of a law: two in each of the thirds that are compared
INNER = 4.0  # e-folds at least over which the law toward a centre is fitted


@dataclass(frozen=True)
class Ray:
    """Distances from `first` to `last` on one side of a centre.

    Attributes:
        centre: a peak or an edge.
        sign: of the direction.
        first: distance where the logarithmic look starts.
        last: distance where it ends.
        outer: whether the support goes on to infinity from there.
        sharp: whether the centre is an edge known to one spacing.
    """

    centre: float
    sign: float
    first: float
    last: float
    outer: bool = False
    sharp: bool = False


@dataclass(frozen=True, eq=False)
class Seen:
    """What a look along a ray has shown.

    Attributes:
        ray: which.
        s: logarithms of distances, ascending.
        m: log-masses per e-fold there, in nats.
        inner: the same on the stretch where the law toward the centre is fitted.
        at: energy at the centre itself.
        rounding: of the energies near the centre.
    """

    ray: Ray
    s: Wide
    m: Wide
    inner: tuple[Wide, Wide]
    at: float
    rounding: float

    def smooth(self, level: float) -> bool:
        """Whether the energy is finite at the centre and within `level` nats of it at the first distance."""
        return isfinite(self.at) and abs(self.s[0] - self.m[0] - self.at) <= level

    def toward_centre(self, best: float) -> End:
        """Whether the mass between the centre and the first distance is finite.

        A finite energy at the centre makes no pole: floats may not show the peak that it is. An infinite one does if the
        law holds from the first distance on, or among the first floats, where the rest of the energy moves nothing.
        """
        s, m = self.inner
        far, near = s >= log(self.ray.first), s <= s[0] + INNER
        if self.ray.last <= self.ray.first or np.count_nonzero(far) < ENOUGH:
            return End(Fate.UNKNOWN)
        end = judge(-s[far][::-1], m[far][::-1], best, self.rounding)
        if end.fate is Fate.FINITE or isfinite(self.at):
            return end if end.fate is Fate.FINITE else End(Fate.UNKNOWN)
        closer = judge(-s[near][::-1], m[near][::-1], inf, self.rounding)
        return closer if closer.fate is Fate.INFINITE else end


def rays(meter: Meter, land: Landscape, points: list[Break]) -> list[Ray]:
    """Cut the support into rays: neighbours meet half-way."""
    found = []
    for k, one in enumerate(points):
        first = float((CELLS if meter.whole else FIRST) * meter.spacing(one.at))
        if one.below:
            end = points[k - 1].at if k else None
            last, outer = _length(meter, land, one.at, -1.0, end)
            found.append(Ray(one.at, -1.0, min(first, last), last, outer, one.sharp))
        if one.above:
            end = points[k + 1].at if k + 1 < len(points) else None
            last, outer = _length(meter, land, one.at, 1.0, end)
            found.append(Ray(one.at, 1.0, min(first, last), last, outer, one.sharp))
    return found


def _length(meter: Meter, land: Landscape, at: float, sign: float, neighbour: float | None) -> tuple[float, bool]:
    """Half the way to a neighbour, or to the last point where the energy has not overflown."""
    if neighbour is not None:
        return abs(neighbour - at) / 2, False
    beyond = land.x[(sign * (land.x - at) > 0) & np.isfinite(land.energy)]
    end = abs((beyond[-1] if sign > 0 else beyond[0]) - at) if beyond.size else meter.spacing(at)
    return float(end), True


def tail(meter: Meter, land: Landscape, sign: float) -> End:
    """Whether the mass toward an infinity is finite, from the last quarter of the scan's e-folds.

    Infinite energies at the far end are an overflow if those before them are not high already.
    """
    x, energy = (land.x, land.energy) if sign > 0 else (-land.x[::-1], land.energy[::-1])
    side = (x >= 1 / meter.reach) & np.isfinite(energy)
    if not side.any():
        return End(Fate.FINITE)
    s, e = np.log(x[side]), energy[side]
    m = s - e
    window = s >= s[-1] - LAST_QUARTER * (s[-1] + log(meter.reach)) / 2
    if np.count_nonzero(window) < ENOUGH:
        window = np.arange(s.size) >= s.size - ENOUGH
    rounding = meter.eps * float(np.abs(e[window]).max())
    if x[side][-1] < np.sqrt(meter.reach):
        return End(Fate.FINITE)
    s, m, best = s[window], m[window], float(m.max())
    if m[-1] >= best and m[-1] - m[0] > FADED:
        return End(Fate.INFINITE)
    return judge(s, m, best, rounding)


def look(meter: Meter, paths: list[Ray], effort: Effort) -> tuple[list[Seen], Landscape]:
    """Energies along all rays, in one call, ray by ray and by x."""
    grids, inner = [_grid(ray, effort) for ray in paths], [_inner(ray, effort) for ray in paths]
    ask = [np.concatenate([[ray.centre], ray.centre + ray.sign * np.exp(np.append(g, i))])
           for ray, g, i in zip(paths, grids, inner, strict=True)]  # fmt: skip
    x = meter.snap(np.concatenate(ask))
    energy = meter(x)
    seen, start = [], 0
    for ray, grid, near in zip(paths, grids, inner, strict=True):
        at, stop = start, start + 1 + grid.size + near.size
        d = ray.sign * (x[at:stop] - ray.centre)
        e = energy[at:stop]
        with np.errstate(divide="ignore", invalid="ignore"):
            s = np.log(d)
        cut = 1 + grid.size
        rounding = meter.eps * float(np.abs(e[cut:][np.isfinite(e[cut:])]).max(initial=1.0))
        seen.append(Seen(ray, s[1:cut], s[1:cut] - e[1:cut], (s[cut:], s[cut:] - e[cut:]), float(e[0]), rounding))
        start = stop
    off = np.isin(x, [ray.centre for ray in paths], invert=True)  # an end of the support is no point of it
    return seen, Landscape(x[:0], energy[:0]).joined(x[off], energy[off])


def _grid(ray: Ray, effort: Effort) -> Wide:
    low, high = log(ray.first), log(ray.last)
    return np.linspace(low, high, 1 + effort.looks * (1 + int((high - low) / effort.width)))


def _inner(ray: Ray, effort: Effort) -> Wide:
    """From a sixteenth of the first distance, two spacings, to where the law of a pole ends: the centre's own size."""
    low, high = log(ray.first), log(ray.last)
    near = min(high, log(abs(ray.centre) or 1.0))
    law = np.linspace(low, min(high, low + max(INNER, LAST_QUARTER * (near - low))), effort.slope)
    return np.concatenate([np.linspace(low - log(FIRST / 2), low, effort.slope // 2, endpoint=False), law])
