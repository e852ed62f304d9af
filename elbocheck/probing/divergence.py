"""Which function of the posterior the other term is: KL(N(m, sigma^2) || N(0, 1)), one of its known corruptions, or neither.

With t = log sigma^2 the KL of one latent is (m^2 + e^t - 1 - t)/2 nats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.divergences import normal_standard
from elbocheck.probing import prior, scales
from elbocheck.probing.corruption import corrupted
from elbocheck.probing.cost import Curve, Reading, fitted, kl, scale_role
from elbocheck.probing.estimates import moves, slips
from elbocheck.probing.fit import scanned, shaped
from elbocheck.probing.probe import Probe, log_var_of
from elbocheck.roles import POSITIVE, Role
from elbocheck.shapes import ordinary

_ENOUGH = 8
"""Points of a curve on which a form with up to three coefficients is claimed."""


def read(probe: Probe, curve: Curve) -> Reading:
    """Name the divergence: the KL under one of three readings of its scale, a floor under it, or a corruption."""
    if curve.value.size < _ENOUGH:
        return Reading("unknown", 0.0, 0.0, 0.0)
    spread = float(np.ptp(curve.value))
    if spread <= float(np.max(probe.noise(curve.value))) + probe.floor:
        return Reading("absent", 0.0, float(curve.value[0]), 0.0)
    for guard in budget.GUARDS:
        if (found := _as_kl(probe, curve, guard)) is not None:
            return found
        if not guard and (found := _beside(probe, curve)) is not None:
            return found
    return _misestimated(probe, curve) or corrupted(probe, curve)


def _beside(probe: Probe, curve: Curve) -> Reading | None:
    """Read a whole KL that is one to rounding but for an added scale, another prior, or a floor: before any guard."""
    return _with_offset(probe, curve) or _to_another_prior(probe, curve) or _floored(probe, curve)


def _as_kl(probe: Probe, curve: Curve, guard: float) -> Reading | None:
    """Fit every whole KL that the arguments could stand for: the right one under three readings of its scale first."""
    for pattern, exponent, column, other in _hypotheses(curve, scale_role(probe)):
        fit = fitted(probe, curve, [column], guard)
        weight, constant = map(float, fit.coefficients)
        if fit.explains and abs(weight) > 4 * fit.errors[0]:
            error = float(np.max(np.abs(curve.value - weight * column - constant))) / abs(weight)
            relative = float(fit.errors[0]) / abs(weight)
            deviation = error if guard else 0.0
            return Reading(pattern, weight, constant, relative, exponent, deviation=deviation, read_as=other)
    return None


def _hypotheses(curve: Curve, role: Role | None) -> Iterator[tuple[str, float, Array, Role | None]]:
    for exponent in scales.exponents(role):
        yield "kl", exponent, kl(curve, exponent), None
        yield "reversed", exponent, _reversed(curve.m, exponent * curve.t), None
    for exponent in (1.0, 2.0):
        if role in POSITIVE:  # a standard deviation or variance that the loss takes for its own logarithm
            yield "misread", exponent, normal_standard.kl(loc=curve.m, log_var=exponent * curve.s), None
        yield "swapped", exponent, normal_standard.kl(loc=curve.s, log_var=exponent * curve.m), None
    for other, exponent, t in scales.others(role, curve.s):
        yield "kl", exponent, normal_standard.kl(loc=curve.m, log_var=t), other
        yield "reversed", exponent, _reversed(curve.m, t), other


def _reversed(m: Array, t: Array) -> Array:
    """Return KL(N(0, 1) || N(m, e^t)) in nats."""
    return np.asarray(0.5 * ((1 + m**2) * np.exp(-t) - 1 + t))


def _with_offset(probe: Probe, curve: Curve) -> Reading | None:
    """Read the KL of a scale softplus(s) + d, d unknown and small."""
    role = scale_role(probe)
    if role is None:
        return None
    noise, ends = probe.noise(np.abs(curve.value) + probe.floor), scales.OFFSET.values[[0, -1]]
    for exponent in scales.exponents(Role.Q_RAW_SCALE):
        model = scales.shifted(curve.m, curve.s, exponent)
        (added,), first = shaped(model, curve.value, noise, scanned(model, curve.value, noise)[0])
        fit = fitted(probe, curve, [*model.parts(added)], 0.0)
        weight, constant = map(float, fit.coefficients)
        if fit.explains and first.coefficients[0] and ends[0] < added < ends[1]:
            other = None if role is Role.Q_RAW_SCALE else Role.Q_RAW_SCALE
            error = float(fit.errors[0]) / abs(weight)
            return Reading("kl", weight, constant, error, exponent, read_as=other, offset=added)
    return None


def _to_another_prior(probe: Probe, curve: Curve) -> Reading | None:
    """Read the KL to a normal prior with another mean or variance, which the loss holds as numbers."""
    role = scale_role(probe)
    if prior.taken(probe.loss.roles):
        return None
    own = (
        [(None, exponent, exponent * curve.t) for exponent in scales.exponents(role)]
        if role
        else [(None, 1.0, curve.t)]
    )
    for other, exponent, t in [*own, *scales.others(role, curve.s)]:
        fit = fitted(probe, curve, [curve.m**2 + (np.exp(t) if role else 0.0), curve.m, t], 0.0)
        found = prior.held(fit, scaled=role is not None) if fit.explains else None
        if found is None:
            continue
        weight, held = found
        here = exponent * float(log_var_of(other or role, np.asarray(ordinary(role)))) if role else 0.0
        if held.var == 1 or prior.at_base(probe, held, weight, here):
            constant = float(fit.coefficients[-1]) - weight * (held.offset if role else 0.5 * held.loc**2)
            error = float(np.max(fit.errors[:3])) / abs(weight)
            return Reading("kl", weight, constant, error, exponent, read_as=other, prior=held)
    return None


def _floored(probe: Probe, curve: Curve) -> Reading | None:
    """Read max(KL, floor): the points above the lowest level are a KL that would fall below it."""
    lowest = float(np.min(curve.value))
    level = np.abs(curve.value - lowest) <= probe.noise(curve.value, lowest)
    above = curve.keep(~level)
    if above.value.size < _ENOUGH or not np.any((curve.m[level] == 0) & (np.abs(curve.t[level]) <= budget.ABSENT)):
        return None
    found = _as_kl(probe, above, 0.0)
    if found is None or found.pattern != "kl" or found.weight <= 0:
        return None
    floor = lowest - found.constant
    flat = np.count_nonzero(level) > 2 or _flat(probe, found, floor)
    least = budget.GUARDS[1] * found.weight + float(probe.noise(lowest, found.constant))
    return replace(found, floor=floor) if flat and floor > least else None  # a lower one is a guard


def _flat(probe: Probe, found: Reading, floor: float) -> bool:
    """Tell whether the loss stays at a low floor up to where the KL reaches it, and follows the KL from there on."""
    if Role.Q_LOC not in probe.loss.roles or not floor > 0:
        return False
    for share in (0.25, 0.5, 0.75, 1.5, 3.0):
        value = probe({Role.Q_LOC: float(np.sqrt(2 * share * floor / found.weight))})
        expected = found.constant + max(share, 1.0) * floor
        if not abs(value - expected) <= float(probe.noise(value, expected, found.weight)) + 4 * probe.floor:
            return False
    return True


def _misestimated(probe: Probe, curve: Curve) -> Reading | None:
    """Read the mean of a KL's estimate from a sample that is drawn, or scored, otherwise than it should be."""
    if scale_role(probe) is None or not moves(probe, probe.off_prior):
        return None
    for pattern, drawn, scored, column in slips(probe.loss.roles, curve.m, curve.t):
        fit = fitted(probe, curve, [column], 0.0)
        weight, constant = map(float, fit.coefficients)
        if fit.explains and weight > 4 * fit.errors[0]:
            parts = {"drawn": drawn, "scored": scored}
            return Reading(pattern, weight, constant, float(fit.errors[0]) / weight, coefficients=parts)
    return None
