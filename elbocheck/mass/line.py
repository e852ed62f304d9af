"""The mass on an interval: explore, judge the tails, cut into rays, judge the poles, integrate what counts."""

from math import exp, inf, isfinite, log, log1p

import numpy as np

from elbocheck.domain import Interval
from elbocheck.mass.effort import Effort
from elbocheck.mass.ends import End, Fate, mass_of
from elbocheck.mass.meter import Meter
from elbocheck.mass.panels import Integral, Panels, integrate
from elbocheck.mass.rays import Seen, look, rays, tail
from elbocheck.mass.result import Status, Trouble
from elbocheck.mass.scan import RELEVANT, Break, Landscape, breaks, explore, scan

__all__ = ["judged_tail", "on_interval"]

SMOOTH = 0.1
"""Nats between a centre and the first distance up to which the stretch between is integrated like any other."""

LOOKS = 3  # times that rays are drawn anew, from peaks that the last look has shown

HALF = 0.5
"""Share of the whole above which an error leaves no digit to report."""


def on_interval(meter: Meter, support: Interval, hint: float, effort: Effort) -> tuple[float, float]:
    """The logarithm of the integral of exp(-energy) over an interval, and its bound.

    Raises:
        Trouble: if it is infinite or not found.
    """
    land = scan(meter, support, hint, effort)
    open_sides = [sign for sign, end in ((-1.0, support.low), (1.0, support.high)) if not isfinite(end)]
    ends = [judged_tail(meter, land, sign) for sign in open_sides]
    paths = _looked(meter, land, support, hint, effort)
    best = max((float(np.max(seen.m)) for seen in paths), default=inf)
    if not isfinite(best):
        raise Trouble(Status.UNDECIDED, "nowhere finite" if best < 0 or not paths else "infinite within")
    counted = [seen for seen in paths if seen.m[0] >= best - effort.depth]
    inner = [seen for seen in counted if not seen.smooth(SMOOTH)]
    ends += [_pole(meter, seen, best) for seen in inner]
    parts = [_stretches(seen, best, effort) for seen in paths]
    parts += [_core(seen) for seen in counted if seen.smooth(SMOOTH)]
    rests = [mass_of(end, best) for end in ends]
    edges = sum(_slack(meter, seen, best) for seen in paths if seen.ray.sharp)
    wrong = sum(error for _, error in rests) + edges + len(paths) * exp(-effort.depth)
    return _summed(integrate(meter, Panels.joined(parts), best, effort), sum(rest for rest, _ in rests), wrong, best)


def _looked(meter: Meter, land: Landscape, support: Interval, hint: float, effort: Effort) -> list[Seen]:
    """Energies along the rays from all peaks and edges; a look that shows another peak is repeated."""
    found: list[Break] = []
    paths: list[Seen] = []
    for _ in range(LOOKS):
        land = explore(meter, land, effort)
        before, found = found, breaks(meter, land, support, hint)
        if len(found) == len(before) or (before and meter.spent):
            break
        paths, more = look(meter, rays(meter, land, found), effort)
        land = land.joined(more.x, more.energy)
    return paths


def judged_tail(meter: Meter, land: Landscape, sign: float) -> End:
    """The tail toward an infinity, if its mass is finite.

    Raises:
        Trouble: if it is not, or if that cannot be told.
    """
    end = tail(meter, land, sign)
    if end.fate is Fate.FINITE:
        return end
    status = Status.DIVERGENT if end.fate is Fate.INFINITE else Status.UNDECIDED
    raise Trouble(status, f"toward {'+' if sign > 0 else '-'}inf")


def _pole(meter: Meter, seen: Seen, best: float) -> End:
    """The mass closer to a centre than the first distance, where the energy is not smooth.

    A fall that gets slower toward the centre is no pole but a peak, and if that is not over within the first
    floats, it is one that floats cannot show.
    """
    end = seen.toward_centre(best)
    if end.fate is Fate.FINITE:
        return end
    coarse = isfinite(seen.at) and meter.spacing(seen.ray.centre) > 1 / meter.reach
    unknown = Status.UNRESOLVED if coarse else Status.UNDECIDED
    raise Trouble(Status.DIVERGENT if end.fate is Fate.INFINITE else unknown, f"at x = {seen.ray.centre:g}")


def _stretches(seen: Seen, best: float, effort: Effort) -> Panels:
    """The panels along a ray that count, and their neighbours."""
    ends = np.linspace(log(seen.ray.first), log(seen.ray.last), 1 + (seen.m.size - 1) // effort.looks)
    tops = np.lib.stride_tricks.sliding_window_view(seen.m, effort.looks + 1)[:: effort.looks].max(axis=1)
    high = np.pad(tops >= best - effort.depth, 1)
    wanted = high[1:-1] | high[:-2] | high[2:]
    return _of(seen, ends[:-1][wanted], ends[1:][wanted], logarithmic=True)


def _core(seen: Seen) -> Panels:
    return _of(seen, np.zeros(1), np.array([seen.ray.first]), logarithmic=False)


def _of(seen: Seen, low: np.ndarray, high: np.ndarray, *, logarithmic: bool) -> Panels:
    size = low.size
    return Panels(np.full(size, seen.ray.centre), np.full(size, seen.ray.sign), np.full(size, logarithmic), low, high)


def _slack(meter: Meter, seen: Seen, best: float) -> float:
    """The mass of two spacings at an edge found by bisection, as a multiple of exp(best)."""
    height = exp(min(-seen.at - best, RELEVANT)) if isfinite(seen.at) else 0.0
    return 2 * height * float(meter.spacing(seen.ray.centre))


def _summed(found: Integral, rest: float, wrong: float, best: float) -> tuple[float, float]:
    """The logarithm of the whole and its bound."""
    value = found.value + rest
    share = (found.error + found.noise + wrong) / value if value > 0 else inf
    if not share < HALF:
        raise Trouble(Status.UNDECIDED, "the integral is known to no digit")
    return log(value) + best, -log1p(-share) + 4 * float(np.finfo(np.float64).eps) * (1 + abs(best))
