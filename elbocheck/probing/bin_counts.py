"""What a nat is worth, from the quanta of a difference: probabilities of rare bins are small counts of them.

With the prediction far below a datum both values of a distribution function lie next to 1, where numbers are multiples of
half an epsilon, and so is their difference: whatever the function, the costs of the rarest bins are logarithms of 1, 2, 3, ...
quanta in the unit of the loss, less the guard's. Where its constant is 0, as that of a fixed scale is taken to be, the count
of the rarest tells the unit, and all the others prove it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from elbocheck.adapters import Array
from elbocheck.floats import eps
from elbocheck.probing.bin_points import Seen, measured
from elbocheck.probing.edges import Curve, Edges
from elbocheck.probing.probe import Probe

__all__ = ["counted"]

REACH, SECTIONS = 2.0 ** np.arange(-10.0, 14.0), 16
"""Where a bin's probability may vanish, off the level; and how often what lies between two of these is cut."""
BELOW, PROBES = 0.7, 240
"""From this part of the distance where a bin's probability vanishes it is nats less rare; and how many probes see that."""
MOST = 4096.0
"""Quanta of the rarest bin at the most: beyond, a guard hides all small counts."""
NATS = (4.0, 40.0)
"""What the rarest bin may cost."""
CLEAR = 0.25
"""Of a count that is off by more nothing is known."""
HALVINGS = 60
RAREST, CHANCE = 40, -30.0
"""Different costs that a unit is tried on; and the logarithm of how probable it may be that any numbers are near whole."""


def counted(curve: Curve, edges: Edges, plateau: float) -> tuple[Seen, float] | None:
    """Return probes of rare bins whose probabilities are known, and what a nat is worth; None where they are no counts.

    Args:
        curve: the loss, of a fixed scale, its constant 0.
        edges: the level.
        plateau: what an impossible datum costs; infinite where nothing holds that.
    """
    near = _near(curve, edges, plateau)
    if near is None or not float(np.max(near.value, initial=0.0)) > 0:
        return None
    ways = [_Quanta(curve.probe, plateau if added else np.inf) for added in (True, False)[int(plateau == np.inf) :]]
    found = (_counts(quanta, near) for quanta in ways)
    return next((one for one in found if one is not None), None)


def _near(curve: Curve, edges: Edges, plateau: float) -> Seen | None:
    """Return dense probes up to where the probability vanishes; None where it does nowhere."""

    def last(distances: Array) -> Array:
        rare = edges.sign * curve(edges.level, edges.level - distances)
        place = int(np.argmax(~(rare < plateau)))
        return distances[place - 1 : place + 1]

    ends = last(REACH)
    if ends.size < 2:
        return None
    ends = last(np.linspace(float(ends[0]), float(ends[1]), SECTIONS))
    off = -np.linspace(BELOW * ends[0], ends[-1], PROBES)
    found = measured(curve, edges, edges.level, off, np.zeros_like(off), None)
    return found.keep(found.value < plateau)


@dataclass(frozen=True)
class _Quanta:
    """Costs as counts of quanta, in a unit.

    Attributes:
        probe: the loss.
        plateau: what a guard costs that is added to every probability; infinite where none is.
    """

    probe: Probe
    plateau: float

    @property
    def quantum(self) -> float:
        """The distance of two numbers below 1."""
        return eps(self.probe.dtype) / 2

    def __call__(self, costs: Array, unit: Array) -> Array:
        """Return the quanta of probabilities that cost so much."""
        return np.asarray((np.exp(-costs / unit) - np.exp(-self.plateau / unit)) / self.quantum)

    def units(self, rarest: float) -> Array:
        """Return the units in which a cost is 1, 2, 3, ... quanta, which grow with the unit; shape (counts, 1)."""
        counts = np.arange(1.0, MOST + 1)[:, None]
        low, high = (np.full_like(counts, nats) for nats in NATS)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            more = self(np.asarray(rarest), rarest / middle) > counts
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        return np.asarray(rarest / high)

    def whole(self, costs: Array, unit: Array) -> tuple[Array, Array]:
        """Tell which costs tell a count, and whether all of these are one to rounding, beyond chance.

        The rarest, which is one by the choice of the unit, moves the others.
        """
        with np.errstate(all="ignore"):  # of a unit that is none nothing is clear
            found, rarest = self(costs, unit), np.argmax(costs)
            noise = np.exp(-costs / unit) / self.quantum * np.asarray(self.probe.noise(costs)) / unit
            noise = noise + found * np.expand_dims(noise[..., rarest] / found[..., rarest], -1)
            whole = np.abs(found - np.round(found)) <= noise
        clear = (noise < CLEAR) & (found > 0.5)
        whole = np.all(whole | ~clear, axis=-1)
        chance = np.sum(np.log(2 * noise, where=clear, out=np.zeros_like(noise)), axis=-1)
        return clear, whole & (chance < CHANCE)


def _counts(quanta: _Quanta, near: Seen) -> tuple[Seen, float] | None:
    """Return the probes whose probabilities are counts, and the unit in which they are."""
    costs = np.unique(near.value)[-RAREST:]
    units = quanta.units(float(costs[-1]))
    for unit in units[quanta.whole(costs, units)[1], 0]:
        clear, whole = quanta.whole(near.value, unit)
        if whole:
            probability = np.round(quanta(near.value, unit)) * quanta.quantum
            return replace(near, probability=probability).keep(clear), float(unit)
    return None
