"""The mass on a run of integers: a sum where the mass is, its tail judged and, if heavy, integrated.

Far from the first integers a sum is an integral over the cells about them: the sum of f(k) from N on is the
integral of f from N - 1/2 on plus f'(N - 1/2) / 24 (Euler and Maclaurin at midpoints), f seen at integers only.
"""

from math import comb, exp, inf, isfinite, log, log1p

import numpy as np

from elbocheck.budget import MASS_NOISE, MASS_ROUNDINGS
from elbocheck.domain import Integers, Interval
from elbocheck.mass.effort import Effort
from elbocheck.mass.line import judged_tail, on_interval
from elbocheck.mass.meter import Meter, Wide
from elbocheck.mass.result import Status, Trouble
from elbocheck.mass.scan import RELEVANT, explore, scan

__all__ = ["on_integers"]

ORDERS = (6, 12)  # of differences: what the lowest leaves of a smooth energy, the higher does not
ROUGH = 1.0  # spacings of the largest energy that counts, up to which a difference is believed to be noise: beyond, it is shape


def on_integers(meter: Meter, support: Integers, hint: float, effort: Effort) -> tuple[float, float]:
    """The logarithm of the sum of exp(-energy) over integers, and its bound.

    Raises:
        Trouble: if it is infinite or not found.
    """
    if support.high - support.low < effort.terms:
        return _sum(meter, support.low, int(support.high))
    cells = Interval(support.low - 0.5, support.high + 0.5)
    land = scan(meter, cells, hint, effort)
    if support.high == inf:
        judged_tail(meter, land, 1.0)
    land = explore(meter, land, effort)
    log_masses = np.log(1 + land.x - support.low) - land.energy
    counts = np.flatnonzero(log_masses >= log_masses.max() - effort.depth)
    low, high = land.x[max(counts[0] - 1, 0)], land.x[min(counts[-1] + 1, land.x.size - 1)]
    if high - low < effort.terms:
        value, error = _sum(meter, int(low), int(high))
        return value, error + exp(-effort.depth)
    return _long(meter, support, hint, effort)


def _long(meter: Meter, support: Integers, hint: float, effort: Effort) -> tuple[float, float]:
    """The first integers summed, the rest integrated."""
    start = support.low + effort.terms // 4
    head, wrong_head = _sum(meter, support.low, start - 1)
    rest, wrong_rest = on_interval(meter, Interval(start - 0.5, support.high + 0.5), hint, effort)
    before, after = np.exp(-(meter(np.array([start - 1.0, start])) + head))
    step = (after - before) / 24  # as a multiple of the head
    curved = abs(step) * ((1 + abs(after - before) / max(after, before) * start) / start) ** 2 if step else 0.0
    whole = float(np.logaddexp(head, rest))
    share = exp(head - whole)
    error = share * (wrong_head + curved) + exp(rest - whole) * wrong_rest
    return whole + log1p(share * step), error


def _sum(meter: Meter, low: int, high: int) -> tuple[float, float]:
    """One call: the logarithm of a sum and its bound."""
    k = meter.snap(np.arange(low, high + 1, dtype=np.float64))
    energy = meter(k)
    if not isfinite(least := float(energy.min())):
        if least < 0:
            raise Trouble(Status.DIVERGENT, f"at x = {k[energy.argmin()]:g}")
        raise Trouble(Status.UNDECIDED, "nowhere finite")
    mass = np.exp(least - energy)
    total = float(mass.sum())
    spacing = meter.eps * np.abs(np.where(np.isfinite(energy), energy, 0.0))
    rough = ROUGH * spacing[mass > exp(-RELEVANT)].max()
    noise = MASS_NOISE * np.minimum(_noise(energy), rough) + MASS_ROUNDINGS * spacing
    return log(total) - least, float(mass @ noise) / total + 4 * float(np.finfo(np.float64).eps) * (1 + abs(least))


def _noise(energy: Wide) -> Wide:
    """The least that differences of some order leave at each integer."""
    noise = np.full(energy.size, np.inf)
    for order in ORDERS:
        if energy.size > 2 * order:
            with np.errstate(invalid="ignore"):
                left = np.abs(np.diff(energy, order)) / np.sqrt(comb(2 * order, order))
            padded = np.pad(left, order, mode="edge")
            windows = np.lib.stride_tricks.sliding_window_view(padded, order + 1)
            spread = np.sqrt(np.mean(windows**2, axis=1))[: energy.size]
            noise = np.fmin(noise, spread)
    return noise
