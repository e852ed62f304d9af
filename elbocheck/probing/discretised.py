"""A likelihood of data on a grid: its family, the width of its bins, its weight and its levels, from calls alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import isclose, log

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Reconstruction
from elbocheck.bins import SHAPES, Bins
from elbocheck.probing.bin_counts import counted
from elbocheck.probing.bin_fit import Found, Search
from elbocheck.probing.bin_levels import first_level, on_grid
from elbocheck.probing.bin_points import Seen, plateau, probed
from elbocheck.probing.edges import Curve, Edges, box, inside
from elbocheck.probing.probe import Probe, argument_of
from elbocheck.probing.reduction import weigh
from elbocheck.roles import Role
from elbocheck.shapes import Layout

__all__ = ["Suspect"]


@dataclass(frozen=True)
class Suspect:
    """A loss of which one level at least may have a bin.

    Attributes:
        curve: the loss.
        edges: the level.
        first: the lowest level, where its bin is open.
    """

    curve: Curve
    edges: Edges
    first: float | None

    @classmethod
    def of(cls, probe: Probe, role: Role) -> Suspect | None:
        """Return what may have bins; None where no level lies between two sides, or a scale near 0 leaves it no width."""
        curve = Curve.of(probe, role)
        level = inside(curve)
        edges = level if level is None or curve.scale is None else box(curve, level)
        return None if edges is None else cls(curve, edges, first_level(curve, edges))

    @property
    def shows(self) -> bool:
        """Whether bins are seen; of some so narrow that another family explains them the constant alone would tell a width."""
        return self.first is not None or self.curve.scale is not None or self._counts is not None

    def read(self, axes: tuple[str, ...], *, exactly: bool) -> tuple[Reconstruction, float, float] | None:
        """Return the likelihood, the constant that is left and its error; None where the values are no such thing.

        Args:
            axes: of one datum.
            exactly: bins that explain the values to rounding, with the guard that they show; else nearly so.
        """
        found = self._search.explained(exactly=exactly)
        return None if found is None else _told(self.curve, self.edges, found, axes)

    @cached_property
    def _search(self) -> Search:
        edges, seen = self.edges, probed(self.curve, self.edges, self.first)
        if self.first is None and self.curve.scale is None and self._counts is not None:
            counts, unit = self._counts
            edges, seen = replace(edges, rise=unit), seen.joined(counts)
        return Search(self.curve, edges, seen, fixed=self.first is not None or self.curve.scale is None)

    @cached_property
    def _counts(self) -> tuple[Seen, float] | None:
        return counted(self.curve, self.edges, plateau(self.curve, self.edges))


def _told(curve: Curve, edges: Edges, found: Found, axes: tuple[str, ...]) -> tuple[Reconstruction, float, float]:
    """Say what was read."""
    weight, eps, constant = (
        edges.sign * found.weight,
        budget.ratio_error(curve.probe.dtype),
        edges.sign * found.constant,
    )
    error = max(found.weight_error / found.weight, eps)
    factor = (
        1.0 if found.reading.kind and isclose(found.factor, 1.0, rel_tol=max(4 * found.error, eps)) else found.factor
    )
    bins = Bins(
        shape=found.reading.shape,
        width=found.width,
        error=max(found.error, eps),
        offset=edges.offset,
        inside=edges.level,
        open=False,
        factor=factor,
        constant=constant,
        guard=found.guard,
        added=found.reading.added is not False,
    )
    bins = on_grid(curve, edges, _with_kind_of_guard(curve, bins, found, weight))
    whole = weigh(curve.probe, weight, error, _amplitude(curve, edges, found), axes)
    shape = {"scale": factor} if not found.reading.kind or factor != 1 else {}
    told = Reconstruction(
        curve.role,
        SHAPES[found.reading.shape].family,
        weight=whole,
        shape={**shape, **({"levels": float(bins.levels)} if bins.levels else {})},
        shape_error=bins.error,
        scale_role=curve.scale,
        scale_as=found.reading.kind,
        agreement=max(found.error, float(curve.probe.noise(1.0))),
        bins=bins,
    )
    return told, constant, found.constant_error


def _amplitude(curve: Curve, edges: Edges, found: Found) -> Callable[[Layout], float]:
    """Return what is proportional to the weight: the cost of a bin that is three widths or scales off."""
    spread = 1.0 if curve.scale is not None else found.factor
    away = 3 * max(spread, found.width)

    def amplitude(layout: Layout) -> float:
        far = {Role.X: edges.level, curve.role: edges.level + edges.offset + away}
        return curve.probe(far, layout) - curve.probe({**far, curve.role: edges.level + edges.offset}, layout)

    return amplitude


def _with_kind_of_guard(curve: Curve, bins: Bins, found: Found, weight: float) -> Bins:
    """Return the bins with the guard added to a probability or as its least value, whichever the rare bins show.

    With the prediction above the datum both values of the distribution function are small and keep their digits.
    """
    if not bins.guard:
        return bins
    spread = bins.factor if curve.scale is None else 2 * bins.width
    argument = curve.usual
    if curve.scale is not None:
        argument = float(argument_of(Role(str(found.reading.kind)), 2 * np.log(np.asarray(spread / bins.factor))))
    locs = curve.probe.cast(bins.inside + bins.offset + spread * np.arange(0, 60, 0.25))
    energy = bins.energy(np.asarray(bins.inside), locs, np.asarray(spread))
    near = np.abs(energy + log(bins.guard)) < BESIDE_GUARD
    cost = (curve(bins.inside, locs, argument) - bins.constant) / weight
    off = [np.sum(np.abs(cost - replace(bins, added=added).held(energy)), where=near) for added in (True, False)]
    return replace(bins, added=bool(off[0] <= off[1]))


BESIDE_GUARD = 2.0
"""Nats between a rare bin and the guard, within which the two kinds differ by more than 0.1."""
