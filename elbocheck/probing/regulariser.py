"""The part of a loss that depends on the posterior: its form, its weight, its floor."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Regulariser
from elbocheck.monomial import Monomial
from elbocheck.probing import capacity, curve, divergence, prior
from elbocheck.probing.cost import Reading, sample, scale_role
from elbocheck.probing.estimates import moves
from elbocheck.probing.probe import Probe, Values, argument_of
from elbocheck.probing.reduction import exponent, sizes, weigh
from elbocheck.probing.structure import Structure
from elbocheck.roles import Role


def regulariser(probe: Probe, structure: Structure, axes: tuple[str, ...]) -> tuple[Regulariser, float, float]:
    """Name the divergence and weigh it; return it with the loss's value at the prior, and that value's error."""
    points = sample(probe)
    found = divergence.read(probe, points)
    if (found.pattern not in ("kl", "absent") or found.weight < 0) and (pull := capacity.read(probe)) is not None:
        return _pulled(probe, pull, axes), pull.constant, 0.0
    found = replace(found, pattern=_pattern(probe, structure, found))
    role = scale_role(probe)
    weight = _weight(probe, found, role, axes)
    slope, lowest = curve.near_prior(probe, role, abs(found.weight) or float(np.ptp(points.value)))
    scale_as = None
    if role is not None and found.pattern in ("kl", "reversed"):
        scale_as = read_as(found.read_as or role, found.exponent)
    measured = Regulariser(
        scale_role=role,
        scale_as=scale_as,
        read_as=found.read_as,
        offset=found.offset,
        pattern=found.pattern,
        weight=weight,
        coefficients=found.coefficients or {},
        missing=found.missing,
        slope_at_prior=slope,
        lowest=lowest,
        deviation=found.deviation,
        prior_loc=found.prior.loc,
        prior_var=found.prior.var,
        sampled=found.pattern == "kl" and not structure.latent_coupled and moves(probe, probe.off_prior),
    )
    if found.floor is not None:
        measured = replace(measured, floor=_floor(probe, found, weight), floor_per=_floor_per(probe, found))
    return measured, found.constant, found.deviation * abs(found.weight)


def _pattern(probe: Probe, structure: Structure, found: Reading) -> str:
    """Return the pattern, once the prior that is passed and every single latent have been looked at."""
    if found.pattern != "kl":
        return found.pattern
    if not prior.learned(probe, found.weight, found.constant, found.floor):
        return "prior"
    return "kl" if structure.latent_homogeneous else "unequal"


def _weight(probe: Probe, found: Reading, role: Role | None, axes: tuple[str, ...]) -> Monomial:
    """Return the weight as a formula, from two posteriors off the prior."""
    if not found.weight:
        return Monomial(0.0, {})
    near, far = _far_points(probe, role, None if found.floor is None else found.floor / found.weight)
    error = max(found.error, found.deviation, budget.ratio_error(probe.dtype))
    return weigh(probe, found.weight, error, lambda layout: probe(far, layout) - probe(near, layout), axes)


def _pulled(probe: Probe, pull: capacity.Pull, axes: tuple[str, ...]) -> Regulariser:
    """Return a KL that is pulled to a target; it has a gain, but no weight that would make it part of a bound."""
    role = scale_role(probe)
    return Regulariser(
        scale_role=role,
        scale_as=None if role is None else read_as(pull.read_as or role, pull.exponent),
        pattern="capacity",
        weight=Monomial(0.0, {}),
        read_as=pull.read_as,
        target=capacity.target(probe, pull, axes),
    )


def _far_points(probe: Probe, role: Role | None, floor: float | None) -> tuple[Values, Values]:
    """Return two posteriors off the prior: ordinary ones, or well above a floor, in nats of a latent, where there is one."""

    def at(m: float, t: float) -> Values:
        values: dict[Role, float] = {Role.Q_LOC: m} if Role.Q_LOC in probe.loss.roles else {}
        return values if role is None else {**values, role: float(argument_of(role, np.asarray(t)))}

    if floor is None:
        return at(0.8, 0.2), at(1.5, 0.5)
    scale = (1 + floor) ** 0.5
    return at(4.0 * scale, 1.0), at(9.0 * scale, 2.0)


def read_as(role: Role, exponent_found: float) -> str:
    """Say how the values show that a scale argument is read, e.g. a log_var that enters as e^{2t}: as log_scale."""
    kind = role.value.removeprefix("q_")
    if role is Role.Q_RAW_SCALE:
        return "softplus" if exponent_found == 1.0 else "softplus_var"
    if exponent_found == 1.0:
        return kind
    wider = {"log_var": "log_scale", "var": "scale"}
    narrower = {"log_scale": "log_var", "scale": "var"}
    return (wider if exponent_found == 2.0 else narrower).get(kind, kind)


def _floor(probe: Probe, found: Reading, weight: Monomial) -> Monomial:
    """Return the level below which the divergence of a datum does not fall, in nats of it, whatever it is weighed with.

    How it grows with B and L is measured.
    """
    level = probe({}) - found.constant
    grown = {name: exponent(level, _level(probe, found, name)) == 1 for name in ("B", "L")}
    rest = level / prod(float(sizes(probe.layout, ())[name]) for name, grows in grown.items() if grows)
    powers = {"B": int(grown["B"]) - weight.powers.get("B", 0), "L": int(grown["L"])}
    error = max(found.error, float(probe.noise(level, found.constant)) / level, budget.ratio_error(probe.dtype))
    return Monomial(rest / weight.coefficient, {name: power for name, power in powers.items() if power}, error)


def _level(probe: Probe, found: Reading, axis: str) -> float:
    """Return the level where an axis is doubled: what the loss is above the KL well beyond its floor, moved back to 0."""
    layout = probe.layout.tiled(axis)
    if Role.Q_LOC not in probe.loss.roles or found.floor is None:
        return probe({}, layout) - found.constant
    far = (8.0 * found.floor / found.weight) ** 0.5  # where the KL is four times the floor
    one, two = (probe({Role.Q_LOC: factor * far}, layout) for factor in (1.0, 2.0))
    return probe({}, layout) - (4 * one - two) / 3


def _floor_per(probe: Probe, found: Reading) -> str:
    """Tell what the floor holds for: half of the latents (or of the data) go far, the others stay at the prior."""
    if Role.Q_LOC not in probe.loss.roles or found.floor is None:
        return "datum"
    shape = probe.layout.shape(Role.Q_LOC)
    far = (8.0 * found.floor / found.weight * prod(shape)) ** 0.5  # alone it lifts any mean to four times the floor
    cost = found.weight * 0.5 * far**2 / prod(shape)
    first_latent, first_datum = np.zeros(shape), np.zeros(shape)
    first_latent[..., 0] = far
    first_datum[0] = far
    alone = probe({Role.Q_LOC: first_latent}) - found.constant - cost * np.count_nonzero(first_latent)
    if abs(alone) > 0.25 * found.floor:
        return "latent"
    others = probe({Role.Q_LOC: first_datum}) - found.constant - cost * np.count_nonzero(first_datum)
    return "datum" if abs(others) > 0.25 * found.floor else "batch"
