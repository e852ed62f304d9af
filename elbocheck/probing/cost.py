"""Probes of the divergence: the curve that it is, what it is found to be, and fits of functions to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from elbocheck.adapters import Array
from elbocheck.divergences import normal_standard
from elbocheck.probing.fit import Fit, linear
from elbocheck.probing.prior import STANDARD, Prior
from elbocheck.probing.probe import Probe, argument_of, log_var_of
from elbocheck.roles import POSTERIOR_SCALES, Role


@dataclass(frozen=True)
class Curve:
    """Probes of the divergence: arrays of shape (points,).

    Attributes:
        m: the posterior's mean, every latent alike.
        t: the log variance that the scale argument stands for by its role.
        s: the scale argument itself.
        value: the loss.
    """

    m: Array
    t: Array
    s: Array
    value: Array

    def keep(self, mask: Array) -> Curve:
        """Return the points where `mask` holds."""
        return Curve(self.m[mask], self.t[mask], self.s[mask], self.value[mask])


@dataclass(frozen=True)
class Reading:
    """What the divergence is.

    Attributes:
        pattern: see anatomy.Regulariser.
        weight: of one latent's KL, times all latents of a call.
        constant: what is left at the prior, with everything else in the loss.
        error: relative uncertainty of the weight.
        exponent: c in e^{c t}: 1 where the scale argument is read as its role says.
        coefficients: basis function to coefficient over the weight.
        missing: the absent term.
        floor: the level below which the divergence does not fall, for a call; None without a floor.
        deviation: the largest difference from the KL in nats per latent, where a guard explains it.
        read_as: the role that the scale argument turns out to have, where it is another than its name says.
        offset: what is added to a softplus.
        prior: the prior that the loss holds as numbers.
    """

    pattern: str
    weight: float
    constant: float
    error: float
    exponent: float = 1.0
    coefficients: Mapping[str, float] | None = None
    missing: str | None = None
    floor: float | None = None
    deviation: float = 0.0
    read_as: Role | None = None
    offset: float = 0.0
    prior: Prior = STANDARD


def scale_role(probe: Probe) -> Role | None:
    """Return the role of the posterior's scale."""
    return next((r for r in probe.loss.roles if r in POSTERIOR_SCALES), None)


MEANS = (0.0, 0.5, -1.0, 1.5, 3.0, -8.0)
_MORE_MEANS = (-0.1, 0.2, -0.7, 1.1, -2.0, 2.4, -4.0, 6.0, 10.0)
"""Where no scale makes points of each mean."""


def sample(probe: Probe, at: tuple[float, ...] = MEANS) -> Curve:
    """Probe the divergence on a grid of means and log variances."""
    role = scale_role(probe)
    levels = [0.0] if role is None else [-3.0, -2.0, -1.0, -0.4, 0.0, 0.3, 0.8, 1.5, 2.5]
    means = (*at, *(_MORE_MEANS if role is None else ())) if Role.Q_LOC in probe.loss.roles else (0.0,)
    grid = np.array([(m, t) for m in means for t in levels])
    m, t, argument = probe.cast(grid[:, 0]), grid[:, 1], grid[:, 1]
    calls: list[dict[Role, float]] = [{} for _ in m]
    if Role.Q_LOC in probe.loss.roles:
        calls = [{**c, Role.Q_LOC: float(v)} for c, v in zip(calls, m, strict=True)]
    if role is not None:
        argument = probe.cast(argument_of(role, t))
        calls = [{**c, role: float(v)} for c, v in zip(calls, argument, strict=True)]
        t = log_var_of(role, argument)
    value = probe.curve(calls)
    return Curve(m, t, argument, value).keep(np.isfinite(value))


def kl(curve: Curve, exponent: float = 1.0) -> Array:
    """Return the KL of one latent in nats, its scale argument read as e^{exponent t}."""
    return normal_standard.kl(loc=curve.m, log_var=exponent * curve.t)


def fitted(probe: Probe, curve: Curve, columns: list[Array], guard: float) -> Fit:
    """Fit columns and a constant, against the rounding of the terms that the loss adds."""
    matrix = np.stack([*columns, np.ones_like(curve.t)], axis=1)
    rough = linear(matrix, curve.value, np.abs(curve.value) + 1e-3 * np.ptp(curve.value))
    weight = float(np.max(np.abs(rough.coefficients[:-1])))
    inner = weight * (1 + curve.m**2 + np.abs(curve.t))  # a KL forms these before it adds them
    terms = np.abs(matrix) @ np.abs(rough.coefficients)
    return linear(matrix, curve.value, probe.noise(curve.value, terms, inner) + probe.floor + guard * weight)
