"""A likelihood of data on a grid: which distribution function its bins are differences of, how wide they are, and its weight.

The width of a bin and the scale are two unknowns, the weight of the whole a third; where the loss holds its scale as a
number, its constant is read off the open first bin, or taken to be 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import exp, isclose, log

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.bins import SHAPES, Bins
from elbocheck.probing.curves import Grid
from elbocheck.probing.edges import FAR, Curve, Edges, box, inside, opened
from elbocheck.probing.fit import Fit, Model, Shapes, scanned, shaped
from elbocheck.probing.probe import Probe, argument_of, spread_of
from elbocheck.probing.reduction import weigh
from elbocheck.probing.residuals import SCALE_KINDS
from elbocheck.roles import Role
from elbocheck.shapes import Layout

__all__ = ["read"]

SCALES = (0.6, 1.0, 2.0, 5.0, 15.0, 50.0)
"""Over half a width: the bins are seen from as one that has all the mass to one among many."""
AWAY = (0.0, 0.3, 0.7, 1.2, 2.0, 3.0, 5.0, 9.0, 16.0, 40.0, 90.0)
"""Predictions, over half a width off the middle of a bin."""
RARE = 9.0
"""Nats: a rarer bin is a difference of few digits, or held by a guard."""
GUESSED = np.geomspace(2.0**-14, 2.0**4, 28)
"""Scales to try where the loss holds one."""
WIDTHS = np.geomspace(2.0**-10, 2.0, 23)
ENDS = ((-1.0, 1.0), (0.0, 1.0), (-0.5, 0.5), (0.0, 255.0))
"""First and last level of usual data."""


@dataclass(frozen=True)
class Seen:
    """Probes of one level: arrays of shape (points,).

    Attributes:
        off: the prediction less the level.
        scale: the learned scale argument.
        value: the loss, turned over where it is to be maximised, less its known constant.
        constant: that one.
    """

    off: Array
    scale: Array
    value: Array
    constant: float


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
    """

    shape: str
    kind: str | None
    fixed: bool
    held: Held = Held()


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
    """

    reading: Reading
    width: float
    factor: float
    fit: Fit
    error: float
    held: Held = Held()
    constant: float = 0.0


def read(probe: Probe, role: Role, axes: tuple[str, ...]) -> tuple[Reconstruction, float, float] | None:
    """Return the likelihood, the constant that is left and its error; None where the values are no such thing."""
    curve = Curve.of(probe, role)
    level = inside(curve)
    if level is None:
        return None
    edges = box(curve, level) if curve.scale is not None else level
    if edges is None:
        return None
    known = _constant(curve, edges)
    seen = _probed(curve, edges, 0.0 if known is None else known)
    found = _explained(curve, edges, seen, fixed=known is not None or curve.scale is None)
    if found is None:
        return None
    constant = known if known is not None else float(found.fit.coefficients[1]) * edges.sign if curve.scale else 0.0
    return _told(curve, edges, found, constant, axes)


def _constant(curve: Curve, edges: Edges) -> float | None:
    """Return the loss where all mass lies in an open bin; None where no usual end of the data has one."""
    for low, _ in ENDS:
        if opened(curve, low, edges.sign) == -1:
            return float(curve(low, -FAR)[0])
    return None


def _probed(curve: Curve, edges: Edges, constant: float) -> Seen:
    """Measure the energies of one level about its middle, those that are no rare bin's."""
    sides = np.array([*(-v for v in AWAY[:0:-1]), *AWAY])
    if curve.scale is None or edges.width is None:
        off = np.concatenate([s * sides / 90 for s in np.geomspace(2.0**-8, 2.0**3, 12)])
        scales = np.zeros_like(off)
    else:
        half = edges.width / 2
        spreads = np.repeat(half * np.array(SCALES), sides.size)
        off, scales = np.tile(half * sides, len(SCALES)), argument_of(curve.scale, 2 * np.log(spreads))
    locs = curve.probe.cast(edges.level + edges.offset + off)
    scales = curve.probe.cast(scales)
    values = edges.sign * (curve(curve.probe.cast(np.array(edges.level)), locs, scales) - constant)
    level = float(curve.probe.cast(np.array(edges.level)))
    kept = np.isfinite(values)
    return Seen((locs - level)[kept], scales[kept], values[kept], edges.sign * constant)


def _readings(curve: Curve) -> Iterator[tuple[str, str | None]]:
    """Yield distribution functions and ways to read a learned scale, that of its name first."""
    kinds: list[str | None] = [None]
    if curve.scale is not None:
        kinds = [curve.scale.value, *(k for k in SCALE_KINDS if k != curve.scale.value)]
    for kind in kinds:
        for shape in SHAPES:
            yield shape, kind


def _explained(curve: Curve, edges: Edges, seen: Seen, *, fixed: bool) -> Found | None:
    """Return the first reading that explains the values to rounding, with the guard that they show."""
    for slack in budget.GUARDS:
        for shape, kind in _readings(curve):
            reading = Reading(shape, kind, fixed)
            found = _fitted(curve, edges, seen, reading, slack)
            if found is not None:
                return (
                    replace(found, held=_held(curve, edges, found)) if not slack else _closer(curve, edges, seen, found)
                )
    return None


def _closer(curve: Curve, edges: Edges, seen: Seen, rough: Found) -> Found:
    """Return the reading with the guard that makes it fit to rounding, where there is one."""
    for added in (True, False):
        found: Found | None = rough
        for _ in range(REFINED):
            held = replace(_held(curve, edges, found or rough), added=added)
            found = _fitted(curve, edges, seen, replace(rough.reading, held=held), 0.0) or _fitted(
                curve, edges, seen, replace(rough.reading, held=held), budget.GUARDS[1]
            )
            if found is None:
                break
        if found is not None:
            return replace(found, held=held)
    return replace(rough, held=_held(curve, edges, rough))


REFINED = 3


def _model(edges: Edges, seen: Seen, reading: Reading) -> Model:
    shape, kind, held = SHAPES[reading.shape], reading.kind, reading.held
    scale = np.ones_like(seen.off) if kind is None else spread_of(Role(kind), seen.scale)
    halves = 0.0 if edges.width is None else 2 * edges.offset / edges.width

    def parts(width: float | Array, factor: float | Array) -> tuple[Array, ...]:
        middle, spread = halves * width / 2 - seen.off, factor * scale
        with np.errstate(all="ignore"):
            return (held(shape.bin((middle - width / 2) / spread, (middle + width / 2) / spread)),)

    free = np.ones((seen.off.size, 0 if reading.fixed else 1))
    return Model(parts, [], free, (Grid("width", WIDTHS), Grid("factor", GUESSED)))


def _fitted(curve: Curve, edges: Edges, seen: Seen, reading: Reading, slack: float) -> Found | None:
    """Fit one reading: from the width that was seen and a factor of 1, or from a scan of both."""
    fixed = reading.fixed
    rise = edges.rise or float(np.median(np.abs(seen.value)))
    lowest = 0.0 if fixed else float(np.min(seen.value))
    kept = (seen.value - lowest) / rise < RARE
    if np.count_nonzero(kept) < MINIMUM:
        return None
    some = Seen(seen.off[kept], seen.scale[kept], seen.value[kept], seen.constant)
    model = _model(edges, some, reading)
    rough = np.abs(some.value - lowest) + rise / 8
    starts = [(edges.width, 1.0)] if edges.width is not None else scanned(model, some.value, rough)
    shapes, fit = min((shaped(model, some.value, rough, start) for start in starts), key=lambda one: one[1].misfit)
    if not fit.residual < SIMILAR:
        return None
    for _ in range(2):
        noise = _noise(curve, edges, some, model, shapes, fit) + slack * abs(float(fit.coefficients[0]))
        shapes, fit = shaped(model, some.value, noise, shapes)
    if not fit.explains or not abs(fit.coefficients[0]) > 4 * fit.errors[0]:
        return None
    error = model.uncertainty(shapes, fit, noise)[1]
    return Found(reading, *shapes, fit, error, constant=seen.constant)


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


def _told(
    curve: Curve, edges: Edges, found: Found, constant: float, axes: tuple[str, ...]
) -> tuple[Reconstruction, float, float]:
    """Say what was read."""
    weight, eps = edges.sign * float(found.fit.coefficients[0]), budget.ratio_error(curve.probe.dtype)
    error = max(float(found.fit.errors[0]) / abs(weight), eps)
    factor = (
        1.0 if found.reading.kind and isclose(found.factor, 1.0, rel_tol=max(4 * found.error, eps)) else found.factor
    )
    bins = Bins(
        shape=found.reading.shape,
        width=found.width,
        error=max(found.error, eps),
        offset=edges.offset,
        inside=edges.level,
        open=False,
        factor=factor,
        constant=constant,
        guard=found.held.epsilon,
        added=found.held.added,
    )
    bins = _on_grid(curve, edges, _with_kind_of_guard(curve, bins, found, weight))
    whole = weigh(curve.probe, weight, error, _amplitude(curve, edges), axes)
    shape = {"scale": factor} if not found.reading.kind or factor != 1 else {}
    told = Reconstruction(
        curve.role,
        SHAPES[found.reading.shape].family,
        weight=whole,
        shape={**shape, **({"levels": float(bins.levels)} if bins.levels else {})},
        shape_error=bins.error,
        scale_role=curve.scale,
        scale_as=found.reading.kind,
        agreement=max(found.error, float(curve.probe.noise(1.0))),
        bins=bins,
    )
    return told, constant, float(found.fit.errors[-1]) if not bins.open else 0.0


def _amplitude(curve: Curve, edges: Edges) -> object:
    def amplitude(layout: Layout) -> float:
        far = {Role.X: edges.level, curve.role: edges.level + edges.offset + 1.0}
        return curve.probe(far, layout) - curve.probe({**far, curve.role: edges.level + edges.offset}, layout)

    return amplitude


def _held(curve: Curve, edges: Edges, found: Found) -> Held:
    """Return the guard at which the loss of an impossible datum stops to grow."""
    far = curve(edges.level, np.array([-FAR, 4 * FAR]))
    if not np.all(np.isfinite(far)) or abs(far[1] - far[0]) > float(np.max(curve.probe.noise(far))) + curve.probe.floor:
        return Held()
    known = found.fit.coefficients[1] if not found.reading.fixed else found.constant
    return Held(exp(-min((edges.sign * float(far[0]) - known) / float(found.fit.coefficients[0]), 700.0)))


def _with_kind_of_guard(curve: Curve, bins: Bins, found: Found, weight: float) -> Bins:
    """Return the bins with the guard added to a probability or as its least value, whichever the rare bins show.

    With the prediction above the datum both values of the distribution function are small and keep their digits.
    """
    if not bins.guard:
        return bins
    spread = bins.factor if curve.scale is None else 2 * bins.width
    argument = curve.usual
    if curve.scale is not None:
        argument = float(argument_of(Role(str(found.reading.kind)), 2 * np.log(np.asarray(spread / bins.factor))))
    locs = curve.probe.cast(bins.inside + bins.offset + spread * np.arange(0, 60, 0.25))
    energy = bins.energy(np.asarray(bins.inside), locs, np.asarray(spread))
    near = np.abs(energy + log(bins.guard)) < BESIDE_GUARD
    cost = (curve(bins.inside, locs, argument) - bins.constant) / weight
    off = [np.sum(np.abs(cost - replace(bins, added=added).held(energy)), where=near) for added in (True, False)]
    return replace(bins, added=bool(off[0] <= off[1]))


BESIDE_GUARD = 2.0
"""Nats between a rare bin and the guard, within which the two kinds differ by more than 0.1."""


def _on_grid(curve: Curve, edges: Edges, bins: Bins) -> Bins:
    """Return the bins with the levels that open ends, or usual data, have."""
    width = edges.rounded or bins.width
    slack = max(4 * bins.error, budget.DECLARED)
    fits = []
    for low, high in ENDS:
        count = 1 + (high - low) / width
        levels = round(count)
        if edges.rounded:
            levels = round(count - 1)
            fits.append((low, high, levels, isclose(count - 1, levels, rel_tol=slack)))
            continue
        power = 2 ** round(log(max(count, 2.0), 2))
        levels = power if abs(count - power) <= BESIDE * power else levels
        fits.append((low, high, levels, isclose(count, levels, rel_tol=slack)))
    ends = [
        (low, high, levels, exact)
        for low, high, levels, exact in fits
        if opened(curve, low, edges.sign) == -1
        and opened(curve, low + (high - low) / max(levels - 1, 1), edges.sign) == 0
        and opened(curve, high, edges.sign) == 1
        and opened(curve, high - (high - low) / max(levels - 1, 1), edges.sign) == 0
    ]
    if ends:
        low, high, levels, _ = ends[0]
        return replace(bins, open=True, low=low, step=(high - low) / (levels - 1), levels=levels)
    if opened(curve, -1e3, edges.sign) == -1 or opened(curve, 0.0, edges.sign) == -1:
        return replace(bins, open=True)
    return _closed(edges, bins, width, fits, slack)


BESIDE = 0.02
"""Of a power of two, within which a count of levels is meant to be that."""


def _closed(edges: Edges, bins: Bins, width: float, fits: list[tuple[float, float, int, bool]], slack: float) -> Bins:
    """Return bins without open ends on all integers, or on the usual levels that their width divides best."""
    if isclose(width, 1.0, rel_tol=max(slack, BESIDE)):
        return replace(bins, low=0.0, step=1.0, levels=0)
    usual = [fit for fit in fits if fit[3] and fit[2] > 1 and (fit[2] & (fit[2] - 1)) == 0]
    usual = usual or [fit for fit in fits if fit[2] == 256] or [fit for fit in fits if fit[3] and fit[2] > 1]
    if not usual:
        return bins
    low, high, levels, _ = min(usual, key=lambda fit: abs(fit[2] - 256))
    if edges.rounded:
        return replace(bins, low=low + width / 2, step=width, levels=levels)
    return replace(bins, low=low, step=(high - low) / (levels - 1), levels=levels)
