"""Adaptive quadrature of exp(-energy) over panels, all of a round in one call of the energy.

A panel is a stretch of distances d from a centre c, x = c + sign * d, with d = exp(s) or d = s. Nodes fall on the
nearest floats; the energy at the node itself is had from the slope of the panel's interpolant. The error is the
difference of two nested rules, or what the last Chebyshev coefficients of the density leave where the rules agree
by accident, and what the energies' own noise makes.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from elbocheck.budget import MASS_NOISE, MASS_ROUNDINGS, MASS_SAFETY, mass_tolerance
from elbocheck.mass.effort import Effort
from elbocheck.mass.meter import Meter, Wide
from elbocheck.mass.rule import Rule, rule

__all__ = ["Integral", "Panels", "integrate"]

ROUNDS = 40  # of splitting: a jump is found to the last bit of float64 in 18 rounds of eighths
NARROW = 8.0  # spacings across which a panel is not split: its nodes would be the same floats
LARGEST = 600.0  # nats above the reference: exp does not overflow


@dataclass(frozen=True, eq=False)
class Panels:
    """Stretches of distances, one element each.

    Attributes:
        centre: where distances are measured from.
        sign: of the direction.
        log: whether the variable is the logarithm of the distance.
        low: end of the variable.
        high: other end.
    """

    centre: Wide
    sign: Wide
    log: NDArray[np.bool_]
    low: Wide
    high: Wide

    def __getitem__(self, which: NDArray[np.bool_]) -> "Panels":
        return Panels(*(getattr(self, f.name)[which] for f in fields(self)))

    @staticmethod
    def joined(parts: list["Panels"]) -> "Panels":
        """All of them."""
        return Panels(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Panels)))

    def split(self, count: int) -> "Panels":
        """Each in `count` equal parts."""
        edges = self.low[:, None] + (self.high - self.low)[:, None] * np.linspace(0.0, 1.0, count + 1)
        edges[:, -1] = self.high
        which = np.repeat(np.arange(self.low.size), count)
        return Panels(
            self.centre[which], self.sign[which], self.log[which], edges[:, :-1].ravel(), edges[:, 1:].ravel()
        )


@dataclass(frozen=True, eq=False)
class Integral:
    """The sum over panels of exp(-energy), as a multiple of exp(reference).

    Attributes:
        value: of the sum.
        error: of the rules.
        noise: of the energies.
    """

    value: float
    error: float
    noise: float

    def __add__(self, other: "Integral") -> "Integral":
        return Integral(self.value + other.value, self.error + other.error, self.noise + other.noise)


@dataclass(frozen=True, eq=False)
class _Values:
    """What a round knows of its panels: mass, error of the rule, error by noise, and whether they can be split."""

    mass: Wide
    error: Wide
    noise: Wide
    wide: NDArray[np.bool_]

    def summed(self, which: NDArray[np.bool_]) -> Integral:
        """The sum over some of the panels."""
        return Integral(*(float(np.sum(part[which])) for part in (self.mass, self.error, self.noise)))


def integrate(meter: Meter, panels: Panels, reference: float, effort: Effort) -> Integral:
    """Sum the panels, splitting those that are not resolved until that helps no more.

    Args:
        meter: the energy.
        panels: disjoint.
        reference: the largest log-mass per e-fold, so that the sum is of order 1.
        effort: how hard to look.
    """
    tolerance = mass_tolerance(meter.dtype) * effort.loose
    done = Integral(0.0, 0.0, 0.0)
    values = _evaluate(meter, panels, reference, rule(effort.degree))
    better = np.ones(values.error.size, dtype=np.bool_)
    for _ in range(ROUNDS):
        total = done + values.summed(np.ones_like(better))
        target = tolerance * total.value
        poor = better & values.wide & (values.error > target / (2 * values.error.size))
        if total.error <= target or not poor.any() or meter.spent:
            break
        done += values.summed(~poor)
        before = values.error[poor]
        panels = panels[poor].split(effort.split)
        values = _evaluate(meter, panels, reference, rule(effort.degree))
        after, noise = (part.reshape(-1, effort.split).sum(axis=1) for part in (values.error, values.noise))
        better = np.repeat((after < before / 2) | (after > MASS_SAFETY * noise), effort.split)  # else it is noise
    return total


def _evaluate(meter: Meter, panels: Panels, reference: float, rule: Rule) -> _Values:
    half = (panels.high - panels.low)[:, None] / 2
    s = (panels.high + panels.low)[:, None] / 2 + half * rule.nodes
    with np.errstate(all="ignore"):
        per_s = np.where(panels.log[:, None], np.exp(s), 1.0)  # dd/ds
        d = np.where(panels.log[:, None], per_s, s)
        asked = panels.centre[:, None] + panels.sign[:, None] * d
        x = meter.snap(asked)
        energy = meter(x.ravel()).reshape(x.shape)
        missed = d - panels.sign[:, None] * (x - panels.centre[:, None])
        at_nodes = energy + _moved(energy, missed / (half * per_s), rule)
        density = half * np.exp(np.minimum(np.log(per_s) - at_nodes - reference, LARGEST))
        mass = density @ rule.weights
        left = np.abs(density @ rule.waves.T).max(axis=1) / rule.nodes.size
        error = MASS_SAFETY * np.maximum(np.abs(mass - density @ rule.poorer), left)
        noise = density * (_noise(at_nodes, rule)[:, None] + MASS_ROUNDINGS * meter.eps * np.abs(energy))
        noise = np.where(density > 0, noise, 0.0) @ rule.weights
    width = np.abs(x[:, -1] - x[:, 0])
    return _Values(mass, error, noise, width > NARROW * meter.spacing(x[:, -1]))


def _moved(energy: Wide, by: Wide, rule: Rule) -> Wide:
    """What the energy differs by at the node from the float evaluated, by the slope; no more than it does between nodes."""
    change = (energy @ rule.slope.T) * by
    steps = np.abs(np.diff(energy, axis=1))
    limit = np.maximum(np.pad(steps, ((0, 0), (1, 0))), np.pad(steps, ((0, 0), (0, 1))))
    return np.where(np.isfinite(change) & np.isfinite(limit), np.clip(change, -limit, limit), 0.0)


def _noise(energy: Wide, rule: Rule) -> Wide:
    """The noise of each panel's energies: their last Chebyshev coefficients, where a smooth function has none left."""
    waves = energy @ rule.waves.T
    spread = np.sqrt(np.mean(waves**2, axis=1) * rule.nodes.size / 2)
    return MASS_NOISE * np.where(np.isfinite(spread), spread, 0.0)
