"""Which distribution function the bins of a loss are differences of, how wide they are, and what a nat is worth.

The width of a bin and the scale are two unknowns, the weight of the whole a third; where the loss holds its scale as a
number, its constant is read off the open first bin, or taken to be 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.bins import SHAPES
from elbocheck.probing.bin_points import Seen
from elbocheck.probing.curves import Grid
from elbocheck.probing.edges import FAR, Curve, Edges
from elbocheck.probing.fit import Fit, Model, Shapes, scanned, shaped
from elbocheck.probing.probe import spread_of
from elbocheck.probing.residuals import SCALE_KINDS
from elbocheck.roles import Role

__all__ = ["Found", "explained"]

RARE = 9.0
"""Nats: a rarer bin is a difference of few digits, or held by a guard."""
COMMON = 3.5
"""The same where the guard is not known yet."""
GUESSED = np.geomspace(2.0**-14, 2.0**4, 28)
"""Scales to try where the loss holds one."""
WIDTHS = np.geomspace(2.0**-10, 2.0, 23)


@dataclass(frozen=True)
class Held:
    """A guard inside the logarithm: epsilon added to a probability, or the least that it may be.

    Attributes:
        epsilon: how much; 0 where there is none.
        added: to the probability, else its least value.
    """

    epsilon: float = 0.0
    added: bool = True

    def __call__(self, energy: Array) -> Array:
        """Return -log of a probability that is held, from -log of one that is not."""
        if not self.epsilon:
            return energy
        level = -log(self.epsilon)
        return -np.logaddexp(-energy, -level) if self.added else np.minimum(energy, level)


@dataclass(frozen=True)
class Reading:
    """What values may be.

    Attributes:
        shape: the distribution function.
        kind: how the learned scale is read; None where there is none.
        fixed: the constant is known.
        held: the guard.
        rare: what a bin may cost that is believed.
    """

    shape: str
    kind: str | None
    fixed: bool
    held: Held = Held()
    rare: float = RARE


@dataclass(frozen=True)
class Found:
    """A reading of the probes.

    Attributes:
        reading: what was fitted.
        width: of a bin.
        factor: of the scale.
        fit: its first coefficient is the weight, the second, if there is one, the constant.
        error: relative uncertainty of width and factor.
        held: the guard that the values show.
        constant: what was known of it, turned over as the values are.
        slack: nats beyond rounding that were needed.
    """

    reading: Reading
    width: float
    factor: float
    fit: Fit
    error: float
    held: Held = Held()
    constant: float = 0.0
    slack: float = 0.0


def _readings(curve: Curve) -> Iterator[tuple[str, str | None]]:
    """Yield distribution functions and ways to read a learned scale, that of its name first."""
    kinds: list[str | None] = [None]
    if curve.scale is not None:
        kinds = [curve.scale.value, *(k for k in SCALE_KINDS if k != curve.scale.value)]
    for kind in kinds:
        for shape in SHAPES:
            yield shape, kind


def explained(curve: Curve, edges: Edges, seen: Seen, *, fixed: bool) -> Found | None:
    """Return the first reading that explains the values to rounding, with the guard that they show."""
    guarded = _level(curve, edges) is not None
    starts: dict[Reading, tuple[Shapes, Fit] | None] = {}
    for slack, rare in TRIED if guarded else UNGUARDED:
        for shape, kind in _readings(curve):
            reading = Reading(shape, kind, fixed, rare=rare)
            if reading not in starts:
                starts[reading] = _similar(edges, seen, reading)
            found = _finished(curve, edges, seen, reading, slack, starts[reading])
            if found is not None:
                held = held_at(curve, edges, found)
                return _closer(curve, edges, seen, replace(found, held=held)) if slack else replace(found, held=held)
    return None


UNGUARDED = tuple((slack, RARE) for slack in budget.GUARDS)
TRIED = (*UNGUARDED, *((slack, COMMON) for slack in budget.GUARDS))
"""Slacks in nats, and what a bin may cost: a guard that nothing has told yet bends a fit to rare bins."""


def _closer(curve: Curve, edges: Edges, seen: Seen, rough: Found) -> Found:
    """Return the reading with the guard that makes it fit to rounding, where there is one."""
    best = rough
    for added in (True, False):
        found = rough
        for _ in range(REFINED):
            held = replace(found.held, added=added)
            reading = replace(rough.reading, held=held, rare=RARE)
            start = _similar(edges, seen, reading)
            tried = (_finished(curve, edges, seen, reading, slack, start) for slack in budget.GUARDS)
            closer = next((one for one in tried if one is not None), None)
            if closer is None:
                break
            found = replace(closer, held=replace(held_at(curve, edges, closer), added=added))
        best = min(best, found, key=lambda one: one.error)
    return best


REFINED = 3


def _model(edges: Edges, seen: Seen, reading: Reading) -> Model:
    shape, kind, held = SHAPES[reading.shape], reading.kind, reading.held
    scale = np.ones_like(seen.off) if kind is None else spread_of(Role(kind), seen.scale)
    halves = 0.0 if edges.width is None else 2 * edges.offset / edges.width

    def parts(width: float | Array, factor: float | Array) -> tuple[Array, ...]:
        middle, spread = halves * width / 2 - seen.off, factor * scale
        with np.errstate(all="ignore"):
            low, high = (middle - width / 2) / spread, (middle + width / 2) / spread
            inner = shape.bin(low, high)
            return (held(np.where(seen.tail, shape.tail(high), inner) if seen.tail.any() else inner),)

    free = np.ones((seen.off.size, 0 if reading.fixed else 1))
    return Model(parts, [], free, (Grid("width", WIDTHS), Grid("factor", GUESSED)))


def _similar(edges: Edges, seen: Seen, reading: Reading) -> tuple[Shapes, Fit] | None:
    """Return a rough fit of one reading, from the width that was seen and a factor of 1, or from a scan of both."""
    lowest = 0.0 if reading.fixed else float(np.min(seen.value))
    for rise in [edges.rise] if edges.rise else _rises(seen):
        some = seen.keep(np.abs(seen.value - lowest) < reading.rare * rise)
        if np.count_nonzero(~some.tail) < MINIMUM:
            continue
        model = _model(edges, some, reading)
        rough = np.abs(some.value - lowest) + rise / 8
        starts = [(edges.width, 1.0)] if edges.width is not None else scanned(model, some.value, rough)
        shapes, fit = min((shaped(model, some.value, rough, start) for start in starts), key=lambda one: one[1].misfit)
        if fit.residual < SIMILAR and fit.coefficients[0] > 0:
            return shapes, fit
    return None


def _rises(seen: Seen) -> Array:
    """Return what a nat may be worth: rare bins are held by a guard or underflow at 12 to 40 nats, or grow on."""
    return float(np.max(np.abs(seen.value), initial=0.0)) * 2.0 ** -np.arange(2.0, 14.0, 1.5)


def _finished(
    curve: Curve, edges: Edges, seen: Seen, reading: Reading, slack: float, start: tuple[Shapes, Fit] | None
) -> Found | None:
    """Return the fit of all bins that are not rare, where it explains them to rounding and a slack in nats."""
    if start is None:
        return None
    shapes, fit = start
    lowest = 0.0 if reading.fixed else float(np.min(seen.value))
    some = seen.keep(np.abs(seen.value - lowest) < reading.rare * float(fit.coefficients[0]))
    if np.count_nonzero(~some.tail) < MINIMUM:
        return None
    model = _model(edges, some, reading)
    for _ in range(3):
        noise = _noise(curve, edges, some, model, shapes, fit) + slack * abs(float(fit.coefficients[0]))
        shapes, fit = shaped(model, some.value, noise, shapes)
    error = model.uncertainty(shapes, fit, noise)[1]
    if error > UNKNOWN or not fit.explains or not fit.coefficients[0] > 4 * fit.errors[0]:
        return None
    return Found(reading, shapes[0], shapes[1], fit, error, constant=seen.constant, slack=slack)


UNKNOWN = 1e-2
"""A width that is known no better tells no levels: bins far below a fixed scale are a density times any width."""
MINIMUM = 12
SIMILAR = 0.5


def _noise(curve: Curve, edges: Edges, seen: Seen, model: Model, shapes: Shapes, fit: Fit) -> Array:
    """Return the rounding to expect: of the sum, and of a difference of two numbers up to 1 at rounded arguments."""
    weight, energy = abs(float(fit.coefficients[0])), np.asarray(model.parts(*shapes)[0])
    eps, probable = float(np.finfo(curve.probe.dtype).eps), np.exp(-np.minimum(energy, RARE + 3))
    nearer = (shapes[0], shapes[1] * 1.001)
    steep = np.abs(np.asarray(model.parts(*nearer)[0]) - energy) / 1e-3
    size = (abs(edges.level) + np.abs(seen.off) + shapes[0]) / np.minimum(np.abs(seen.off) + shapes[0], 1e9)
    inner = weight * eps * (ROUNDINGS / probable + (ROUNDINGS + np.abs(seen.scale) + size) * (1 + steep))
    return np.asarray(curve.probe.noise(seen.value, weight * energy, weight) + inner)


ROUNDINGS = 8.0
"""Of two distribution functions, in units of 1, and of their arguments."""


def held_at(curve: Curve, edges: Edges, found: Found) -> Held:
    """Return the guard at which the loss of an impossible datum stops to grow."""
    level = _level(curve, edges)
    if level is None:
        return Held()
    known = found.fit.coefficients[1] if not found.reading.fixed else found.constant
    return Held(exp(-min((edges.sign * level - known) / float(found.fit.coefficients[0]), 700.0)))


def _level(curve: Curve, edges: Edges) -> float | None:
    """Return the loss of an impossible datum where it stops to grow; None where it does not."""
    far = curve(edges.level, np.array([-FAR, 4 * FAR]))
    if not np.all(np.isfinite(far)) or abs(far[1] - far[0]) > float(np.max(curve.probe.noise(far))) + curve.probe.floor:
        return None
    return float(far[0])
