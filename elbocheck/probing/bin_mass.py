"""What exp(-loss) adds up to over the levels of data on a grid, at several predictions and scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elbocheck.adapters import Array
from elbocheck.bins import BinMass, Bins
from elbocheck.probing.edges import Curve
from elbocheck.probing.probe import Probe, argument_of
from elbocheck.roles import Role

__all__ = ["added_up"]

PLACES = (0.02, 0.5, 0.75, 0.3)
"""Of predictions, in parts of the range of the data."""
SPREADS = (1.0, 1 / 30, 0.1, 1 / 256)
"""Scales there, in parts of the range."""
AROUND = 60.0
"""Scales on each side of the prediction to which a sum over all integers goes."""
FEW, MOST = 512, 4096
"""Levels that are added up at all places and scales, and at one."""


def added_up(probe: Probe, role: Role, kind: str | None, bins: Bins, weight: float) -> Bins:
    """Return the bins with the masses over all levels; without, where the levels are not known or too many."""
    if not bins.step or bins.levels > MOST:
        return bins
    curve = Curve.of(probe, role)
    wide = bins.step * (bins.levels or 64)
    places = [bins.low + wide * part for part in PLACES]
    spreads: list[float | None] = [None] * len(places)
    if curve.scale is not None and kind is not None:
        spreads = [max(wide * part, bins.width / 4) for part in SPREADS]
    tried = list(zip(places, spreads, strict=True))
    if bins.levels > FEW:
        tried = tried[2:3]
    return replace(bins, masses=tuple(_mass(curve, kind, bins, weight, at, spread) for at, spread in tried))


def _mass(curve: Curve, kind: str | None, bins: Bins, weight: float, at: float, spread: float | None) -> BinMass:
    scale = curve.usual
    if spread is not None:
        scale = float(argument_of(Role(str(kind)), 2 * np.log(np.asarray(spread / bins.factor))))
    levels = _levels(bins, at, bins.factor if spread is None else spread)
    values = curve(levels, at, scale)
    energy = (values - bins.constant) / weight
    terms = np.exp(-energy)
    noise = np.asarray(curve.probe.noise(values)) / abs(weight)
    noise = np.where(np.isfinite(noise), noise, 0.0)
    eps = float(np.finfo(curve.probe.dtype).eps)
    error = float(np.sum(np.where(terms > 0, terms * noise, 0.0)) + 4 * eps * levels.size)
    return BinMass(at, spread, float(np.sum(terms)), error)


def _levels(bins: Bins, at: float, spread: float) -> Array:
    """Return all levels, or the integers about a prediction."""
    if bins.levels:
        return bins.low + bins.step * np.arange(bins.levels)
    reach = np.ceil(AROUND * spread)
    return np.asarray(np.round(at) + np.arange(-reach, reach + 1))
