"""What a loss pays for a gamma posterior, given by concentration a and rate b, to a gamma prior that it holds.

KL(Gamma(a, b) || Gamma(c, d)) = (a - c) psi(a) - log Gamma(a) + log Gamma(c) + c (log b - log d) + a (d/b - 1) nats per
latent (derivation: expectations of log z, psi(a) - log b, and of z, a/b, in the two densities). It is linear
in a psi(a) - log Gamma(a) - a, in psi(a) - log b and in a/b: three coefficients give weight, c and d. The other way round
log Gamma(a) - a log b, a and b do.
"""

from __future__ import annotations

from math import lgamma, log

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Regulariser
from elbocheck.kernels.gamma import digamma
from elbocheck.monomial import Monomial
from elbocheck.probing.fit import Fit, linear
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import weigh
from elbocheck.roles import Role
from elbocheck.shapes import Layout

ROLES = frozenset({Role.Q_CONCENTRATION, Role.Q_RATE})
_LEVELS = (0.3, 0.6, 1.0, 1.7, 3.0, 6.0)


def regulariser(probe: Probe, axes: tuple[str, ...]) -> tuple[Regulariser, float, float]:
    """Name the divergence and weigh it; return it with the loss's value at the prior, and that value's error."""
    a, b = (probe.cast(np.repeat(_LEVELS, len(_LEVELS))), probe.cast(np.tile(_LEVELS, len(_LEVELS))))
    values = probe.curve([_at(float(i), float(j)) for i, j in zip(a, b, strict=True)])
    psi, log_gamma = np.array([digamma(float(i)) for i in a]), np.array([lgamma(float(i)) for i in a])
    if not np.all(np.isfinite(values)):
        return _unread("unknown"), float(values[0]), 0.0
    if np.ptp(values) <= float(np.max(probe.noise(values))) + probe.floor:
        return _unread("absent"), float(values[0]), 0.0
    fit = _fit(probe, values, [a * psi - log_gamma - a, psi - np.log(b), a / b])
    weight, held, rate = map(float, fit.coefficients[:3])
    if fit.explains and weight and held / weight < 0 < rate / weight:
        prior = (-held / weight, rate / weight)
        error = max(float(np.max(fit.errors[:3])) / abs(weight), budget.ratio_error(probe.dtype))
        total = weigh(probe, weight, error, lambda layout: _amplitude(probe, layout), axes)
        constant = float(fit.coefficients[-1]) - weight * (lgamma(prior[0]) - prior[0] * log(prior[1]))
        return _regulariser("kl", total, prior), constant, 0.0
    back = _fit(probe, values, [log_gamma - a * np.log(b), a, b])
    if back.explains and back.coefficients[0] / back.coefficients[2] > 0:
        return _regulariser("reversed", Monomial(float(back.coefficients[0]), {})), float(values[0]), 0.0
    return _unread("unknown"), float(values[0]), 0.0


def _at(concentration: float, rate: float) -> dict[Role, float]:
    return {Role.Q_CONCENTRATION: concentration, Role.Q_RATE: rate}


def _regulariser(pattern: str, weight: Monomial, prior: tuple[float, ...] = ()) -> Regulariser:
    return Regulariser(scale_role=None, scale_as=None, pattern=pattern, weight=weight, gamma_prior=prior)


def _unread(pattern: str) -> Regulariser:
    return _regulariser(pattern, Monomial(0.0, {}))


def _amplitude(probe: Probe, layout: Layout) -> float:
    """Return what is proportional to the weight at any layout."""
    return probe(_at(3.0, 0.6), layout) - probe(_at(1.0, 1.0), layout)


def _fit(probe: Probe, values: Array, columns: list[Array]) -> Fit:
    """Fit columns and a constant against the rounding of the terms."""
    matrix = np.stack([*columns, np.ones_like(values)], axis=1)
    rough = linear(matrix, values, np.abs(values) + float(np.ptp(values)))
    terms = np.abs(matrix) @ np.abs(rough.coefficients) + float(np.max(np.abs(rough.coefficients[:-1])))
    return linear(matrix, values, probe.noise(values, terms) + probe.floor)
