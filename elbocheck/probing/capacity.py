"""A KL that is pulled to a target: gamma |KL - C| (Burgess et al. 2018) or gamma (KL - C)^2, neither a bound.

With all latents alike and K the KL of one of them, the loss moves as a |K - c|^p: K, and K^2 for p = 2, are known columns,
so the kink or vertex c is read off a straight line. C is L c where the KL of a datum is a sum over latents.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Target
from elbocheck.divergences import normal_standard
from elbocheck.monomial import Monomial
from elbocheck.probing import scales
from elbocheck.probing.cost import Curve, fitted, kl, sample, scale_role
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import exponent, weigh
from elbocheck.roles import Role
from elbocheck.shapes import Layout

_FAR_MEANS = (0.0, 0.5, -1.0, 1.5, 3.0, -8.0, 20.0, -60.0, 200.0)
"""KLs of a latent up to 20000 nats: a target beyond would look like a KL of the wrong sign."""


@dataclass(frozen=True)
class Pull:
    """A curve a |K - c|^p + constant.

    Attributes:
        gain: a, for a call.
        level: c, in nats of one latent.
        power: p.
        exponent: with which the scale enters.
        read_as: the role of the scale, where it is another than its name says.
        constant: what is left in the loss.
        error: relative uncertainty of the gain.
    """

    gain: float
    level: float
    power: int
    exponent: float
    read_as: Role | None
    constant: float
    error: float


def read(probe: Probe) -> Pull | None:
    """Return the pull that explains the curve of the posterior, None where there is none."""
    if Role.Q_LOC not in probe.loss.roles:
        return None
    curve, role = sample(probe, _FAR_MEANS), scale_role(probe)
    own = [(None, exponent, kl(curve, exponent)) for exponent in scales.exponents(role)]
    others = [(r, e, normal_standard.kl(loc=curve.m, log_var=t)) for r, e, t in scales.others(role, curve.s)]
    for read_as, enters, cost in [*own, *others]:
        for form in (_kinked, _squared):
            found = form(probe, curve, cost)
            if found is not None:
                gain, level, constant, error = found
                return Pull(gain, level, 1 if form is _kinked else 2, enters, read_as, constant, error)
    return None


Found = tuple[float, float, float, float]
"""Gain, level, constant, relative error of the gain."""


def _kinked(probe: Probe, curve: Curve, cost: Array) -> Found | None:
    """Fit a |K - c|: the line above the kink gives it its slope, the points below it their intercept."""
    top = cost > np.quantile(cost, _UPPER)
    line = fitted(probe, curve.keep(top), [cost[top]], 0.0)
    gain, intercept = map(float, line.coefficients)
    if not line.explains or not abs(gain) > 4 * line.errors[0]:
        return None
    lowest = int(np.argmin(cost))
    level = 0.5 * (float(curve.value[lowest] - intercept) / gain + float(cost[lowest]))
    for _ in range(3):  # both branches at once: the points near the kink place it, the far ones would by their rounding
        side = np.sign(cost - level)
        if np.count_nonzero(side < 0) < _LEAST or np.count_nonzero(side > 0) < _LEAST:
            return None
        both = fitted(probe, curve, [side * cost, side], 0.0)
        gain, shift, rest = map(float, both.coefficients)
        level = -shift / gain if gain else 0.0
    if not both.explains or not level > budget.PRIOR:
        return None
    return gain, level, rest, float(np.max(both.errors[:2])) / abs(gain)


_UPPER, _LEAST = 0.75, 2


def _squared(probe: Probe, curve: Curve, cost: Array) -> Found | None:
    """Fit a (K - c)^2, a parabola in K."""
    parabola = fitted(probe, curve, [cost**2, cost], 0.0)
    square, line, rest = map(float, parabola.coefficients)
    if not parabola.explains or not abs(square) > 4 * parabola.errors[0]:
        return None
    level = -line / (2 * square)
    if level < -budget.PRIOR:
        return None
    level = level if level > budget.PRIOR else 0.0
    return square, level, rest - square * level**2, float(np.max(parabola.errors[:2])) / abs(square)


def target(probe: Probe, pull: Pull, axes: tuple[str, ...]) -> Target:
    """Return what a pull means: gamma, C in nats, and how they move with the sizes."""
    error = max(pull.error, budget.ratio_error(probe.dtype))
    gain = weigh(probe, pull.gain, error, lambda layout: _far(probe, pull, layout)[0], axes)
    size = probe.layout.latents
    grown = exponent(_far(probe, pull, probe.layout)[1], _far(probe, pull, probe.layout.tiled("L"))[1])
    error += pull.error / pull.level if pull.level else 0.0
    level = Monomial(pull.level * size, {}, error) if grown in (-1, None) else Monomial(pull.level, {"L": 1}, error)
    per_nat = gain / Monomial(1.0, {"L": pull.power})
    powers = {name: power for name, power in per_nat.powers.items() if name != "B"}
    return Target(level, Monomial(per_nat.coefficient, powers, error), pull.power, _pulled(probe, pull))


def _far(probe: Probe, pull: Pull, layout: Layout) -> tuple[float, float]:
    """Return what is proportional to the gain, and the level, from posteriors at the prior and well above the level."""
    cost = 4 * (abs(pull.level) + 1)  # the mean of a posterior of variance 1 is the root of twice its KL
    none, one, two = (probe({Role.Q_LOC: float(np.sqrt(2 * k))}, layout) for k in (0.0, cost, 2 * cost))
    if pull.power == 1:
        slope = (two - one) / cost
        return two - one, 0.5 * ((none - one) / slope + cost) if slope else nan
    bend = (two - 2 * one + none) / (2 * cost**2)
    return two - 2 * one + none, 0.5 * (cost - (one - none) / (bend * cost)) if bend else nan


def _pulled(probe: Probe, pull: Pull) -> str:
    """Tell whether the KL of a latent, a datum or the whole batch is pulled: one latent of one datum goes far."""
    loc = np.zeros(probe.layout.shape(Role.Q_LOC))
    cost = 4 * (pull.level + 1)
    loc.flat[0] = np.sqrt(2 * cost)
    value = (probe({Role.Q_LOC: loc}) - pull.constant) / pull.gain
    kept = pull.level**pull.power
    groups = {"latent": loc.size, "datum": probe.layout.batch, "batch": 1}
    expected = {
        name: kept + (abs(cost * count / loc.size - pull.level) ** pull.power - kept) / count
        for name, count in groups.items()
    }
    return min(expected, key=lambda name: abs(value - expected[name]))
