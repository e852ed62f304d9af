"""Take a loss apart: structure, reconstruction, divergence, constant."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, prod

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Anatomy, Reconstruction, Regulariser
from elbocheck.monomial import Monomial
from elbocheck.probing import curve, divergence, likelihood
from elbocheck.probing.probe import Probe, Values, argument_of
from elbocheck.probing.reduction import event_axes, exponent, sizes, weigh
from elbocheck.probing.structure import structure
from elbocheck.roles import LIKELIHOOD_SCALES, POSTERIOR_SCALES, PREDICTIONS, Role
from elbocheck.shapes import Layout


def dissect(probe: Probe, seed: int) -> Anatomy:
    """Measure everything that the verdict needs."""
    roles = probe.loss.roles
    axes = event_axes(probe.layout, probe.loss.adapter.name)
    compares = Role.X in roles and bool(roles & PREDICTIONS)
    posterior = bool(roles & (POSTERIOR_SCALES | {Role.Q_LOC}))
    reconstruction, left, unsure = _reconstruction(probe, axes) if compares else (None, None, 0.0)
    regulariser, at_prior = _regulariser(probe, axes) if posterior else (None, None)
    floor = regulariser.floor if regulariser else None
    constant = left if compares else at_prior
    value = (
        np.nan if constant is None else constant - (floor.at(sizes(probe.layout, axes)) if floor and compares else 0.0)
    )
    error = float(probe.noise(probe({}), value)) + probe.floor + 4 * unsure if isfinite(value) else 0.0
    return Anatomy(
        structure=structure(probe, np.random.default_rng(seed)),
        reconstruction=reconstruction,
        regulariser=regulariser,
        constant=_constant_formula(probe, axes, value, error, reconstruction, floor),
        constant_value=float(value),
        constant_error=error,
        event_axes=axes,
        tiled=probe.layout.tileable,
        sizes=sizes(probe.layout, axes),
    )


def _reconstruction(probe: Probe, axes: tuple[str, ...]) -> tuple[Reconstruction, float | None, float]:
    """Name the family and weigh it; return it with the constant that is left (None: no family fits) and its error."""
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    points, closed = likelihood.sample(probe)
    found = likelihood.match(probe, points, closed)
    scale_role = next((r for r in probe.loss.roles if r in LIKELIHOOD_SCALES), None)
    bounded = curve.bounded(probe, role) if not closed else None

    def amplitude(layout: Layout) -> float:
        return probe({role: 0.3}, layout) - probe({role: 0.75}, layout)

    if not found:
        rough = amplitude(probe.layout)
        weight = weigh(probe, rough, budget.ratio_error(probe.dtype), amplitude, axes)
        blank = Reconstruction(role, None, weight=weight, closed=closed, bounded=bounded, scale_role=scale_role)
        mass = curve.binary_mass(probe, role, closed=closed)
        return replace(blank, mass=mass, mismatch=None if closed else curve.core_and_tails(probe, role)), None, 0.0
    best = found[0]
    weight_value, constant = float(best.fit.coefficients[0]), float(best.fit.coefficients[1])
    error = max(float(best.fit.errors[0]) / abs(weight_value), budget.ratio_error(probe.dtype))
    shape = {} if best.shape is None else {str(best.candidate.density.shape): best.shape}
    return (
        Reconstruction(
            role,
            best.candidate.density.name,
            parameter=best.candidate.parameter,
            link=best.candidate.link,
            swapped=best.candidate.swapped,
            weight=weigh(probe, weight_value, error, amplitude, axes),
            shape=shape,
            scale_role=scale_role,
            scale_as=best.candidate.scale_as,
            normalizer_ratio=best.normalizer_ratio,
            deviation=best.deviation,
            closed=closed,
            bounded=bounded,
        ),
        constant,
        float(best.fit.errors[1]) + best.deviation * abs(weight_value),
    )


def _regulariser(probe: Probe, axes: tuple[str, ...]) -> tuple[Regulariser, float]:
    """Name the divergence and weigh it; return it with the loss's value at the prior."""
    points = divergence.sample(probe)
    found = divergence.read(probe, points)
    if found.pattern == "kl" and not divergence.learned_prior(probe, found):
        found = replace(found, pattern="reference")
    role = divergence.scale_role(probe)
    far, farther = _far_points(probe, role, floored=found.floor is not None)

    def amplitude(layout: Layout) -> float:
        return probe(farther, layout) - probe(far, layout)

    error = max(found.error, budget.ratio_error(probe.dtype))
    weight = weigh(probe, found.weight, error, amplitude, axes) if found.weight else Monomial(0.0, {})
    slope, lowest = curve.near_prior(probe, role, abs(found.weight) or float(np.ptp(points.value)))
    identified = role is not None and found.pattern in ("kl", "reversed")
    measured = Regulariser(
        scale_role=role,
        scale_as=_read_as(role, found.exponent) if role is not None and identified else None,
        pattern=found.pattern,
        weight=weight,
        coefficients=found.coefficients or {},
        missing=found.missing,
        floor=None if found.floor is None else _floor(probe, found, weight),
        slope_at_prior=slope,
        lowest=lowest,
    )
    return measured, found.constant


def _floor(probe: Probe, found: divergence.Reading, weight: Monomial) -> Monomial:
    """Return the level below which the divergence does not fall, for a call: whether it grows with L is measured."""
    batch = weight.powers.get("B", 0)
    level = probe({}) - found.constant
    grows = exponent(level, probe({}, probe.layout.tiled("L")) - found.constant) == 1
    powers = {name: power for name, power in (("B", batch), ("L", int(grows))) if power}
    sizes_here = sizes(probe.layout, ())
    rest = level / prod(float(sizes_here[name]) ** power for name, power in powers.items())
    return Monomial(rest, powers, max(found.error, budget.ratio_error(probe.dtype)))


def _far_points(probe: Probe, role: Role | None, *, floored: bool) -> tuple[Values, Values]:
    """Return two posteriors off the prior: ordinary ones, or well above a floor where there is one."""

    def at(m: float, t: float) -> Values:
        values: dict[Role, float] = {Role.Q_LOC: m} if Role.Q_LOC in probe.loss.roles else {}
        return values if role is None else {**values, role: float(argument_of(role, np.asarray(t)))}

    return (at(4.0, 1.0), at(9.0, 2.0)) if floored else (at(0.8, 0.2), at(1.5, 0.5))


def _read_as(role: Role, exponent_found: float) -> str:
    """Say how the values show that a scale argument is read, e.g. a log_var that enters as e^{2t}: as log_scale."""
    kind = role.value.removeprefix("q_")
    if exponent_found == 1.0:
        return kind
    wider = {"log_var": "log_scale", "var": "scale"}
    narrower = {"log_scale": "log_var", "scale": "var"}
    return (wider if exponent_found == 2.0 else narrower).get(kind, kind)


def _constant_formula(
    probe: Probe,
    axes: tuple[str, ...],
    value: float,
    error: float,
    reconstruction: Reconstruction | None,
    floor: object,
) -> Monomial | None:
    """Return the constant as a formula in the sizes, None where it is 0 or mixes several."""
    if not isfinite(value) or abs(value) <= error or floor is not None:
        return None
    if reconstruction is not None and reconstruction.density is None:
        return None
    here = probe.layout
    base = probe({}) - value

    def rest(layout: Layout) -> float:
        if reconstruction is None:
            return probe({}, layout)
        growth = reconstruction.weight.at(sizes(layout, axes)) / reconstruction.weight.at(sizes(here, axes))
        return probe({}, layout) - base * growth

    found = weigh(probe, value, max(error / abs(value), budget.ratio_error(probe.dtype)), rest, axes)
    return None if found.irregular else found
