"""Which prior a KL is to: N(0, 1), the one that the loss takes, or a normal that it holds as two numbers.

KL(N(m, e^t) || N(a, v)) = ((m^2 + e^t)/v - 2 m a/v - t + a^2/v + log v - 1)/2 nats per latent: linear in m^2 + e^t, m and
t, so that three coefficients give weight, a and v. With v other than 1 the shape alone is also what a misplaced half
leaves; then the value at the base point, which more latents multiply, must be the KL's too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elbocheck import budget
from elbocheck.probing.fit import Fit
from elbocheck.probing.probe import Probe, argument_of
from elbocheck.roles import POSTERIOR_SCALES, PRIOR_SCALES, Role


@dataclass(frozen=True)
class Prior:
    """A normal prior per latent.

    Attributes:
        loc: its mean.
        var: its variance.
    """

    loc: float = 0.0
    var: float = 1.0

    @property
    def standard(self) -> bool:
        """Whether it is N(0, 1)."""
        return self.loc == 0 and self.var == 1

    @property
    def offset(self) -> float:
        """The part of the KL that no posterior moves, in nats."""
        return 0.5 * (self.loc**2 / self.var + float(np.log(self.var)) - 1)


STANDARD = Prior()


def taken(roles: frozenset[Role]) -> bool:
    """Tell whether the loss takes its prior as arguments."""
    return Role.P_LOC in roles or bool(roles & PRIOR_SCALES)


def held(fit: Fit, *, scaled: bool) -> tuple[float, Prior] | None:
    """Return the weight of one latent's KL and the prior, from a fit on m^2 + e^t, m and t; None where it is no other one.

    Args:
        fit: the coefficients of m^2 + e^t, m, t and 1.
        scaled: the loss takes a scale; without one only the ratio of weight and variance shows, and v is 1.
    """
    square, line, log = map(float, fit.coefficients[:3])
    weight = -2 * log if scaled else 2 * square
    if not square or not weight / square > 0:
        return None
    variance = weight / (2 * square)
    loc = -line / (2 * square)
    near = max(budget.PRIOR, 8 * float(np.max(fit.errors[:3])) / abs(square))
    prior = Prior(loc if abs(loc) > near else 0.0, variance if abs(variance - 1) > near else 1.0)
    return None if prior.standard else (weight, prior)


def at_base(probe: Probe, prior: Prior, weight: float, log_var: float) -> bool:
    """Tell whether more latents add the whole KL at the base point, its constants included.

    Args:
        probe: the loss.
        prior: the prior.
        weight: of one latent's KL, times all latents.
        log_var: the posterior's log variance at the base point, where its mean is 0.
    """
    before, after = probe({}), probe({}, probe.layout.tiled("L"))
    expected = weight * (0.5 * (float(np.exp(log_var)) / prior.var - log_var) + prior.offset)
    allowed = budget.DECLARED * abs(expected) + float(probe.noise(before, after)) + 4 * probe.floor
    return bool(abs(after - before - expected) <= allowed)


def learned(probe: Probe, weight: float, constant: float, floor: float | None) -> bool:
    """Tell whether a KL to N(0, 1) is the KL to N(p_loc, p_scale^2) where the loss takes a prior.

    Args:
        probe: the loss.
        weight: of one latent's KL, times all latents.
        constant: the rest of the loss.
        floor: below which the KL of a call does not fall, if there is one.
    """
    roles = probe.loss.roles
    moved = next((r for r in roles if r in POSTERIOR_SCALES), None)
    prior = next((r for r in roles if r in PRIOR_SCALES), None)
    if not taken(roles):
        return True
    takes = np.array([Role.Q_LOC in roles, moved is not None, Role.P_LOC in roles, prior is not None])
    least = 0.0 if floor is None else floor / weight
    beyond = (4 * (1 + least) ** 0.5, *_POINTS[0][1:])
    for point in _POINTS if floor is None else (*_POINTS, beyond):
        m, t, loc, log_var = np.where(takes, point, 0.0)
        given: dict[Role, float] = {Role.Q_LOC: float(m), Role.P_LOC: float(loc)}
        given |= {r: float(argument_of(r, np.asarray(v))) for r, v in ((moved, t), (prior, log_var)) if r is not None}
        truth = 0.5 * (np.exp(t - log_var) + (m - loc) ** 2 * np.exp(-log_var) - 1 - t + log_var)
        truth = max(truth, least) if floor is not None else truth
        value = probe({r: v for r, v in given.items() if r in roles})
        noise = probe.noise(value, weight, constant) + probe.floor
        if not abs(value - constant - weight * truth) <= noise:
            return False
    return True


_POINTS = ((0.4, 0.3, -0.6, 0.5), (-1.1, -0.7, 0.9, -0.4), (0.2, 1.0, 0.2, 1.0))
