"""Take a loss apart: structure, reconstruction, divergence, and the constant that is left."""

from __future__ import annotations

from math import isfinite, nan

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Anatomy, Reconstruction, Regulariser
from elbocheck.monomial import Monomial
from elbocheck.probing import categorical, draws, gamma, sphere, swift
from elbocheck.probing.probe import Probe
from elbocheck.probing.reconstruction import reconstruction
from elbocheck.probing.reduction import event_axes, sizes, weigh
from elbocheck.probing.regulariser import regulariser
from elbocheck.probing.structure import Structure, structure
from elbocheck.roles import POSTERIOR_SCALES, PREDICTIONS, Role
from elbocheck.shapes import Layout


def dissect(probe: Probe, seed: int) -> Anatomy:
    """Measure everything that the verdict needs: in a few calls for a usual loss, thoroughly for any other."""
    return draws.compared(probe, swift.explained(probe, seed) or thorough(probe, seed))


def thorough(probe: Probe, seed: int) -> Anatomy:
    """Measure everything, whatever the loss is made of."""
    roles = probe.loss.roles
    axes = event_axes(probe.layout, probe.loss.adapter.name)
    shape = structure(probe, np.random.default_rng(seed))
    divergence, left, unsure = _divergence(probe, shape, axes)
    raised = 0.0  # what the divergence itself is worth at the base point, where a KL to N(0, 1) is 0
    if divergence is not None and left is not None and divergence.pattern in ("kl", "capacity") and divergence.raised:
        raised = probe({}) - left
    likelihood = None
    if Role.X in roles and roles & PREDICTIONS:
        likelihood, left, unread = reconstruction(probe, shape, axes)
        left, unsure = None if left is None else left - raised, unsure + unread
    if shape.latent_coupled and not (divergence and (divergence.floor or divergence.target)):
        left = None  # what couples the batch is worth something too, nobody knows how much
    value = nan if left is None else left
    error = float(probe.noise(probe({}), value)) + probe.floor + 4 * unsure if isfinite(value) else 0.0
    plain = likelihood is None or likelihood.density is not None
    return Anatomy(
        structure=shape,
        reconstruction=likelihood,
        regulariser=divergence,
        constant=_formula(probe, axes, value, error, likelihood) if plain and not raised else None,
        constant_value=value,
        constant_error=error,
        event_axes=axes,
        derived=tuple(sorted(probe.stuck)),
        sizes=sizes(probe.layout, axes),
    )


def _divergence(
    probe: Probe, shape: Structure, axes: tuple[str, ...]
) -> tuple[Regulariser | None, float | None, float]:
    """Return the divergence of the posterior that the loss takes, with the value at the prior and its error."""
    roles, discrete = probe.loss.roles, categorical.role_of(probe)
    if Role.Q_KAPPA in roles:
        return sphere.regulariser(probe, axes)
    if roles & (POSTERIOR_SCALES | {Role.Q_LOC}):
        found, left, unsure = regulariser(probe, shape, axes)
        return (found if discrete is None else categorical.beside(found, probe, discrete, axes)), left, unsure
    if discrete is not None:
        return categorical.regulariser(probe, discrete, axes)
    return gamma.regulariser(probe, axes) if roles >= gamma.ROLES else (None, None, 0.0)


def _formula(
    probe: Probe, axes: tuple[str, ...], value: float, error: float, likelihood: Reconstruction | None
) -> Monomial | None:
    """Return the constant as a formula in the sizes, None where it is 0 or follows none."""
    if not isfinite(value) or abs(value) <= error:
        return None
    here = probe.layout
    base = probe({}) - value  # what the terms are worth at the base point: it grows as the reconstruction does

    def rest(layout: Layout) -> float:
        if likelihood is None:
            return probe({}, layout)
        growth = likelihood.weight.at(sizes(layout, axes)) / likelihood.weight.at(sizes(here, axes))
        return probe({}, layout) - base * growth

    found = weigh(probe, value, max(error / abs(value), budget.ratio_error(probe.dtype)), rest, axes)
    return None if found.irregular else found
