"""What a KL that is estimated from a sample is on average, where something in the estimate is wrong.

With q = N(m, e^{c t}), z drawn with the variance e^{a t} about m, and p = N(0, 1), a latent's mean of log q(z) - log p(z) is
m^2/2 + e^{a t}/2 - e^{(a-c) t}/2 - c t/2 nats: the KL where a = c. Without log q the first two are left, without log p the
last two.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.probe import Probe, Values
from elbocheck.roles import Role

__all__ = ["NO_POSTERIOR", "NO_PRIOR", "OTHER_SPREAD", "moves", "sample_role", "slips"]

OTHER_SPREAD, NO_POSTERIOR, NO_PRIOR = "other-spread", "no-posterior-density", "no-prior-density"
_EXPONENTS = (1.0, 0.5, 2.0)


def moves(probe: Probe, at: Values) -> bool:
    """Tell whether the loss moves with the sample of the posterior, or with its noise, at a posterior off the prior."""
    role = sample_role(probe.loss.roles)
    if role is None:
        return False
    one, other = (probe.raw({**at, role: given}) for given in (0.25, 1.75))
    return not np.array_equal(one, other)


def sample_role(roles: frozenset[Role]) -> Role | None:
    """Return the role of the sample of the posterior, or of the noise that it is made of."""
    return next((r for r in (Role.Z, Role.EPS) if r in roles), None)


def slips(roles: frozenset[Role], m: Array, t: Array) -> Iterator[tuple[str, float, float, Array]]:
    """Yield patterns of a wrong estimate, with a, c, and the mean of one latent in nats at means m and log variances t.

    A sample that is an argument is drawn as the name of the scale says: a is 1.
    """
    drawn = _EXPONENTS if Role.EPS in roles else (1.0,)
    for a, c in product(drawn, _EXPONENTS):
        q = -0.5 * (c * t + np.exp((a - c) * t))
        p = 0.5 * (m**2 + np.exp(a * t))
        if a != c:
            yield OTHER_SPREAD, a, c, p + q
        elif a == 1:
            yield NO_PRIOR, a, c, q
    for a in drawn:
        yield NO_POSTERIOR, a, a, 0.5 * (m**2 + np.exp(a * t))
