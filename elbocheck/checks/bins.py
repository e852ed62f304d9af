"""Likelihoods of data on a grid: what their bins add up to, and where they leave the family that they are called by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.bins import SHAPES, Bins
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.probing.edges import Curve
from elbocheck.probing.probe import Probe, argument_of
from elbocheck.roles import Role
from elbocheck.verdict import Finding, Outcome

CODES = ("ELB411", "ELB412", "ELB502", "ELB505")


def run(case: Case) -> Iterator[Finding]:
    """Name what is wrong with the bins."""
    r = case.anatomy.reconstruction
    assert r is not None
    assert r.bins is not None
    yield from _mass(case, r.bins)
    exact = _swept(case.probe, case, r, r.bins)
    yield from _approximate(r.bins, exact)
    usual = exact if case.working is case.probe else _swept(case.working, case, r, r.bins)
    yield from _underflow(case, r.bins, usual)
    yield from _guarded(r.bins, exact)


def _mass(case: Case, bins: Bins) -> Iterator[Finding]:
    """Yield what the levels add up to, where that is not 1."""
    worst = bins.worst
    if worst is None:
        return
    over = worst.mass > 1
    where = f"{case.names.get(case.prediction.value, case.prediction.value)} = {worst.prediction:.6g}"
    where += "" if worst.scale is None else f" and a scale of {worst.scale:.6g}"
    levels = f"the {bins.levels} levels from {bins.low:g} to {bins.high:g}" if bins.levels else "all integers"
    meaning = (
        "more than a density may have" if over else "the rest is lost beyond the first and the last bin or between bins"
    )
    yield finding(
        "ELB411",
        f"Over {levels} exp(-loss) adds up to {number(worst.mass)} at {where}: {meaning}.",
        Outcome.FAIL if over else Outcome.WARN,
        where,
    )


@dataclass(frozen=True)
class Swept:
    """One level's bin, from the middle to far predictions on both sides, at several scales: arrays of shape (points,).

    Attributes:
        away: the prediction less the middle of the bin.
        spread: the scale.
        cost: what the loss says, in nats.
        own: what its own distribution function says, without a guard.
        truth: what the family's says.
        lost: what rounding two numbers near 1 may move the cost by.
    """

    away: Array
    spread: Array
    cost: Array
    own: Array
    truth: Array
    lost: Array

    def shown(self, place: int) -> str:
        """Return where a point lies."""
        side = "below" if self.away[place] < 0 else "above"
        far = abs(self.away[place] / self.spread[place])
        return f"a prediction {far:.3g} scales {side} the datum, at a scale of {self.spread[place]:.3g}"


AWAY = np.array([0.0, 0.5, 1, 2, 3, 4, 5, 5.5, 6, 7, 8, 10, 12, 15, 18, 22, 28, 34, 40, 50, 70])
SPREADS = (0.25, 1.0, 8.0, 32.0)
"""Over the width of a bin."""
WIDEST = 256.0
"""Bins that usual data span: a prediction is not farther off."""


def _swept(probe: Probe, case: Case, r: Reconstruction, bins: Bins) -> Swept:
    curve = Curve.of(probe, r.role)
    spreads = np.array([bins.factor])
    scales = np.array([curve.usual])
    if r.scale_as is not None:
        spreads = bins.width * np.array(SPREADS)
        scales = probe.cast(argument_of(Role(r.scale_as), 2 * np.log(spreads / bins.factor)))
    u = np.concatenate([AWAY, -AWAY[1:]])
    spread, scale = np.repeat(spreads, u.size), np.repeat(scales, u.size)
    away = np.tile(u, spreads.size) * spread
    near = np.abs(away) <= WIDEST * bins.width
    away, spread, scale = away[near], spread[near], scale[near]
    level = float(probe.cast(np.array(bins.inside)))
    loc = probe.cast(level + bins.offset + away)
    weight = r.weight.at(case.anatomy.sizes)
    values = curve(level, loc, scale)
    own, truth = (bins.energy(np.array(level), loc, spread, exact=exact) for exact in (False, True))
    eps = float(np.finfo(probe.dtype).eps)
    with np.errstate(over="ignore", invalid="ignore"):
        steep = 1 + np.abs(own) * (1 + (abs(level) + np.abs(loc)) / np.maximum(np.abs(away), bins.width))
        lost = LOST * eps * (np.exp(np.minimum(own, 700.0)) * (away < 0) + steep)
        cost = (values - bins.constant) / weight
    return Swept(
        away, spread, np.where(np.isnan(cost), np.inf, cost), own, truth, lost + np.asarray(probe.noise(own + 1))
    )


LOST = 16.0
"""Roundings of a difference of two distribution functions, in units of 1."""


def _approximate(bins: Bins, swept: Swept) -> Iterator[Finding]:
    """Yield bins that are off those of the family by more than guard and rounding."""
    guarded = bins.held(swept.truth)
    free = swept.own < (-log(bins.guard) - 1 if bins.guard else np.inf)
    with np.errstate(invalid="ignore"):
        off = np.where(np.isfinite(swept.cost) & free, np.abs(swept.cost - guarded), 0.0)
        off = np.where((off > budget.BIN_NATS + swept.lost) & (swept.truth < RARE), off, 0.0)
    if not np.any(off):
        return
    place = int(np.argmax(off))
    shape = SHAPES[bins.shape]
    called = SHAPES[shape.stands_for] if shape.stands_for else shape
    fix: str | None
    why, fix = _RARELY, "Compute rare bins too as differences, factored so that nothing cancels:\n" + _FACTORED
    if shape.stands_for:
        why, fix = f"its distribution function is {shape.words}, not {called.words}", None
    yield finding(
        "ELB412",
        f"With {swept.shown(place)}, a bin costs {number(float(swept.cost[place]))} nats, where {called.words} gives "
        f"{number(float(swept.truth[place]))}: {why}.",
        Outcome.WARN,
        swept.shown(place),
        fix,
    )


FAR = 100.0
"""Nats of a bin that an untrained model meets: infinity there ends the training."""
RARE = 40.0
"""Nats: rarer bins are nobody's data."""
_FACTORED = "    log_prob = -softplus(-b) - softplus(a) + log1mexp(b - a)     # logistic, from a to b"
_RARELY = "rare bins are computed in another way"


def _underflow(case: Case, bins: Bins, swept: Swept) -> Iterator[Finding]:
    """Yield a bin whose probability rounds to 0 before it is small."""
    held = bins.held(swept.own)
    bad = ~np.isfinite(swept.cost) & np.isfinite(swept.truth)
    flat = np.zeros_like(bad)
    if bins.guard:
        level = -log(bins.guard)
        flat = (np.abs(swept.cost - level) < budget.BIN_NATS) & (held < level - 1)
    places = np.flatnonzero(bad) if bad.any() else np.flatnonzero(flat)
    if not places.size:
        return
    place = int(places[np.argmin(swept.own[places])])
    cost = "infinite" if bad.any() else f"{number(float(swept.cost[place]))} nats"
    yield finding(
        "ELB505",
        f"With {swept.shown(place)}, a bin's cost is {cost} in {case.working.dtype.name}, where the truth is "
        f"{number(float(swept.truth[place]))}: two values of the distribution function are the same number.",
        Outcome.FAIL if bad.any() and swept.truth[place] < FAR else Outcome.WARN,
        swept.shown(place),
    )


def _guarded(bins: Bins, swept: Swept) -> Iterator[Finding]:
    """Yield the level at which a guard holds the cost of rare bins."""
    if not bins.guard:
        return
    level = -log(bins.guard)
    past = np.flatnonzero((np.abs(swept.cost - level) < budget.BIN_NATS) & (swept.own > level + 1))
    if not past.size:
        return
    place = int(past[np.argmin(swept.own[past])])
    yield finding(
        "ELB502",
        f"No bin costs more than {number(level)} nats: {bins.guard:.3g} beside its probability holds it, so farther "
        f"predictions get no gradient ({swept.shown(place)} should cost {number(float(swept.truth[place]))}).",
        Outcome.NOTE,
        swept.shown(place),
        "Compute the logarithm of the difference without a guard:\n" + _FACTORED,
    )


def skipped(case: Case) -> Skip | None:
    """Skip where the likelihood has no bins."""
    r = case.anatomy.reconstruction
    return None if r is not None and r.bins is not None else Skip("the likelihood is none of data on a grid")


CHECK = Check("bins", CODES, run, skipped)
