"""The levels that data on a grid have: between open ends, or the usual ones that the width of a bin divides."""

from __future__ import annotations

from dataclasses import replace
from math import isclose, log

from elbocheck import budget
from elbocheck.bins import Bins
from elbocheck.probing.edges import Curve, Edges, opened

__all__ = ["first_level", "on_grid"]

ENDS = ((-1.0, 1.0), (0.0, 1.0), (-0.5, 0.5), (0.0, 255.0))
"""First and last level of usual data."""


def first_level(curve: Curve, edges: Edges) -> float | None:
    """Return the first level of usual data whose bin is open; None where there is none."""
    return next((low for low, _ in ENDS if opened(curve, low, edges.sign) == -1), None)


def on_grid(curve: Curve, edges: Edges, bins: Bins) -> Bins:
    """Return the bins with the levels that open ends, or usual data, have."""
    width = edges.rounded or bins.width
    slack = max(4 * bins.error, budget.DECLARED)
    fits = []
    for low, high in ENDS:
        count = 1 + (high - low) / width
        levels = round(count)
        if edges.rounded:
            levels = round(count - 1)
            fits.append((low, high, levels, isclose(count - 1, levels, rel_tol=slack)))
            continue
        power = 2 ** round(log(max(count, 2.0), 2))
        levels = power if abs(count - power) <= BESIDE * power else levels
        fits.append((low, high, levels, isclose(count, levels, rel_tol=slack)))
    ends = [
        (low, high, levels, exact)
        for low, high, levels, exact in fits
        if opened(curve, low, edges.sign) == -1
        and opened(curve, low + (high - low) / max(levels - 1, 1), edges.sign) == 0
        and opened(curve, high, edges.sign) == 1
        and opened(curve, high - (high - low) / max(levels - 1, 1), edges.sign) == 0
    ]
    if ends:
        low, high, levels, _ = ends[0]
        return replace(bins, open=True, low=low, step=(high - low) / (levels - 1), levels=levels)
    if opened(curve, -1e3, edges.sign) == -1 or opened(curve, 0.0, edges.sign) == -1:
        return replace(bins, open=True)
    return _closed(edges, bins, width, fits, slack)


BESIDE = 0.02
"""Of a power of two, within which a count of levels is meant to be that."""


def _closed(edges: Edges, bins: Bins, width: float, fits: list[tuple[float, float, int, bool]], slack: float) -> Bins:
    """Return bins without open ends on all integers, or on the usual levels that their width divides best."""
    if isclose(width, 1.0, rel_tol=max(slack, BESIDE)):
        return replace(bins, low=0.0, step=1.0, levels=0)
    usual = [fit for fit in fits if fit[3] and fit[2] > 1 and (fit[2] & (fit[2] - 1)) == 0]
    usual = usual or [fit for fit in fits if fit[2] == 256] or [fit for fit in fits if fit[3] and fit[2] > 1]
    if not usual:
        return bins
    low, high, levels, _ = min(usual, key=lambda fit: abs(fit[2] - 256))
    if edges.rounded:
        return replace(bins, low=low + width / 2, step=width, levels=levels)
    return replace(bins, low=low, step=(high - low) / (levels - 1), levels=levels)
