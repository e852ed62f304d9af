"""The automatic derivative of a loss against central differences of its value, one argument at a time, its noise averaged.

d/dm E_q[f(z; m)] with z = m + s n holds a part through z and a part through f. Estimators that drop the score, whose mean
is 0 (Roeder et al. 2017, Tucker et al. 2019), differ from the value at one draw of n, and not in the mean over n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.floats import eps
from elbocheck.probing.probe import Probe, Values, spread_of
from elbocheck.roles import POSTERIOR_SCALES, Role

NOISE = (Role.Z, Role.EPS)
NODES = ((-sqrt(3.0), 1 / 6), (0.0, 2 / 3), (sqrt(3.0), 1 / 6))
"""Three Gauss-Hermite nodes and weights, those of the probe."""


@dataclass(frozen=True)
class Slope:
    """A derivative along one direction.

    Attributes:
        claimed: by automatic differentiation.
        moved: by the value.
        allowed: what the two may differ by.
    """

    claimed: float
    moved: float
    allowed: float

    @property
    def agree(self) -> bool:
        """Whether the claim is the value's, or the value is not to be had."""
        return not np.isfinite(self.moved) or abs(self.moved - self.claimed) <= self.allowed

    @property
    def share(self) -> float:
        """The claim over the value's; NaN where the value does not move."""
        return self.claimed / self.moved if abs(self.moved) > self.allowed else float("nan")


def gradients(probe: Probe, point: Mapping[Role, Array], wrt: Mapping[Role, Array]) -> dict[Role, Array]:
    """Return the derivatives of the loss, averaged over the noise that it takes; those in the noise itself at the point.

    Args:
        probe: the loss.
        point: every argument.
        wrt: the arguments to differentiate by.
    """
    random = next((role for role in NOISE if role in point), None)
    if random is None:
        return probe.loss.gradient(point, wrt)
    found = {random: probe.loss.gradient(point, {random: point[random]})[random]} if random in wrt else {}
    scale = next((role for role in sorted(POSTERIOR_SCALES) if role in point), None)
    spread = np.asarray(1.0) if scale is None else spread_of(scale, np.asarray(point[scale], dtype=np.float64))
    others = {role: array for role, array in wrt.items() if role is not random}
    for node, weight in NODES:
        drawn = np.broadcast_to(np.asarray(node), point[random].shape)
        if random is Role.Z:
            drawn = point.get(Role.Q_LOC, np.asarray(0.0)) + spread * node
        there = {**point, random: probe.inputs({random: drawn})[random]}
        slopes = probe.loss.gradient(there, {**others, random: there[random]})
        for role in others:
            share = slopes[role]
            if random is Role.Z and role in (Role.Q_LOC, scale):
                share = share + slopes[random] * _moves(role, point, spread, node)
            found[role] = found.get(role, np.asarray(0.0)) + weight * share
    return found


def _moves(role: Role, point: Mapping[Role, Array], spread: Array, node: float) -> Array:
    """Return dz / d role for z = m + spread * node."""
    if role is Role.Q_LOC:
        return np.asarray(1.0)
    inner: dict[Role, Array | float] = {
        Role.Q_SCALE: 1.0,
        Role.Q_VAR: 0.5 / spread,
        Role.Q_LOG_VAR: spread / 2,
        Role.Q_LOG_SCALE: spread,
        Role.Q_RAW_SCALE: 1 / (1 + np.exp(-np.asarray(point[role], dtype=np.float64))),
    }
    return np.asarray(inner[role]) * node


def along(probe: Probe, point: Mapping[Role, Array], role: Role, gradient: Array, seed: int) -> Slope:
    """Return the derivative along one random direction, claimed and measured."""
    direction = np.random.default_rng(seed).uniform(0.5, 1.5, gradient.shape)
    step = 1e-4 if eps(probe.dtype) < 1e-10 else 2e-2
    fixed: Values = {r: a for r, a in point.items() if r not in NOISE or role in NOISE}
    start = np.asarray(point[role], dtype=np.float64)
    ends = [probe({**fixed, role: start + sign * step * direction}) for sign in (1.0, -1.0, 0.5, -0.5)]
    wide, narrow = (ends[0] - ends[1]) / (2 * step), (ends[2] - ends[3]) / step
    moved = (4 * narrow - wide) / 3
    curved = abs(narrow - wide)  # what is left of a third derivative is less than that
    rounding = 2 * (float(probe.noise(*ends)) + probe.floor) / step + curved
    reach = float(np.sum(np.abs(gradient * direction)))
    return Slope(float(np.sum(gradient * direction)), moved, budget.QUOTIENT * max(abs(moved), reach) + rounding)
