"""The part of a loss that compares data with a prediction: its family and its weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Reconstruction
from elbocheck.monomial import Monomial
from elbocheck.probing import classes, curve, discretised, likelihood
from elbocheck.probing.curves import IMPROPER
from elbocheck.probing.match import Match
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


Found = tuple[Reconstruction, float | None, float]
"""What was read, the constant that is left, and its error."""


def reconstruction(probe: Probe, structure: Structure, axes: tuple[str, ...]) -> Found:
    """Name the family and weigh it; return it with the constant that is left (None: no family fits) and its error.

    The element curve is probed with all elements alike, so it says nothing where elements couple or weigh differently.
    """
    role = next(r for r in probe.loss.roles if r in PREDICTIONS)
    if not structure.separable or not structure.homogeneous or probe.layout.indexed:
        return _whole(probe, role, structure, axes, closed=sample(probe)[1] == "unit")
    suspect = discretised.Suspect.of(probe, role)
    if suspect and suspect.shows and (binned := suspect.read(axes, exactly=True)) is not None:
        return binned  # no family of continuous data explains what bins do to rounding, and most are tried in vain
    _, where, plain = matched(probe)
    signed = [] if plain or where != "real" else likelihood.match_signed(probe)
    found = plain or signed
    if suspect and _doubtful(found) and (hidden := _hidden_bins(suspect, axes, found)) is not None:
        return hidden
    if not found:
        return _whole(probe, role, structure, axes, closed=where == "unit")
    best = sharpened(probe, found[0], where)
    error = max(best.error / abs(best.weight), best.deviation, budget.ratio_error(probe.dtype))
    weight = weigh(probe, best.weight, error, _amplitude(probe, role), axes)
    read = replace(_read(probe, best, role, weight, closed=where == "unit"), signed=bool(signed))
    return read, best.constant, best.constant_error + best.deviation * abs(best.weight)


def _hidden_bins(suspect: discretised.Suspect, axes: tuple[str, ...], found: list[Match]) -> Found | None:
    """Return bins that do not show: exact ones where those that show were not tried, and what rare bins leave of others."""
    nearly = not found or found[0].deviation > 0
    readings = (suspect.read(axes, exactly=exactly) for exactly in (True,) * (not suspect.shows) + (False,) * nearly)
    return next((binned for binned in readings if binned is not None), None)


def _whole(probe: Probe, role: Role, structure: Structure, axes: tuple[str, ...], *, closed: bool) -> Found:
    """Return a loss of classes, or one that no family explains, of which only the weight in sizes is told."""
    coupled = structure.batch_coupled or structure.broadcast
    if not coupled and (told := classes.read(probe, role, axes)) is not None:
        return told
    weight = weigh(probe, 1.0, 0.0, _amplitude(probe, role), axes)
    return _unidentified(probe, role, weight, closed=closed), None, 0.0


def _amplitude(probe: Probe, role: Role) -> Callable[[Layout], float]:
    """Return how far two predictions are apart, at any sizes."""
    one, other = _levels(probe, role)
    return lambda layout: probe({role: one}, layout) - probe({role: other}, layout)


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
    """Tell whether a loss may have bins that do not show: no family, or one that it is not quite and that bins resemble.

    Nor is one at its limit what the loss is: that of a simpler family, which does not explain it.
    """
    best = found[0] if found else None
    located = best is not None and (best.candidate.family in IMPROPER or best.candidate.parameter == "loc")
    return best is None or (located and (best.deviation > 0 or best.limiting))


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
