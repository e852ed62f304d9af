"""How a loss reads the scale of its posterior, whatever the argument is called: as the values show it.

A raw value r of an encoder stands for a standard deviation softplus(r) = log(1 + e^r), or for a variance softplus(r); a
small number that keeps it off 0 may be added. People call it rho or raw_scale, but also sigma or log_var.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.curves import Grid
from elbocheck.probing.fit import Model
from elbocheck.probing.probe import log_var_of, softplus
from elbocheck.roles import Role

EXPONENTS = (1.0, 2.0, 0.5)
"""Log variance over the one that the role stands for: as its role says, a scale read as a variance, the reverse."""

_RAW_EXPONENTS = (1.0, 0.5)
OFFSET = Grid("offset", np.geomspace(1e-7, 0.3, 14))
"""Where to look for what was added to a softplus: people add 1e-6 to 1e-3."""


def exponents(role: Role | None) -> tuple[float, ...]:
    """Return the exponents with which an argument of this role may enter."""
    return _RAW_EXPONENTS if role is Role.Q_RAW_SCALE else EXPONENTS


def others(role: Role | None, argument: Array) -> Iterator[tuple[Role, float, Array]]:
    """Yield what else a scale argument may be: a role, an exponent, and the log variances that follow."""
    if role is None:
        return
    readings: tuple[tuple[Role, float], ...] = ((Role.Q_LOG_VAR, 1.0), (Role.Q_LOG_SCALE, 1.0))
    if role is not Role.Q_RAW_SCALE:
        readings = tuple((Role.Q_RAW_SCALE, exponent) for exponent in _RAW_EXPONENTS)
    for other, exponent in readings:
        yield other, exponent, exponent * log_var_of(other, argument)


def shifted(mean: Array, raw: Array, exponent: float) -> Model:
    """Return KL(N(m, sigma^2) || N(0, 1)) where a small number is added to a softplus: sigma = softplus(r) + d, or its square.

    Args:
        mean: m, shape (points,).
        raw: r, same shape.
        exponent: 1 where softplus(r) + d is a standard deviation, 1/2 where it is a variance.
    """
    positive = softplus(raw)

    def kl(added: float | Array) -> tuple[Array, ...]:
        variance = (positive + added) ** (2 * exponent)
        return (np.asarray(0.5 * (mean**2 + variance - 1 - np.log(variance))),)

    return Model(kl, [], np.ones((raw.size, 1)), (OFFSET,))
