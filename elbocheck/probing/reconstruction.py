"""The part of a loss that compares data with a prediction: its family and its weight."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Reconstruction
from elbocheck.monomial import Monomial
from elbocheck.probing import classes, curve, discretised, likelihood
from elbocheck.probing.curves import IMPROPER
from elbocheck.probing.likelihood import Match
from elbocheck.probing.normalizer import periodic
from elbocheck.probing.points import Points, sample
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import weigh
from elbocheck.probing.sharpen import sharpened
from elbocheck.probing.structure import Structure
from elbocheck.roles import LIKELIHOOD_SCALES, LIKELIHOOD_SHAPES, PREDICTIONS, Role
from elbocheck.shapes import INSIDE, Layout

ORDINARY = (0.3, 0.75)
"""Predictions inside the unit interval, for a datum of 1."""
CLEAR = 8 / budget.EXPONENT
"""Of a difference, in units of its noise: its growth tells an exponent."""


def reconstruction(
    probe: Probe, structure: Structure, axes: tuple[str, ...]
) -> tuple[Reconstruction, float | None, float]:
    """Name the family and weigh it; return it with the constant that is left (None: no family fits) and its error.

    The element curve is probed with all elements alike, so it says nothing where elements couple or weigh differently.
    """
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    alike = structure.separable and structure.homogeneous and not probe.layout.indexed
    _, where, found = matched(probe) if alike else (*sample(probe), [])
    closed = where == "unit"
    signed = False
    if not found and where == "real" and alike:
        found = likelihood.match_signed(probe)
        signed = bool(found)

    if alike and _doubtful(found):
        explained = bool(found) and not found[0].deviation
        if (binned := discretised.read(probe, role, axes, exactly=explained)) is not None:
            return binned
    one, other = _levels(probe, role)

    def amplitude(layout: Layout) -> float:
        return probe({role: one}, layout) - probe({role: other}, layout)

    if not found:
        coupled = structure.batch_coupled or structure.broadcast
        if not coupled and (told := classes.read(probe, role, axes)) is not None:
            return told
        return _unidentified(probe, role, weigh(probe, 1.0, 0.0, amplitude, axes), closed=closed), None, 0.0
    best = sharpened(probe, found[0], where)
    error = max(best.error / abs(best.weight), best.deviation, budget.ratio_error(probe.dtype))
    read = _read(probe, best, role, weigh(probe, best.weight, error, amplitude, axes), closed=closed)
    return replace(read, signed=signed), best.constant, best.constant_error + best.deviation * abs(best.weight)


def matched(probe: Probe) -> tuple[Points, str, list[Match]]:
    """Return the probes, where predictions may lie, and the readings that explain them.

    Beside a shape parameter a prediction may be a rate, and of proportions a mean, although the loss takes any number: its
    normaliser, which knows better, may be what is missing. A loss that is even in its prediction reads its size: a scale's.
    """
    points, where = sample(probe)
    found = likelihood.match(probe, points, where)
    sized = where == "real" and not found and _even(probe)
    narrower = {"positive": sized or bool(probe.loss.roles & LIKELIHOOD_SHAPES), "unit": probe.layout.datum < 1}
    for assumed in (w for w, possible in narrower.items() if possible and where == "real" and not found):
        there = sample(probe, assumed)[0]
        if found := likelihood.match(probe, there, assumed):
            return there, assumed, found
    return points, where, found


def _even(probe: Probe) -> bool:
    """Tell whether predictions of either sign cost the same."""
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    pairs = [[probe({role: sign * size, Role.X: INSIDE}) for sign in (1.0, -1.0)] for size in (0.3, 0.75, 2.0)]
    return all(isfinite(one) and one == other for one, other in pairs) and pairs[0] != pairs[1]


def _doubtful(found: list[Match]) -> bool:
    """Tell whether a loss may have bins: no family, one that rare bins under a guard resemble, or one that it is not quite."""
    best = found[0] if found else None
    return (
        best is None or best.candidate.family in IMPROPER or (best.candidate.parameter == "loc" and best.deviation > 0)
    )


def _levels(probe: Probe, role: Role) -> tuple[float, float]:
    """Return two predictions that the loss tells apart: ordinary ones, unless it is flat there or a constant hides them."""

    def clear(one: float, other: float) -> float:
        a, b = probe({role: one}), probe({role: other})
        found = abs(a - b) / float(probe.noise(a, b) + np.finfo(np.float64).tiny)
        return found if isfinite(found) else 0.0

    if clear(*ORDINARY) > CLEAR:
        return ORDINARY
    return max((ORDINARY, *((1.0, 1.0 + u) for u in 10.0 ** np.arange(-2, 5))), key=lambda pair: clear(*pair))


def _read(probe: Probe, best: Match, role: Role, weight: Monomial, *, closed: bool) -> Reconstruction:
    candidate = best.candidate
    return Reconstruction(
        role,
        candidate.family,
        parameter=candidate.parameter,
        link=candidate.link,
        swapped=candidate.swapped,
        weight=weight,
        shape=best.parameters,
        shape_error=best.parameter_error,
        scale_role=next((r for r in probe.loss.roles if r in LIKELIHOOD_SCALES), None),
        scale_as=candidate.scale_as,
        shape_role=next((r for r in probe.loss.roles if r in LIKELIHOOD_SHAPES), None),
        shape_as=candidate.shape_as,
        normalizer_ratio=best.normalizer_ratio,
        deviation=best.deviation,
        closed=closed,
        bounded=True if candidate.family in IMPROPER or best.parameters.get("power", 1.0) < 0 else None,
        datum=best.datum,
        agreement=best.agreement,
    )


def _unidentified(probe: Probe, role: Role, weight: Monomial, *, closed: bool) -> Reconstruction:
    """Return what can still be said of a curve that no family explains: its weight in sizes, without a number."""
    mass = curve.binary_mass(probe, role, closed=closed)
    return Reconstruction(
        role,
        None,
        weight=replace(weight, coefficient=1.0),
        closed=closed,
        mass=mass,
        bounded=None if closed or mass is not None or periodic(probe, role) else curve.bounded(probe, role),
        mismatch=None if closed else curve.core_and_tails(probe, role),
    )
