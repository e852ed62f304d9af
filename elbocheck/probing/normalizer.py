"""The mass of exp(-loss) over the data, from calls alone: finite or not, and whether the prediction moves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import pi

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.domain import BINARY, OPEN_UNIT, POSITIVE, REAL, Integers, Interval
from elbocheck.mass import Mass, Status, log_mass
from elbocheck.member import family
from elbocheck.probing.probe import Probe
from elbocheck.roles import LIKELIHOOD_SCALES, LIKELIHOOD_SHAPES, PREDICTIONS, Role

__all__ = ["Normalizer", "normalizer", "residual_mass"]


@dataclass(frozen=True)
class Normalizer:
    """The masses of one element's exp(-loss), at some predictions.

    Attributes:
        support: what was integrated or summed over.
        at: the predictions (and learned scales) tried, role to value.
        masses: one for each.
        energy: the loss of one element in nats at the first of them, of an array of data.
    """

    support: Interval | Integers
    at: tuple[Mapping[Role, float], ...]
    masses: tuple[Mass, ...]
    energy: Callable[[Array], Array]

    @property
    def status(self) -> Status:
        """The worst: divergent before undecided before ok."""
        order = (Status.DIVERGENT, Status.UNDECIDED, Status.UNRESOLVED, Status.OK)
        return next(s for s in order if s in {mass.status for mass in self.masses})

    @property
    def spread(self) -> float:
        """How far the logarithms of the masses are apart beyond their errors, in nats."""
        low = max(m.log_value - m.error for m in self.masses)
        high = min(m.log_value + m.error for m in self.masses)
        return max(low - high, 0.0)


def normalizer(probe: Probe, name: str | None, where: str, nat: float) -> Normalizer:
    """Work out the masses.

    Args:
        probe: the loss.
        name: the family it was read as, which tells the support; None: where the loss takes data, or {0, 1} for scores of
            classes.
        where: where predictions may lie: `real`, `positive` or `unit`.
        nat: what one nat of one element is worth in the total of a call in which all elements are alike.
    """
    density = family(name)
    support: Interval | Integers = BINARY if where == "unit" else _taken(probe)
    if density is not None and isinstance(density.support, Interval | Integers):
        support = density.support
    role = next(r for r in sorted(probe.loss.roles) if r in PREDICTIONS)
    moved = next((r for r in sorted(probe.loss.roles) if r in LEARNED), None)
    tried = [{role: at} for at in (0.3, 0.8)]
    if moved is not None:
        tried = [{role: 0.3, moved: at} for at in ((1.0, 3.0) if moved is Role.TOTAL_COUNT else (0.5, 1.5))]
    energies = [partial(_energy, probe, nat, at) for at in tried]
    masses = [
        log_mass(energy, support, dtype=probe.dtype, hint=at[role]) for energy, at in zip(energies, tried, strict=True)
    ]
    return Normalizer(support, tuple(tried), tuple(masses), energies[0])


def _taken(probe: Probe) -> Interval:
    """Return the real line, the positive half of it or the unit interval: where the loss of a datum is finite."""
    below, inside, above = (np.isfinite([probe({Role.X: x}) for x in data]) for data in BESIDE_SUPPORT)
    if below.any() or not inside.all():
        return REAL
    return POSITIVE if above.any() else OPEN_UNIT


BESIDE_SUPPORT = ((-3.0, -0.7), (0.2, 0.6), (1.7, 30.0))
"""Data below, inside and above the unit interval."""


def residual_mass(probe: Probe, nat: float) -> Mass | None:
    """Work out the mass of a loss of x - prediction, over one turn where it is an angle's, else over the real line.

    None for a loss of anything else, and where a learned scale or shape moves the mass: whether in nats is not known then.
    """
    role = next(r for r in sorted(probe.loss.roles) if r in PREDICTIONS)
    if not _same(probe, role, SHIFT, SHIFT):
        return None
    support = Interval(-pi, pi) if periodic(probe, role) else REAL
    learned = sorted(probe.loss.roles & LEARNED)
    settings = [dict.fromkeys(learned, at) for at in (1.0, 2.0)] if learned else [{}]
    found = [log_mass(partial(_energy, probe, nat, {role: 0.0, **at}), support, dtype=probe.dtype) for at in settings]
    first = found[0]
    same = all(
        m.status is first.status and abs(m.log_value - first.log_value) <= m.error + first.error + budget.EVERYDAY_NATS
        for m in found[1:]
    )
    return first if same or len(found) < 2 else None


def periodic(probe: Probe, role: Role) -> bool:
    """Tell whether a whole turn of the data changes nothing, as of a loss of cos(x - prediction)."""
    return _same(probe, role, 2 * pi, 0.0) and not _same(probe, role, 1.0, 0.0)


def _same(probe: Probe, role: Role, data: float, prediction: float) -> bool:
    """Tell whether moving data and predictions so leaves the loss as it is."""
    here, moved = (np.array([(x + t * data, r + t * prediction) for x, r in PAIRS]) for t in (0.0, 1.0))
    before, after = (probe.table({Role.X: grid[:, 0], role: grid[:, 1]}) for grid in (here, moved))
    return bool(np.all(np.abs(before - after) <= probe.noise(before, after, moved.max()) + 4 * probe.floor))


LEARNED = LIKELIHOOD_SCALES | LIKELIHOOD_SHAPES | {Role.DELTA}
PAIRS = ((0.0, 0.5), (0.25, -1.0), (1.0, 1.5), (0.5, 8.5), (2.0, -60.0))
SHIFT = 2.0


def _energy(probe: Probe, nat: float, at: Mapping[Role, float], x: Array) -> Array:
    columns = {Role.X: np.asarray(x, np.float64), **{role: np.full(x.shape, v) for role, v in at.items()}}
    return np.asarray(probe.table(columns) / nat, dtype=probe.dtype)
