"""The levels that data on a grid have: between open ends, or the usual ones that the width of a bin divides."""

from __future__ import annotations

from dataclasses import replace
from math import isclose, log2

from elbocheck import budget
from elbocheck.bins import Bins
from elbocheck.probing.edges import Curve, Edges, opened

__all__ = ["first_level", "on_grid", "on_range"]

ENDS = ((-1.0, 1.0), (0.0, 1.0), (-0.5, 0.5), (0.0, 255.0))
"""First and last level of usual data."""
BYTES = 256
BESIDE = 0.02
"""Of a level's distance from another."""


def first_level(curve: Curve, edges: Edges) -> float | None:
    """Return the first level of usual data whose bin is open; None where there is none."""
    return next((low for low, _ in ENDS if opened(curve, low, edges.sign) == -1), None)


def on_grid(curve: Curve, edges: Edges, bins: Bins) -> Bins:
    """Return the bins with the levels that open ends, or usual data, have."""
    slack = max(4 * bins.error, budget.DECLARED)
    fits = [_levelled(bins, edges.rounded, low, high, slack) for low, high in ENDS]
    for fit in fits:
        if _has_open_ends(curve, edges, fit):
            return replace(fit, open=True)
    if first_level(curve, edges) is not None:
        return replace(bins, open=True)
    if isclose(bins.width, 1.0, rel_tol=max(slack, BESIDE)):
        return replace(bins, low=0.0, step=1.0, levels=0)
    tiled = [fit for fit in fits if isclose(fit.step, bins.width, rel_tol=slack)]
    return min(tiled or fits, key=lambda fit: (_unusual(bins, fit), abs(fit.levels - BYTES)))


def _unusual(bins: Bins, fit: Bins) -> tuple[bool, bool]:
    """Return whether levels leave gaps between bins or overlap, and whether their number is no power of 2."""
    return abs(fit.step / bins.width - 1) > BESIDE, fit.levels & (fit.levels - 1) != 0


def on_range(bins: Bins, data_range: tuple[float, float] | None) -> Bins:
    """Return the bins on the levels of data that are declared to lie in a range."""
    if data_range is None or not data_range[1] > data_range[0]:
        return bins
    low, high = data_range
    if bins.levels and max(abs(low - bins.low), abs(high - bins.high)) < bins.width:
        return bins
    return _levelled(bins, 0.0, low, high, max(4 * bins.error, budget.DECLARED))


def _levelled(bins: Bins, rounded: float, low: float, high: float, slack: float) -> Bins:
    """Return the bins on levels from low to high.

    Data that the loss itself rounds down lie at the lower edges of their bins.
    """
    if rounded and abs((bins.inside - low) / rounded % 1 - 0.5) < BESIDE:
        return replace(bins, low=low + rounded / 2, step=rounded, levels=max(round((high - low) / rounded), 2))
    levels = _count(1 + (high - low) / bins.width, slack)
    return replace(bins, low=low, step=(high - low) / (levels - 1), levels=levels)


def _count(count: float, slack: float) -> int:
    """Return how many levels are meant where bins of a width would make a count of them.

    A whole count is meant, but 2^n + 1 is 2^n levels with a bin of 2^-n; any other number leaves gaps or overlaps on bytes.
    """
    whole = round(count)
    if whole < 2 or not isclose(count, whole, rel_tol=slack):
        return BYTES
    power = log2(whole - 1) if whole > 3 else 0.5
    return whole - 1 if power == round(power) else whole


def _has_open_ends(curve: Curve, edges: Edges, bins: Bins) -> bool:
    """Tell whether the first and the last level are open and their neighbours are not."""
    inner = (bins.low + bins.step, bins.high - bins.step)
    return (
        opened(curve, bins.low, edges.sign) == -1
        and opened(curve, bins.high, edges.sign) == 1
        and all(opened(curve, level, edges.sign) == 0 for level in inner)
    )
