"""Which distribution function the bins of a loss are differences of, how wide they are, and what a nat is worth.

The width of a bin and the scale are two unknowns, the weight of the whole a third; where the loss holds its scale as a
number, its constant is read off the open first bin, or taken to be 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from math import exp, hypot, log, log1p, sqrt

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.bins import SHAPES
from elbocheck.probing.bin_model import COMMON, DEEP, LEVELS, RARE, Reading, Start, believed, lowest, model, noise
from elbocheck.probing.bin_points import Seen, denser
from elbocheck.probing.edges import Curve, Edges
from elbocheck.probing.fit import Fit, Model, Shapes, followed, linear, scanned, shaped
from elbocheck.probing.residuals import SCALE_KINDS

__all__ = ["Found", "Search"]


@dataclass(frozen=True)
class Found:
    """A reading of the probes.

    Attributes:
        reading: what was fitted.
        width: of a bin.
        factor: of the scale.
        weight: nats in the loss's unit.
        weight_error: how far the noise can have moved it.
        error: relative uncertainty of width and factor.
        guard: epsilon beside the probability; 0 where there is none.
        constant: of the loss, turned over as the values are.
        constant_error: how far the noise can have moved it.
        scatter: of the values about the fit, in units of the worst rounding.
        slack: nats beyond rounding that were needed.
    """

    reading: Reading
    width: float
    factor: float
    weight: float
    weight_error: float
    error: float
    guard: float
    constant: float
    constant_error: float
    scatter: float
    slack: float

    @property
    def known(self) -> bool:
        """Whether width and weight are."""
        return self.error < UNKNOWN and self.weight > 4 * self.weight_error

    def agrees(self, other: Found) -> bool:
        """Tell whether width and factor are another reading's, to what both know of them."""
        apart = max(abs(log(self.width / other.width)), abs(log(self.factor / other.factor)))
        return apart <= self.error + other.error


def _readings(curve: Curve) -> Iterator[tuple[str, str | None]]:
    """Yield distribution functions and ways to read a learned scale, that of its name first."""
    kinds: list[str | None] = [None]
    if curve.scale is not None:
        kinds = [curve.scale.value, *(k for k in SCALE_KINDS if k != curve.scale.value)]
    for kind in kinds:
        for shape in SHAPES:
            yield shape, kind


@dataclass(frozen=True)
class Search:
    """The readings that the probes of a loss are tried against.

    Attributes:
        curve: the loss.
        edges: the bin.
        seen: the probes.
        fixed: the constant is known.
    """

    curve: Curve
    edges: Edges
    seen: Seen
    fixed: bool
    _rough: dict[tuple[str, str | None, float], list[Start]] = field(default_factory=dict)

    def explained(self, *, exactly: bool) -> Found | None:
        """Return the first reading that explains the values to rounding, or `exactly` unsaid nearly so, with its guard."""
        guarded = bool(self.seen.far.any())
        for rare, slack in EXACT if exactly else NEARLY if guarded else NEARLY[:PLAIN]:
            for shape, kind in _readings(self.curve):
                found = self._nearest(Reading(shape, kind, self.fixed, guarded or None, rare), slack)
                if found is not None and (found := _deeper(self.curve, self.edges, self.seen, found)).known:
                    return found
        return None

    def _nearest(self, reading: Reading, slack: float) -> Found | None:
        return _nearest(self.curve, self.edges, self.seen, reading, slack, self._starts(reading))

    def _starts(self, reading: Reading) -> list[Start]:
        """Return rough fits; a family's shapes are alike."""
        alike = (SHAPES[reading.shape].family, reading.kind, reading.rare)
        if alike not in self._rough:
            self._rough[alike] = list(islice(_starts(self.edges, self.seen, reading), STARTS))
        return self._rough[alike]


EXACT = ((RARE, budget.GUARDS[0]),)
"""What a bin may cost that is believed, and nats beyond rounding."""
NEARLY = (*((RARE, slack) for slack in budget.GUARDS[1:]), *((COMMON, slack) for slack in budget.GUARDS))
PLAIN = len(budget.GUARDS) - 1
"""The first of these, where no guard bends rare bins."""
STARTS, SCANNED, ROUGH = 3, 2, 120
"""Rough fits that are tried, places of a scan that each is the better of, and points that it is made on."""


def _nearest(
    curve: Curve, edges: Edges, seen: Seen, reading: Reading, slack: float, starts: list[Start]
) -> Found | None:
    """Return the fit of one reading, with the kind of guard that is nearer."""
    best: Found | None = None
    for added in (None,) if reading.added is None else (True, False):
        tried = (_finished(curve, edges, seen, replace(reading, added=added), slack, start) for start in starts)
        found = next((one for one in tried if one is not None), None)
        if found is not None and (best is None or found.scatter < best.scatter):
            best = found
    return best


def _deeper(curve: Curve, edges: Edges, seen: Seen, found: Found) -> Found:
    """Return a fit of rare bins too where that tells more: distribution functions often keep the digits of small values."""
    if found.error < budget.ratio_error(curve.probe.dtype):
        return found
    if found.error > UNKNOWN / 8 and curve.scale is None:
        seen = denser(curve, edges, seen, found.factor)
    best = found
    for reading in _deeper_readings(seen, found):
        start = ((best.width, best.factor), best.weight)
        deep = _nearest(curve, edges, seen, reading, 0.0, [start])
        if deep is None or not deep.agrees(best):  # digits were lost after all
            break
        best = min(best, deep, key=lambda one: one.error)
    return best


def _deeper_readings(seen: Seen, found: Found) -> Iterator[Reading]:
    """Yield readings that believe rarer bins, where these are enough to show whether they keep their digits."""
    count = believed(seen, found.reading, found.weight).off.size
    for nats in DEEP:
        reading = replace(found.reading, deep=nats)
        deeper = believed(seen, reading, found.weight).off.size
        if deeper - count >= MINIMUM:
            count = deeper
            yield reading


def _starts(edges: Edges, seen: Seen, reading: Reading) -> Iterator[Start]:
    """Yield width, factor and weight of rough fits, from the width that was seen and a factor of 1, or a scan of both."""
    least = lowest(seen, reading)
    for rise in [edges.rise] if edges.rise else _rises(seen):
        some = believed(seen, reading, rise)
        level = some.value[some.far] - least
        some = some.keep(~some.far).thinned(ROUGH)
        nats = float(level[0]) / rise if level.size else np.inf
        if np.count_nonzero(~(some.tail | some.counted)) < MINIMUM or LEVELS[1] < nats < np.inf:
            continue
        bins = model(edges, some, reading, nats=nats)
        rough = np.abs(some.value - least) + rise / 8
        starts = [(edges.width, 1.0)] if edges.width is not None else scanned(bins, some.value, rough)[:SCANNED]
        shapes, fit = min((shaped(bins, some.value, rough, start) for start in starts), key=lambda one: one[1].misfit)
        weight = float(fit.coefficients[0])
        if fit.residual < SIMILAR and weight > 0 and (edges.rise or rise / ALIKE < weight < rise * ALIKE):
            yield shapes, weight


def _rises(seen: Seen) -> Array:
    """Return what a nat may be worth: rare bins are held by a guard or underflow at 12 to 40 nats, or grow on."""
    return float(np.max(np.abs(seen.value), initial=0.0)) * 2.0 ** -np.arange(2.0, 14.0, 1.5)


def _finished(curve: Curve, edges: Edges, seen: Seen, reading: Reading, slack: float, start: Start) -> Found | None:
    """Return the fit of all bins that are not rare, where it explains them to rounding and a slack in nats."""
    shapes, weight = start
    if reading.added is not None:
        level = float(seen.value[seen.far][0]) - lowest(seen, reading)
        shapes = (*shapes, float(np.clip(level / weight, *LEVELS)))
    valley = reading.kind is None and not seen.open and not slack
    fitted = partial(followed, leader=FACTOR) if valley else shaped
    some = believed(seen, reading, weight)
    for turn in range(TURNS):
        if np.count_nonzero(~(some.tail | some.far | some.counted)) < MINIMUM:
            return None
        bins = model(edges, some, reading)
        rounding = noise(curve, edges, some, reading, (shapes, weight)) + np.where(some.far, 0.0, slack * weight)
        shapes, fit = fitted(bins, some.value, rounding, shapes)
        weight = _weight(shapes, fit)
        if not weight > 0:
            return None
        before, some = some, believed(seen, reading, weight)
        if turn and some.off.size == before.off.size:
            break
    if not fit.explains:
        return None
    return _told(before, reading, bins, (shapes, fit), rounding, slack, float(np.finfo(curve.probe.dtype).eps))


TURNS = 3
"""What is believed depends on the weight, and its noise on the shapes."""


def _weight(shapes: Shapes, fit: Fit) -> float:
    return float(fit.coefficients[0]) / (shapes[2] if len(shapes) > 2 else 1.0)


def _told(
    seen: Seen, reading: Reading, bins: Model, fitted: tuple[Shapes, Fit], rounding: Array, slack: float, eps: float
) -> Found:
    """Return what a fit says, with how far the noise can have moved it."""
    shapes, fit = fitted
    whole = np.column_stack([bins.columns(shapes), bins.tangents(shapes, fit.coefficients)])
    scatter = fit.misfit / sqrt(len(whole) - whole.shape[1])
    worst = linear(whole, np.zeros(len(whole)), rounding).errors
    errors = worst if slack else worst * min(budget.BIN_SCATTER * scatter, 1.0)
    wider = whole[:, len(fit.coefficients)] * np.abs(seen.off) * eps / shapes[0]
    errors = np.hypot(errors, _drifts(whole, rounding, wider, seen.off))
    weight, first = _weight(shapes, fit), len(fit.coefficients)
    loose = float(hypot(errors[0] / fit.coefficients[0], *errors[first + 2 :])) * weight
    error = float(np.max(errors[first : first + 2])) if _resolved(whole / rounding[:, None]) else np.inf
    guard = exp(-shapes[2]) if reading.added is not None else 0.0
    over = weight * log1p(guard) if seen.open and reading.added else 0.0
    return Found(
        reading,
        shapes[0],
        shapes[1],
        weight,
        loose,
        error,
        guard,
        seen.constant + over if reading.fixed else float(fit.coefficients[1]),
        over * loose / weight if reading.fixed else float(errors[1]),
        scatter,
        slack,
    )


def _drifts(columns: Array, noise: Array, wider: Array, off: Array) -> Array:
    """Return how far numbers move by the rounding of a bin's ends: it is no noise, but one for all distances of a binade."""
    binades = np.frexp(off)[1]
    moved = [linear(columns, np.where(binades == one, wider, 0.0), noise).coefficients for one in np.unique(binades)]
    return np.asarray(np.linalg.norm(moved, axis=0))


def _resolved(columns: Array) -> bool:
    """Tell whether no column is a sum of others to what the rounding of a difference quotient leaves of it."""
    norms = np.linalg.norm(columns, axis=0)
    if not np.all((norms > 0) & (norms < np.inf)):  # nothing moves the values by it
        return False
    return bool(np.linalg.svd(columns / norms, compute_uv=False)[-1] > RESOLVED)


FACTOR = 1
"""Bins far below a fixed scale are a density times their width: of a normal one a parabola, whose weight, scale and constant
three numbers tell; only the fourth power of width over scale tells them apart. This shape leads along that valley."""
RESOLVED = 1e-10
"""Quotients over a step of 1e-4 are known to 1e-12 a nat, and bins cost ten."""
UNKNOWN = 1e-2
"""A width that is known no better tells no levels: bins far below a fixed scale are a density times any width."""
MINIMUM = 12
SIMILAR = 0.5
ALIKE = 2.0
"""A fit of the bins of less than some nats is about these if it finds that a nat is worth about what was assumed."""
