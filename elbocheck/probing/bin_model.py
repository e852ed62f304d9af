"""What bins cost that a reading names, where it is believed, and how far rounding moves it."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p

import numpy as np

from elbocheck.adapters import Array
from elbocheck.bins import SHAPES, held
from elbocheck.probing.bin_points import Seen
from elbocheck.probing.curves import Grid
from elbocheck.probing.edges import Curve, Edges
from elbocheck.probing.fit import Model, Shapes
from elbocheck.probing.probe import spread_of
from elbocheck.roles import Role

__all__ = ["COMMON", "DEEP", "LEVELS", "RARE", "Reading", "Start", "believed", "lowest", "model", "noise"]

RARE = 9.0
"""Nats: a rarer bin is a difference of few digits, or held by a guard."""
COMMON = 3.5
"""The same where something else than a guard bends rare bins."""
DEEP = (13.0, 20.0, 35.0, 60.0)
"""The same where the ends of a bin are small numbers that keep their digits: as far as they do. float32 ends at 87."""
GUESSED = np.geomspace(2.0**-14, 2.0**7, 33)
"""Scales to try where the loss holds one."""
WIDTHS = np.geomspace(2.0**-10, 2.0**3, 27)
LEVELS = np.array([0.5, 800.0])
"""Nats that a guard may let an impossible datum cost."""
ROUNDINGS = 8.0
"""Of two distribution functions, in units of 1, and of their arguments."""

Start = tuple[Shapes, float]
"""Shapes and a weight."""


@dataclass(frozen=True)
class Reading:
    """What values may be.

    Attributes:
        shape: the distribution function.
        kind: how the learned scale is read; None where there is none.
        fixed: the constant is known.
        added: a guard is added to the probability (True) or the least that it may be (False); None where none is.
        rare: what a bin may cost that is believed.
        deep: the same with the prediction above the datum: the distribution function is small, and may keep its digits.
    """

    shape: str
    kind: str | None
    fixed: bool
    added: bool | None = None
    rare: float = RARE
    deep: float = 0.0


def model(edges: Edges, seen: Seen, reading: Reading, nats: float | None = None) -> Model:
    """Return the energy of a bin as a function of its width, its scale, and of what a guard lets it cost at most.

    That last is a shape too, and the energy counted in it: the weight and the level, which are known as a product to the
    last digit, are no narrow valley then.

    Args:
        edges: the bin.
        seen: the probes.
        reading: what they may be.
        nats: what the guard lets a bin cost, where that is no shape: the energy is in nats.
    """

    def parts(width: float | Array, factor: float | Array, level: float | None = None) -> tuple[Array, ...]:
        most = nats if level is None else level
        energy = _energy(edges, seen, reading, (width, factor, np.inf if most is None else most))[0]
        return (energy if level is None else energy / level,)

    free = np.ones((seen.off.size, 0 if reading.fixed else 1))
    guard = (Grid("level", LEVELS),) if reading.added is not None and nats is None else ()
    return Model(parts, [], free, (Grid("width", WIDTHS), Grid("factor", GUESSED), *guard))


def _energy(
    edges: Edges, seen: Seen, reading: Reading, shapes: tuple[float | Array, float | Array, float]
) -> tuple[Array, Array]:
    """Return what bins cost of a width, a scale and a guard that lets them cost so much; and -log F of their upper ends."""
    (width, factor, most), shape = shapes, SHAPES[reading.shape]
    scale = np.ones_like(seen.off) if reading.kind is None else spread_of(Role(reading.kind), seen.scale)
    halves = 0.0 if edges.width is None else 2 * edges.offset / edges.width
    middle, spread = halves * width / 2 - seen.off, factor * scale
    with np.errstate(all="ignore"):
        low, high = (middle - width / 2) / spread, (middle + width / 2) / spread
        energy = shape.bin(low, high)
        top = shape.tail(high) if reading.deep or seen.tail.any() else np.zeros_like(energy)
        energy = np.where(seen.counted, -np.log(seen.probability), np.where(seen.tail, top, energy))
        if reading.added is not None:
            energy = held(energy, exp(-most), added=reading.added)
        if reading.added and seen.open:  # the known constant is that of a probability of 1, and the guard
            energy = energy + log1p(exp(-most))
    return np.asarray(energy), top


def lowest(seen: Seen, reading: Reading) -> float:
    """Return what a bin of all the mass costs, or the most that is known of it."""
    return 0.0 if reading.fixed else float(np.min(seen.value))


def believed(seen: Seen, reading: Reading, weight: float) -> Seen:
    """Return the probes of bins that are not rare, or whose probability is known, and that of an impossible datum."""
    most = np.where(seen.off > 0, max(reading.deep, reading.rare), reading.rare) * weight
    return seen.keep((np.abs(seen.value - lowest(seen, reading)) < most) | seen.far | seen.counted)


def noise(curve: Curve, edges: Edges, seen: Seen, reading: Reading, start: Start) -> Array:
    """Return the rounding to expect: of the sum, and of a difference of two numbers at rounded arguments.

    Nothing cancels for an impossible datum, of which the guard is left, nor in a count.
    """
    shapes, weight = start
    width, factor, nats = (*shapes, np.inf)[:3]
    energy, top = _energy(edges, seen, reading, (width, factor, nats))
    nearer = _energy(edges, seen, reading, (width, factor * 1.001, nats))[0]
    steep, eps = np.abs(nearer - energy) / 1e-3, float(np.finfo(curve.probe.dtype).eps)
    cancelled = ROUNDINGS / np.exp(-np.minimum(energy, RARE + 3))
    if reading.deep:
        with np.errstate(over="ignore"):  # of a bin whose digits are all gone nothing is known
            cancelled = np.where(seen.off > 0, (ROUNDINGS + steep) * np.exp(energy - top), cancelled)
    size = (abs(edges.level) + np.abs(seen.off) + width) / np.minimum(np.abs(seen.off) + width, 1e9)
    inner = weight * eps * (cancelled + (ROUNDINGS + np.abs(seen.scale) + size) * (1 + steep))
    return np.asarray(
        curve.probe.noise(seen.value, weight * energy, weight) + np.where(seen.far | seen.counted, 0.0, inner)
    )
